"""Counted beside the very tokens that a model is given."""

from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("peft")

from tests.transforms.language_models.tiny_models import make_llama, make_lora, make_soft_prompt, make_t5
from transforms.language_models.folder import read_adapter, read_model
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.spec import GenerationSpec, ModelSpec
from transforms.language_models.token_counts import count_prompt_tokens
from transforms.language_models.transformers_model import TransformersModel

pytestmark = pytest.mark.models

DIALOGUE = PromptTemplate("name these", (("red tea", "tea"), ("blue car", "cars")))
PROMPTS = ["tea pots", "", "these cars and red <|im_end|> pots"]


@pytest.mark.parametrize("kind", ["chat", "plain", "encoder and decoder"])
@pytest.mark.parametrize("adapter", ["", "LoRA", "soft prompt"])
def test_all_that_is_read_is_counted(tmp_path: Path, kind: str, adapter: str) -> None:
    base = tmp_path / "model"
    folder = make_t5(base) if kind == "encoder and decoder" else make_llama(base, *([None] if kind == "plain" else []))
    tuned = ""
    if adapter:
        tuned = str((make_lora if adapter == "LoRA" else make_soft_prompt)(folder, tmp_path / "adapter"))
    found = count_prompt_tokens(GenerationSpec(ModelSpec("folder", str(folder), tuned), DIALOGUE), PROMPTS)
    model = TransformersModel(read_model(folder), read_adapter(Path(tuned)) if tuned else None, DIALOGUE)
    template, tokenizer = model._template, model._tokenizer
    expected = [
        len(template.before)
        + len(tokenizer(prompt, add_special_tokens=False, split_special_tokens=True).input_ids)
        + len(template.after)
        + len(model._soft_prompt)
        for prompt in PROMPTS
    ]
    assert found.tolist() == expected
    assert len(model._soft_prompt) == (5 if adapter == "soft prompt" else 0)


def test_those_of_an_endpoint_are_not_known() -> None:
    spec = ModelSpec("endpoint", "m", url="http://localhost:1/v1")
    with pytest.raises(ValueError, match=r"tokenizer of m at .* is unknown"):
        count_prompt_tokens(GenerationSpec(spec), PROMPTS)
