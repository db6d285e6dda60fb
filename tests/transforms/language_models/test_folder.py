import json
from pathlib import Path
from typing import Any

import pytest

from transforms.language_models.folder import FolderError, read_adapter, read_model


def make_folder(folder: Path, **config: Any) -> Path:
    """The layout of a model of transformers, with no model in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"} | config))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(b"weights")
    return folder


def make_adapter(folder: Path, kind: str = "LORA") -> Path:
    """The layout of an adapter of PEFT, with no adapter in it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter_config.json").write_text(json.dumps({"peft_type": kind}))
    (folder / "adapter_model.safetensors").write_bytes(b"weights")
    return folder


def test_the_two_kinds_of_models(tmp_path: Path) -> None:
    assert read_model(make_folder(tmp_path / "llama")) == (tmp_path / "llama", False)
    assert read_model(make_folder(tmp_path / "t5", is_encoder_decoder=True)) == (tmp_path / "t5", True)


@pytest.mark.parametrize("kind", ["LORA", "PROMPT_TUNING"])
def test_the_two_kinds_of_adapters(tmp_path: Path, kind: str) -> None:
    assert read_adapter(make_adapter(tmp_path, kind)) == (tmp_path, kind)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("config.json", "config.json is missing"),
        ("tokenizer.json", "lacks tokenizer.json"),
        ("model.safetensors", "has no weights as safetensors, the only format that is read"),
    ],
)
def test_what_a_model_lacks_is_named(tmp_path: Path, name: str, reason: str) -> None:
    make_folder(tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"weights")
    (tmp_path / name).unlink()
    with pytest.raises(FolderError, match=reason) as refused:
        read_model(tmp_path)
    assert str(tmp_path) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "reason"), [("{", "cannot be read"), ("[]", "is not a JSON object"), (b"\xff", "cannot be read")]
)
def test_a_configuration_that_is_none_is_named(tmp_path: Path, text: str | bytes, reason: str) -> None:
    (make_folder(tmp_path) / "config.json").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FolderError, match=rf"config\.json {reason}"):
        read_model(tmp_path)


def test_a_model_of_code_in_its_folder_is_refused(tmp_path: Path) -> None:
    make_folder(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"auto_map": {"AutoConfig": "evil.Config"}}))
    with pytest.raises(FolderError, match="needs code from the folder, which is never run"):
        read_model(tmp_path)


def test_other_adapters_are_refused_with_what_is_allowed(tmp_path: Path) -> None:
    with pytest.raises(FolderError, match=r"adapter_config\.json is missing"):
        read_adapter(tmp_path)
    make_adapter(tmp_path, "IA3")
    with pytest.raises(FolderError, match=r"is of kind 'IA3'; allowed are LORA, PROMPT_TUNING"):
        read_adapter(tmp_path)
    make_adapter(tmp_path)
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    with pytest.raises(FolderError, match=r"lacks adapter_model\.safetensors, the only format that is read"):
        read_adapter(tmp_path)
