"""Candidates that share the cache of their prompt, against a plain model that reads each of them from the beginning."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

from tests.transforms.language_models.tiny_models import make_llama, make_lora, make_soft_prompt, make_t5  # noqa: E402
from transforms.language_models.decoding import DecodingConfig  # noqa: E402
from transforms.language_models.decoding_state import cache_argument, forward_arguments  # noqa: E402
from transforms.language_models.folder import read_adapter, read_model  # noqa: E402
from transforms.language_models.interface import NBest  # noqa: E402
from transforms.language_models.prompt_template import PromptTemplate  # noqa: E402
from transforms.language_models.shared_prompts import (  # noqa: E402
    SHARING_MODEL_TYPES,
    STEPS_OF_ROOM,
    CandidateState,
    PromptBlock,
    SharedAttention,
    can_share_prompts,
)
from transforms.language_models.transformers_model import TransformersModel  # noqa: E402

pytestmark = pytest.mark.models

CANDIDATES = 3
STEPS = STEPS_OF_ROOM + 3
BLOCKS = [[[5, 6, 7, 8, 9, 10, 11], [12]], [[20, 21, 22, 23], [30, 31], [40, 41, 42], [50, 51, 52]]]
PREFIX = [3, 4, 2]
PROMPTS = ["red tea pot", "garden", "blue cars " * 40, "tea", "a longer question about pots", "☕", "cars"]
DIALOGUE = PromptTemplate("name these", (("red cars", "cars"), ("tea pot", "pots")))


def make_model(kind: str, **settings: Any) -> Any:
    """A tiny decoder of random weights."""
    sizes = {
        "vocab_size": 64,
        "hidden_size": 32,
        "intermediate_size": 40,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "initializer_range": 0.3,
        "pad_token_id": 0,
        "sliding_window": None,
    }
    torch.manual_seed(1)
    config = transformers.AutoConfig.for_model(kind, **sizes | settings)
    return transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()


def read_alone(model: Any, rows: Sequence[Sequence[int]]) -> torch.Tensor:
    """The logits after each row, each read from its beginning by the plain model."""
    return torch.stack([model(input_ids=torch.tensor([list(row)])).logits[0, -1].float() for row in rows])


def prefix_cache(model: Any, ids: list[int]) -> list[tuple[torch.Tensor, torch.Tensor]]:
    if not ids:
        return []
    cache = transformers.DynamicCache(config=model.config)
    argument = {cache_argument(forward_arguments(model)): cache}
    model(input_ids=torch.tensor([ids]), use_cache=True, **argument)
    return [(layer.keys, layer.values) for layer in cache.layers]


@pytest.mark.parametrize("prefix", [[], PREFIX], ids=["no prefix", "prefix"])
@pytest.mark.parametrize("kind", sorted(SHARING_MODEL_TYPES))
@torch.inference_mode()
def test_each_candidate_has_the_logits_that_it_has_alone(kind: str, prefix: list[int]) -> None:
    model = make_model(kind)
    assert can_share_prompts(model)
    blocks = [PromptBlock(rows, prefix_cache(model, prefix), CANDIDATES, STEPS) for rows in BLOCKS]
    state = CandidateState(model, blocks, CANDIDATES)
    prompts = [[*prefix, *row] for rows in BLOCKS for row in rows]
    texts = [list(prompt) for prompt in prompts for _ in range(CANDIDATES)]
    before = model.config._attn_implementation
    with SharedAttention(model):
        logits = state.prefill()
    torch.testing.assert_close(logits, read_alone(model, prompts), atol=1e-4, rtol=1e-4)
    random = np.random.default_rng(0)
    for step in range(STEPS):
        # Some leave at each step, in the end whole prompts and whole blocks; the last one is read twice.
        kept = sorted(random.permutation(len(texts))[: max(1, len(texts) - step)].tolist())
        state.reorder([*kept, kept[-1]])
        tokens = random.integers(2, 60, len(kept))
        texts = [[*texts[row], int(token)] for row, token in zip(kept, tokens, strict=True)]
        with SharedAttention(model):
            logits = state.step(torch.from_numpy(np.append(tokens, tokens[-1])))
        torch.testing.assert_close(logits, read_alone(model, [*texts, texts[-1]]), atol=1e-4, rtol=1e-4)
    assert model.config._attn_implementation == before


class Folders(NamedTuple):
    """A model with its adapters; None: no adapter."""

    model: Path
    adapters: dict[str, Path | None]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    base = tmp_path_factory.mktemp("models")
    model = make_llama(base / "llama")
    lora, soft_prompt = make_lora(model, base / "lora"), make_soft_prompt(model, base / "soft")
    return Folders(model, {"none": None, "lora": lora, "soft": soft_prompt})


def loaded(folders: Folders, adapter: str = "none", **options: Any) -> TransformersModel:
    path = folders.adapters[adapter]
    decoding = DecodingConfig(14, num_sequences=5)
    options = {"template": DIALOGUE, "dtype": "float32", "device": "cpu", "decoding": decoding} | options
    return TransformersModel(read_model(folders.model), path and read_adapter(path), **options)


def rounded(nbest: NBest) -> list[tuple[str, float]]:
    assert nbest.failure == ""
    return sorted((each.text, round(each.log_prob or 0.0, 1)) for each in nbest.completions)


@pytest.mark.parametrize("template", [DIALOGUE, PromptTemplate()], ids=["examples", "bare"])
@pytest.mark.parametrize("adapter", ["none", "lora", "soft"])
def test_candidates_are_those_with_a_cache_for_each(folders: Folders, adapter: str, template: PromptTemplate) -> None:
    model = loaded(folders, adapter, template=template)
    assert model.shares_prompts
    shared = model.generate(PROMPTS)
    model.shares_prompts = False
    assert list(map(rounded, shared)) == list(map(rounded, model.generate(PROMPTS)))


def test_candidates_do_not_depend_on_the_batch(folders: Folders) -> None:
    model = loaded(folders)
    together = list(map(rounded, model.generate(PROMPTS)))
    assert [rounded(model.generate([prompt])[0]) for prompt in PROMPTS] == together
    assert list(map(rounded, model.generate(PROMPTS[::-1]))) == together[::-1]
    for tokens in (40, 100, 1000):
        model.max_batch_tokens = tokens
        assert list(map(rounded, model.generate(PROMPTS))) == together
    model = loaded(folders, decoding=DecodingConfig(1, num_sequences=5))
    assert [len(nbest.completions) for nbest in model.generate(PROMPTS)] == [5] * len(PROMPTS)


@pytest.mark.parametrize("number", [1, 5])
@pytest.mark.parametrize("template", [DIALOGUE, PromptTemplate()], ids=["examples", "bare"])
def test_candidates_in_int8_are_bitwise_those_of_each_prompt_alone(
    folders: Folders, template: PromptTemplate, number: int
) -> None:
    """Rounding to integers would enlarge a difference in the last bit of attention."""
    model = loaded(folders, dtype="int8", template=template, decoding=DecodingConfig(14, num_sequences=number))
    together = model.generate(PROMPTS)
    assert [each for prompt in PROMPTS for each in model.generate([prompt])] == together
    assert model.generate(PROMPTS[::-1]) == together[::-1]
    model.max_batch_tokens = 40
    assert model.generate(PROMPTS) == together


def test_prompts_are_shared_only_where_attention_is_that_of_the_list(tmp_path: Path, folders: Folders) -> None:
    assert not can_share_prompts(make_model("mistral", sliding_window=8))
    assert not can_share_prompts(make_model("qwen2", use_sliding_window=True, sliding_window=8, max_window_layers=1))
    assert not can_share_prompts(make_model("gemma2"))
    t5 = TransformersModel(read_model(make_t5(tmp_path / "t5")), device="cpu")
    assert not t5.shares_prompts


def test_an_argument_that_changes_attention_is_refused() -> None:
    model = make_model("gemma2", layer_types=["full_attention"] * 2, attn_logit_softcapping=30.0)
    state = CandidateState(model, [PromptBlock([[5, 6]], [], CANDIDATES, 4)], CANDIDATES)
    with pytest.raises(ValueError, match=r"passes .*softcap.* to attention"), SharedAttention(model):
        state.prefill()
    assert model.config._attn_implementation != "shared_prompts"
