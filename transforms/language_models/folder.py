"""A folder with a language model, or with an adapter, as transformers and PEFT lay it out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

ADAPTERS = ("LORA", "PROMPT_TUNING")
"""The kinds of adapters that are supported, in PEFT's words."""

HUB_FILES = ("*.json", "*.jinja", "*.safetensors")
"""What is wanted of a hub's repository."""


class FolderError(ValueError):
    """A folder does not hold what can be loaded."""


class ModelFolder(NamedTuple):
    """What a model's folder holds.

    Attributes:
        folder: where it is.
        encoder_decoder: whether the model reads a question whole before it answers, as T5 does.
    """

    folder: Path
    encoder_decoder: bool

    @property
    def fingerprinted_files(self) -> list[Path]:
        """The files on which answers depend, by name."""
        weights = ("*.safetensors", "config.json", "generation_config.json")
        tokenizer = ("tokenizer*.json", "chat_template*", "special_tokens_map.json", "added_tokens.json")
        return sorted(path for pattern in (*weights, *tokenizer) for path in self.folder.glob(pattern))


class AdapterFolder(NamedTuple):
    """What an adapter's folder holds.

    Attributes:
        folder: where it is.
        kind: one of `ADAPTERS`.
    """

    folder: Path
    kind: str

    @property
    def fingerprinted_files(self) -> list[Path]:
        """The files on which answers depend, by name."""
        return [self.folder / "adapter_config.json", self.folder / "adapter_model.safetensors"]


def read_model(folder: Path) -> ModelFolder:
    """Reads a model's configuration; loads no weights.

    Raises:
        FolderError: naming the file and what is wrong with it.
    """
    config = _read(folder / "config.json")
    if "auto_map" in config and "model_type" not in config:
        raise FolderError(f"{folder} wants code of its own to be run, which is not done")
    if not (folder / "tokenizer.json").is_file():
        raise FolderError(f"{folder} lacks tokenizer.json")
    if not list(folder.glob("*.safetensors")):
        raise FolderError(f"{folder} has no weights as safetensors, and no other format is read")
    return ModelFolder(folder, bool(config.get("is_encoder_decoder", False)))


def read_adapter(folder: Path) -> AdapterFolder:
    """Reads an adapter's configuration; loads no weights.

    Raises:
        FolderError: naming the file and what is wrong with it.
    """
    kind = _read(folder / "adapter_config.json").get("peft_type")
    if kind not in ADAPTERS:
        raise FolderError(
            f"{folder / 'adapter_config.json'} is of the kind {kind!r}; allowed are {', '.join(ADAPTERS)}"
        )
    if not (folder / "adapter_model.safetensors").is_file():
        raise FolderError(f"{folder} lacks adapter_model.safetensors, and no other format is read")
    return AdapterFolder(folder, kind)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FolderError(f"{path} is missing") from error
    except (OSError, ValueError) as error:
        raise FolderError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise FolderError(f"{path} is no map")
    return found
