import json
import logging
import shutil
import threading
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("peft")

from tests.transforms.language_models.completions import no_completion, top_text  # noqa: E402
from tests.transforms.language_models.tiny_models import (  # noqa: E402
    load_plain,
    load_tuned,
    make_llama,
    make_lora,
    make_soft_prompt,
    make_t5,
)
from transforms.language_models.decoding import Decoded, DecodingConfig  # noqa: E402
from transforms.language_models.decoding_state import padded_length  # noqa: E402
from transforms.language_models.dtype import DTypeName, cpu_has_bfloat16  # noqa: E402
from transforms.language_models.folder import read_adapter, read_model  # noqa: E402
from transforms.language_models.interface import NBest  # noqa: E402
from transforms.language_models.prompt_template import PromptTemplate, tokenize_prompt  # noqa: E402
from transforms.language_models.transformers_model import TransformersModel  # noqa: E402
from transforms.model_files import ModelUnavailableError  # noqa: E402

QUESTIONS = [
    "red tea pot",
    "garden",
    "these cars are blue <|im_end|>",
    "a much longer question about tea pots in the garden of a car",
    "tea",
    "☕",
    "blue pots",
]
DIALOGUE = PromptTemplate("name these", (("red cars", "cars"), ("tea pot", "pots"), ("blue garden", "garden")))
TOKENS = 8
DRAWN = DecodingConfig(TOKENS, temperature=1.0, top_p=0.9, seed=3)


@pytest.fixture(scope="module", autouse=True)
def single_threaded() -> Any:
    """Threads of a shared machine cost tiny models more than they give."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Folders(NamedTuple):
    """A model with its adapters."""

    model: Path
    lora: Path
    soft_prompt: Path


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Folders]:
    base = tmp_path_factory.mktemp("models")
    models = {
        "llama": make_llama(base / "llama"),
        "starting": make_llama(base / "starting", template=None, start=True),
        "plain": make_llama(base / "plain", template=None),
        "t5": make_t5(base / "t5"),
    }
    return {
        name: Folders(model, make_lora(model, base / f"{name}-lora"), make_soft_prompt(model, base / f"{name}-soft"))
        for name, model in models.items()
    }


def loaded(
    model: Path, adapter: Path | None = None, decoding: DecodingConfig | None = None, **options: Any
) -> TransformersModel:
    found = None if adapter is None else read_adapter(adapter)
    options = {"template": DIALOGUE, "dtype": "float32"} | options
    return TransformersModel(
        read_model(model), found, decoding=decoding or DecodingConfig(TOKENS), device="cpu", **options
    )


def whole(model: TransformersModel, question: str) -> torch.Tensor:
    """All that is read for one question, one row."""
    template = model._template
    ids = [*template.before, *tokenize_prompt(model._tokenizer, question), *template.after]
    return torch.tensor([ids])


def said_by(generate: Callable[..., torch.Tensor], model: TransformersModel, read: int, **inputs: torch.Tensor) -> str:
    """What transformers or PEFT answer, greedily and with nothing of ours, up to the end of the line.

    Args:
        generate: their method.
        model: whose answer it is to be.
        read: of the tokens that come back so many are not said by the model.
        inputs: for the method, of one question.
    """
    with torch.inference_mode():
        said = generate(**inputs, max_new_tokens=TOKENS, do_sample=False, pad_token_id=0)[0, read:]
    return model._tokenizer.decode(said, skip_special_tokens=True).partition("\n")[0].strip()


def reading_all_again(tuned: Any, end: int) -> Callable[..., torch.Tensor]:
    """Greedy generation that reads all again for each token: PEFT's own loses soft prompts with transformers 5.24."""

    def generate(input_ids: torch.Tensor, max_new_tokens: int, **_: Any) -> torch.Tensor:
        ids = input_ids
        while ids.shape[1] < input_ids.shape[1] + max_new_tokens and ids[0, -1] != end:
            logits = tuned(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
            ids = torch.cat([ids, logits[:, -1:].argmax(-1)], dim=1)
        return ids

    return generate


def answers_of(model: TransformersModel) -> list[str]:
    answers = model.generate(QUESTIONS)
    assert [answer.failure for answer in answers] == [""] * len(QUESTIONS)
    texts = [top_text(answer) for answer in answers]
    assert len(set(texts)) >= 3  # or nothing could be told from them
    return texts


NAMES = ["llama", "starting", "plain", "t5"]
native = pytest.mark.skipif(
    not cpu_has_bfloat16(), reason="only processors that multiply bfloat16 give a row the same bits"
)
DIALOGUES = pytest.mark.parametrize("template", [DIALOGUE, PromptTemplate()], ids=["examples", "bare"])


@DIALOGUES
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("decoding", [DecodingConfig(TOKENS), DRAWN], ids=["greedy", "drawn"])
@pytest.mark.parametrize("dtype", ["float32", pytest.param("bfloat16", marks=native)])
def test_a_batch_gives_the_answers_of_single_calls(
    folders: dict[str, Folders], name: str, decoding: DecodingConfig, template: PromptTemplate, dtype: DTypeName
) -> None:
    model = loaded(folders[name].model, decoding=decoding, template=template, dtype=dtype)
    together = answers_of(model)
    assert [top_text(model.generate([question])[0]) for question in QUESTIONS] == together
    assert [top_text(answer) for answer in model.generate(QUESTIONS[::-1])] == together[::-1]
    model.max_batch_tokens = 60
    assert [top_text(answer) for answer in model.generate(QUESTIONS)] == together


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_in_16_bits_weights_are_as_transformers_loads_them_and_positions_are_not_coarser(
    folders: dict[str, Folders], name: str
) -> None:
    ours = loaded(folders[name].model, dtype="bfloat16")._model
    theirs = type(ours).from_pretrained(folders[name].model, dtype=torch.bfloat16)
    for tensors in ("named_parameters", "named_buffers"):
        found, expected = (
            {each: (tensor.dtype, tensor.sum().item()) for each, tensor in getattr(model, tensors)()}
            for model in (ours, theirs)
        )
        assert found == expected
    merged = loaded(folders[name].model, folders[name].lora, dtype="bfloat16")._model
    exact = loaded(folders[name].model, folders[name].lora)._model
    for weight, fine in zip(merged.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(weight.float(), fine, rtol=2**-7, atol=2**-7)


@native
@pytest.mark.parametrize("name", NAMES)
def test_in_16_bits_a_row_comes_out_to_the_bit_as_it_does_alone(folders: dict[str, Folders], name: str) -> None:
    model = loaded(folders[name].model, dtype="bfloat16")
    rows = [model._prompt_ids(question) for question in QUESTIONS]
    widths = [padded_length(len(row)) for row in rows]
    (common,) = [width for width, number in Counter(widths).items() if number > 2]
    batch = [row for row, width in zip(rows, widths, strict=True) if width == common]
    with torch.inference_mode():
        _, together = model._prefill(batch)
        alone = [model._prefill([row])[1][0] for row in batch]
    assert together.dtype == torch.float32
    assert torch.equal(together[: len(batch)], torch.stack(alone))
    assert not torch.equal(together[0], together[1])


@DIALOGUES
@pytest.mark.parametrize("name", NAMES)
def test_answers_are_those_of_transformers_for_the_whole_prompt(
    folders: dict[str, Folders], name: str, template: PromptTemplate
) -> None:
    model = loaded(folders[name].model, template=template)
    plain = load_plain(folders[name].model)
    for question, found in zip(QUESTIONS, answers_of(model), strict=True):
        ids = whole(model, question)
        read = 1 if model.encoder_decoder else ids.shape[1]
        assert found == said_by(plain.generate, model, read, input_ids=ids)


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_lora_answers_as_it_does_unmerged(folders: dict[str, Folders], name: str) -> None:
    model = loaded(folders[name].model, folders[name].lora)
    tuned = load_tuned(folders[name].model, folders[name].lora)
    found = answers_of(model)
    for question, text in zip(QUESTIONS, found, strict=True):
        ids = whole(model, question)
        read = 1 if model.encoder_decoder else ids.shape[1]
        assert text == said_by(tuned.generate, model, read, input_ids=ids, attention_mask=torch.ones_like(ids))
    assert found != answers_of(loaded(folders[name].model))


@DIALOGUES
@pytest.mark.parametrize("name", ["llama", "plain", "t5"])
def test_soft_prompts_stand_before_all_else(folders: dict[str, Folders], name: str, template: PromptTemplate) -> None:
    model = loaded(folders[name].model, folders[name].soft_prompt, template=template)
    plain, tuned = load_plain(folders[name].model), load_tuned(folders[name].model, folders[name].soft_prompt)
    soft = next(weight for each, weight in tuned.named_parameters() if "prompt_encoder" in each)[:5].detach()
    found = answers_of(model)
    for question, text in zip(QUESTIONS, found, strict=True):
        ids = whole(model, question)
        embedded = torch.cat([soft[None], plain.get_input_embeddings()(ids)], dim=1)
        start = 1 if model.encoder_decoder else 0  # of a prompt of vectors nothing comes back
        assert text == said_by(plain.generate, model, start, inputs_embeds=embedded)
        of_peft = tuned.generate if model.encoder_decoder else reading_all_again(tuned, model._tokenizer.eos_token_id)
        read = 1 if model.encoder_decoder else ids.shape[1]
        assert text == said_by(of_peft, model, read, input_ids=ids, attention_mask=torch.ones_like(ids))
    assert [top_text(model.generate([question])[0]) for question in QUESTIONS] == found
    assert found != answers_of(loaded(folders[name].model, template=template))


def test_the_adapter_is_as_precise_as_the_model(folders: dict[str, Folders], tmp_path: Path) -> None:
    """Weights that are kept in 16 bits are reckoned with in 32 on a CPU."""
    from safetensors.torch import load_file, save_file

    coarse, fine = (Path(shutil.copytree(folders["llama"].soft_prompt, tmp_path / name)) for name in ("b", "f"))
    weights = load_file(coarse / "adapter_model.safetensors")
    rounded = {name: weight.to(torch.bfloat16) for name, weight in weights.items()}
    save_file(rounded, coarse / "adapter_model.safetensors", {"format": "pt"})
    exact = {name: weight.float() for name, weight in rounded.items()}
    save_file(exact, fine / "adapter_model.safetensors", {"format": "pt"})
    assert answers_of(loaded(folders["llama"].model, coarse)) == answers_of(loaded(folders["llama"].model, fine))


def test_adapters_of_other_models_are_refused(folders: dict[str, Folders], tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match=r"the adapter .* does not fit the model"):
        loaded(folders["llama"].model, folders["t5"].lora)
    for damage, name in ((lambda config: config | {"token_dim": 8}, "wide"), (None, "broken")):
        adapter = Path(shutil.copytree(folders["llama"].soft_prompt, tmp_path / name))
        if damage is None:
            (adapter / "adapter_model.safetensors").write_bytes(b"broken")
        else:
            config = json.loads((adapter / "adapter_config.json").read_text())
            (adapter / "adapter_config.json").write_text(json.dumps(damage(config)))
            weights = {"prompt_embeddings": torch.zeros(5, 8)}
            from safetensors.torch import save_file

            save_file(weights, adapter / "adapter_model.safetensors", {"format": "pt"})
        with pytest.raises(ModelUnavailableError, match=rf"the adapter .*{name} does not fit the model"):
            loaded(folders["llama"].model, adapter)


def test_a_question_that_fails_costs_its_own_answer_alone(
    folders: dict[str, Folders], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(folders["llama"].model)
    expected = answers_of(model)
    generate = model._decode

    def failing(questions: list[str], tokens: list[list[int]]) -> list[Decoded]:
        if "tea" in questions:
            raise RuntimeError("no tea")
        return generate(questions, tokens)

    monkeypatch.setattr(model, "_decode", failing)
    found = model.generate(QUESTIONS)
    assert found[4] == no_completion("RuntimeError: no tea")
    assert [top_text(answer) for answer in found[:4] + found[5:]] == expected[:4] + expected[5:]


@pytest.mark.parametrize("decoding", [DecodingConfig(TOKENS), DRAWN], ids=["greedy", "drawn"])
def test_batches_are_halved_where_memory_is_short(
    folders: dict[str, Folders], monkeypatch: pytest.MonkeyPatch, decoding: DecodingConfig
) -> None:
    model = loaded(folders["llama"].model, decoding=decoding)
    expected = answers_of(model)
    sizes = []
    generate = model._decode

    def small(questions: list[str], tokens: list[list[int]]) -> list[Decoded]:
        if len(questions) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        sizes.append(len(questions))
        return generate(questions, tokens)

    monkeypatch.setattr(model, "_decode", small)
    assert [top_text(answer) for answer in model.generate(QUESTIONS)] == expected
    assert sum(sizes) == len(QUESTIONS)
    assert 2 in sizes


def test_a_question_of_no_tokens_is_told(folders: dict[str, Folders]) -> None:
    """Beside others it would have an answer that padding makes."""
    model = loaded(folders["plain"].model, template=PromptTemplate())
    alone, beside = model.generate([""]), model.generate(["tea", "", "garden"])
    assert alone == [beside[1]] == [no_completion("ValueError: the prompt has no token")]
    assert [top_text(answer) for answer in beside[::2]] == [
        top_text(model.generate([each])[0]) for each in ("tea", "garden")
    ]
    framed = loaded(folders["llama"].model)
    assert framed.generate([""])[0] == framed.generate(["tea", "", "garden"])[1]
    assert top_text(framed.generate([""])[0]) is not None
    for name in ("plain", "t5"):
        other = loaded(folders[name].model)
        assert other.generate([""])[0] == other.generate(["tea", "", "garden"])[1]


def test_no_questions_have_no_answers(folders: dict[str, Folders]) -> None:
    assert loaded(folders["plain"].model).generate([]) == []


def saying(model: TransformersModel, monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    """The answer when these are the tokens that the model says."""
    tokens = model._tokenizer(text, add_special_tokens=False).input_ids
    monkeypatch.setattr(model, "_decode", lambda questions, _: [Decoded(tokens, 0.0) for _ in questions])
    return top_text(model.generate(["tea"])[0])


def test_an_answer_ends_with_its_line_or_its_mark(folders: dict[str, Folders], monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded(folders["llama"].model)
    newline, end = model._tokenizer("\n<|im_end|>", add_special_tokens=False).input_ids
    assert {newline, end, model._tokenizer.eos_token_id} <= model._stop_token_ids
    assert saying(model, monkeypatch, " red tea \npots") == "red tea"
    assert saying(model, monkeypatch, "red tea<|im_end|>pots") == "red tea"
    assert saying(model, monkeypatch, "red tea") == "red tea"
    assert saying(model, monkeypatch, "\npots") == ""


def test_a_token_that_holds_the_end_of_a_line_and_more(
    folders: dict[str, Folders], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(folders["plain"].model, tmp_path / "model"))
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    tokenizer.add_tokens([transformers.AddedToken(".\nred", normalized=False)])
    tokenizer.save_pretrained(folder)
    model = loaded(folder)
    assert len(tokenizer) - 1 in model._stop_token_ids
    assert saying(model, monkeypatch, "tea.\nred pots") == "tea."


def test_generation_stops_where_each_row_has_ended(folders: dict[str, Folders]) -> None:
    """A token that most answers hold is made the end of a line: what stood behind it is not said any more."""
    model = loaded(folders["llama"].model, decoding=DecodingConfig(24))
    before = answers_of(model)
    tokens = [model._tokenizer(text, add_special_tokens=False).input_ids for text in before]
    common = max({token for row in tokens for token in row}, key=lambda token: sum(token in row[1:] for row in tokens))
    model._stop_token_ids |= {common}
    shown = model._tokenizer.decode([common])
    after = [top_text(answer) for answer in model.generate(QUESTIONS)]
    assert after != before
    for text, whole_text in zip(after, before, strict=True):
        assert whole_text.startswith(text)
        assert shown not in text[: -len(shown)]


@pytest.mark.parametrize("name", ["llama", "t5"])
@pytest.mark.parametrize("most", [1, 3])
def test_an_answer_has_so_many_tokens_at_most(folders: dict[str, Folders], name: str, most: int) -> None:
    model = loaded(folders[name].model, decoding=DecodingConfig(most))
    said = model._decode(QUESTIONS, [model._prompt_ids(question) for question in QUESTIONS])
    assert max(len(row.tokens) for row in said) == most
    assert all(len(row.tokens) == most or row.tokens[-1] in model._stop_token_ids for row in said)


def test_drawn_answers_depend_on_seed_and_question_alone(folders: dict[str, Folders]) -> None:
    model = loaded(folders["llama"].model, decoding=DRAWN)
    found = answers_of(model)
    assert found == answers_of(loaded(folders["llama"].model, decoding=DRAWN))
    assert [top_text(answer) for answer in model.generate([QUESTIONS[0], *QUESTIONS])] == [found[0], *found]
    other = answers_of(loaded(folders["llama"].model, decoding=DecodingConfig(TOKENS, 1.0, 0.9, seed=4)))
    assert sum(one != two for one, two in zip(found, other, strict=True)) > len(QUESTIONS) / 2
    greedy = answers_of(loaded(folders["llama"].model))
    assert found != greedy
    cold = loaded(folders["llama"].model, decoding=DecodingConfig(TOKENS, temperature=1e-4, seed=3))
    assert answers_of(cold) == greedy
    likeliest = loaded(folders["llama"].model, decoding=DecodingConfig(TOKENS, temperature=1.0, top_p=1e-6))
    assert answers_of(likeliest) == greedy


def test_threads_at_once_get_the_same(folders: dict[str, Folders]) -> None:
    model = loaded(folders["llama"].model)
    expected = answers_of(model)
    fresh = loaded(folders["llama"].model)
    found: dict[int, list[str | None]] = {}

    def ask(start: int) -> None:
        order = QUESTIONS[start:] + QUESTIONS[:start]
        texts = [top_text(answer) for answer in fresh.generate(order)]
        found[start] = texts[-start:] + texts[:-start] if start else texts

    threads = [threading.Thread(target=ask, args=(start,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == dict.fromkeys(range(4), expected)


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_habits_of_a_folder_are_dropped(folders: dict[str, Folders], tmp_path: Path, name: str) -> None:
    expected = answers_of(loaded(folders[name].model))
    folder = Path(shutil.copytree(folders[name].model, tmp_path / "model"))
    habits = {
        "do_sample": True,
        "temperature": 0.3,
        "top_k": 2,
        "repetition_penalty": 3.0,
        "no_repeat_ngram_size": 1,
        "max_length": 9,
        "min_new_tokens": 7,
        "num_beams": 3,
        "suppress_tokens": list(range(6, 60)),
        "eos_token_id": [3, 5],
    }
    (folder / "generation_config.json").write_text(json.dumps(habits))
    model = loaded(folder)
    assert answers_of(model) == expected
    assert {3, 5} <= model._stop_token_ids


class Listener(logging.Handler):
    """Keeps what is logged."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_said_besides_answers(
    folders: dict[str, Folders], tmp_path: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = Path(shutil.copytree(folders[name].model, tmp_path / "model"))
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(config | {"model_max_length": 20}))
    habits = json.loads((folder / "generation_config.json").read_text())
    habits |= {"temperature": 0.2, "top_p": 0.9, "do_sample": True}
    (folder / "generation_config.json").write_text(json.dumps(habits))
    listener = Listener()
    loggers = [logging.getLogger(each) for each in ("", "transformers", "peft")]
    for logger in loggers:
        logger.addHandler(listener)
    capfd.readouterr()
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            for adapter in (None, folders[name].lora, folders[name].soft_prompt):
                for decoding in (DecodingConfig(TOKENS), DRAWN):
                    answers_of(loaded(folder, adapter, decoding))
    finally:
        for logger in loggers:
            logger.removeHandler(listener)
    assert listener.said == []
    assert capfd.readouterr() == ("", "")
    assert [str(each.message) for each in warned] == []


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["llama", "t5"])
def test_a_gpu_answers(folders: dict[str, Folders], name: str) -> None:
    for adapter in (None, folders[name].lora, folders[name].soft_prompt):
        model = TransformersModel(read_model(folders[name].model), adapter and read_adapter(adapter), DIALOGUE, DRAWN)
        assert model.device.type == "cuda"
        assert answers_of(model)


@pytest.mark.parametrize("name", ["llama", "t5"])
def test_candidates_are_the_most_probable_first_tokens_each_continued_greedily(
    name: str, folders: dict[str, Folders]
) -> None:
    number = 3
    model = loaded(folders[name].model, decoding=DecodingConfig(TOKENS, num_sequences=number))
    alone = answers_of(loaded(folders[name].model))
    for prompt, nbest, greedy in zip(QUESTIONS, model.generate(QUESTIONS), alone, strict=True):
        assert rounded(nbest) == rounded(model.generate([prompt])[0])
        expected = [_continued(model, prompt, place) for place in range(number)]
        assert expected[0][0] == greedy
        assert {each.text for each in nbest.completions} == {text for text, _ in expected}
        log_probs = [each.log_prob for each in nbest.completions]
        assert log_probs == sorted(log_probs, reverse=True)
        assert log_probs == pytest.approx(sorted((log_prob for _, log_prob in expected), reverse=True), abs=1e-3)


@pytest.mark.parametrize("decoding", [DecodingConfig(TOKENS), DRAWN], ids=["greedy", "drawn"])
def test_a_completion_has_the_probability_that_the_model_gives_to_it(
    folders: dict[str, Folders], decoding: DecodingConfig
) -> None:
    model = loaded(folders["llama"].model, decoding=decoding)
    rows = model._decode(QUESTIONS, [model._prompt_ids(prompt) for prompt in QUESTIONS])
    for prompt, row, nbest in zip(QUESTIONS, rows, model.generate(QUESTIONS), strict=True):
        ids = torch.cat([whole(model, prompt)[0], torch.tensor(row.tokens)])
        with torch.inference_mode():
            logits = model._model(input_ids=ids[None]).logits[0, -len(row.tokens) - 1 : -1].float()
        expected = logits.log_softmax(-1).gather(1, torch.tensor(row.tokens)[:, None]).sum()
        assert nbest.completions[0].log_prob == pytest.approx(float(expected), abs=1e-3)


def _continued(model: TransformersModel, question: str, place: int) -> tuple[str, float]:
    """What is said after the token that is so likely to be the first, and its chance; all is read again each time."""
    read = whole(model, question)
    start = model._model.generation_config.decoder_start_token_id
    said: list[int] = []
    chance = 0.0
    while len(said) < TOKENS and not (said and said[-1] in model._stop_token_ids):
        with torch.inference_mode():
            if model.encoder_decoder:
                inputs = {"input_ids": read, "decoder_input_ids": torch.tensor([[start, *said]])}
            else:
                inputs = {"input_ids": torch.cat([read, torch.tensor([said], dtype=torch.long)], dim=1)}
            chances = model._model(**inputs).logits[0, -1].float().log_softmax(-1)
        token = int(chances.argmax() if said else chances.topk(place + 1).indices[-1])
        said.append(token)
        chance += float(chances[token])
    return model._text(said), chance


def test_a_prompt_that_fails_costs_its_candidates_alone(
    folders: dict[str, Folders], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = loaded(folders["llama"].model, decoding=DecodingConfig(TOKENS, num_sequences=2))
    expected = model.generate(QUESTIONS)
    generate = model._decode

    def failing(prompts: list[str], ids: list[list[int]]) -> list[Decoded]:
        if "garden" in prompts:
            raise RuntimeError("no power")
        return generate(prompts, ids)

    monkeypatch.setattr(model, "_decode", failing)
    found = model.generate(QUESTIONS)
    assert [each for each in found if each.failure] == [no_completion("RuntimeError: no power")]
    assert list(map(rounded, found[:1] + found[2:])) == list(map(rounded, expected[:1] + expected[2:]))


def rounded(nbest: NBest) -> list[tuple[str, float | None]]:
    """Candidates without float noise."""
    return [(each.text, each.log_prob and round(each.log_prob, 2)) for each in nbest.completions]
