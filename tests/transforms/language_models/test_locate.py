import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.transforms.language_models.test_folder import make_adapter, make_folder
from transforms.extras import INSTALL_LLM
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.locate import locate_adapter, locate_model
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.spec import GenerationSpec, ModelSpec, parse_model_spec
from transforms.model_files import ModelUnavailableError

DECIDING = (
    "model.safetensors",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
)


def test_the_fingerprint_covers_what_decides_completions(tmp_path: Path) -> None:
    spec = parse_model_spec(str(make_folder(tmp_path)))
    found = [spec.fingerprint()]
    (tmp_path / "README.md").write_text("other words")
    assert spec.fingerprint() == found[0]
    for name in DECIDING:
        (tmp_path / name).write_text('{"other": 1}')
        found.append(spec.fingerprint())
    (tmp_path / "model-00002-of-00002.safetensors").write_bytes(b"more weights")
    found.append(spec.fingerprint())
    assert len(set(found)) == len(found) == len(DECIDING) + 2
    assert all(len(each) == 64 for each in found)


def test_the_fingerprint_does_not_depend_on_the_place(tmp_path: Path) -> None:
    one, other = (
        ModelSpec("folder", str(make_folder(tmp_path / name)), str(make_adapter(tmp_path / name / "adapter")))
        for name in ("one", "other")
    )
    assert one.fingerprint() == other.fingerprint()


def test_the_fingerprint_follows_the_adapter(tmp_path: Path) -> None:
    folder = str(make_folder(tmp_path / "model"))
    found = [parse_model_spec(folder).fingerprint()]
    adapter = make_adapter(tmp_path / "adapter")
    found.append(parse_model_spec(folder, str(adapter)).fingerprint())
    make_adapter(adapter, "PROMPT_TUNING")
    found.append(parse_model_spec(folder, str(adapter)).fingerprint())
    (adapter / "adapter_model.safetensors").write_bytes(b"other weights")
    found.append(parse_model_spec(folder, str(adapter)).fingerprint())
    assert len(set(found)) == 4


@pytest.mark.parametrize(
    "change",
    [
        lambda spec: GenerationSpec(spec.model, PromptTemplate("other"), spec.decoding),
        lambda spec: GenerationSpec(spec.model, PromptTemplate(examples=(("a", "b"),)), spec.decoding),
        lambda spec: GenerationSpec(spec.model, spec.template, DecodingConfig(max_new_tokens=25)),
        lambda spec: GenerationSpec(spec.model, spec.template, DecodingConfig(temperature=0.5)),
        lambda spec: GenerationSpec(spec.model, spec.template, DecodingConfig(top_p=0.5)),
        lambda spec: GenerationSpec(spec.model, spec.template, DecodingConfig(seed=1)),
        lambda spec: GenerationSpec(spec.model, spec.template, DecodingConfig(num_sequences=2)),
        lambda spec: GenerationSpec(spec.model, spec.template, DecodingConfig(constraint=ClosedSet(("a", "b")))),
        lambda spec: GenerationSpec(
            spec.model, spec.template, DecodingConfig(constraint=ClosedSet(("a", "b"), ("b",)))
        ),
        lambda spec: GenerationSpec(spec.model, dtype="float32"),
    ],
)
def test_the_fingerprint_depends_on_the_request(
    tmp_path: Path, change: Callable[[GenerationSpec], GenerationSpec]
) -> None:
    spec = GenerationSpec(parse_model_spec(str(make_folder(tmp_path))))
    assert change(spec).fingerprint() != spec.fingerprint() == GenerationSpec(spec.model).fingerprint()


def test_examples_are_not_mixed_up() -> None:
    dialogues = [
        PromptTemplate("a", (("b", "c"), ("d", "e"))),
        PromptTemplate("a", (("b", "c"),)),
        PromptTemplate("a", (("d", "e"), ("b", "c"))),
        PromptTemplate("a", (("b", "cd"), ("", "e"))),
        PromptTemplate("", (("b", "c"), ("d", "e"))),
    ]
    assert len({template.fingerprint() for template in dialogues}) == len(dialogues)


def test_folders_that_are_gone_are_named(tmp_path: Path) -> None:
    gone = str(tmp_path / "gone")
    with pytest.raises(ModelUnavailableError, match=r"language model .*/gone: .*config\.json is missing"):
        locate_model("folder", gone)
    with pytest.raises(ModelUnavailableError, match=r"adapter .*/gone: .*adapter_config\.json is missing"):
        locate_adapter(gone)
    assert locate_adapter("") is None


def test_without_a_hub_that_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(
        ModelUnavailableError,
        match=f"language model owner/name: to load owner/name from a model hub, {re.escape(INSTALL_LLM)}",
    ):
        locate_model("hub", "owner/name")


def test_without_torch_the_way_out_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModelUnavailableError, match=f"needs the package torch: {re.escape(INSTALL_LLM)}"):
        GenerationSpec(parse_model_spec(str(make_folder(tmp_path)))).load()
