"""Folders of language models and adapters, in the layout of transformers and PEFT."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

ADAPTERS = ("LORA", "PROMPT_TUNING")
"""The supported kinds of adapters, by their names in PEFT."""

HUB_FILES = ("*.json", "*.jinja", "*.safetensors")
"""Patterns of the files that are downloaded from the repository of a hub."""


class FolderError(ValueError):
    """A folder does not contain a model or an adapter that can be loaded."""


class ModelFolder(NamedTuple):
    """The folder of a model.

    Attributes:
        folder: its path.
        encoder_decoder: whether the model has an encoder for prompts and a decoder for completions, as T5 has.
    """

    folder: Path
    encoder_decoder: bool

    @property
    def fingerprinted_files(self) -> list[Path]:
        """The files on which completions depend, by name."""
        weights = ("*.safetensors", "config.json", "generation_config.json")
        tokenizer = ("tokenizer*.json", "chat_template*", "special_tokens_map.json", "added_tokens.json")
        return sorted(path for pattern in (*weights, *tokenizer) for path in self.folder.glob(pattern))


class AdapterFolder(NamedTuple):
    """The folder of an adapter.

    Attributes:
        folder: its path.
        kind: one of `ADAPTERS`.
    """

    folder: Path
    kind: str

    @property
    def fingerprinted_files(self) -> list[Path]:
        """The files on which completions depend, by name."""
        return [self.folder / "adapter_config.json", self.folder / "adapter_model.safetensors"]


def read_model(folder: Path) -> ModelFolder:
    """Read the configuration of a model; no weights are loaded.

    Raises:
        FolderError: naming the file and the problem.
    """
    config = _read(folder / "config.json")
    if "auto_map" in config and "model_type" not in config:
        raise FolderError(f"{folder} needs code from the folder, which is never run")
    if not (folder / "tokenizer.json").is_file():
        raise FolderError(f"{folder} lacks tokenizer.json")
    if not list(folder.glob("*.safetensors")):
        raise FolderError(f"{folder} has no weights as safetensors, the only format that is read")
    return ModelFolder(folder, bool(config.get("is_encoder_decoder", False)))


def read_adapter(folder: Path) -> AdapterFolder:
    """Read the configuration of an adapter; no weights are loaded.

    Raises:
        FolderError: naming the file and the problem.
    """
    kind = _read(folder / "adapter_config.json").get("peft_type")
    if kind not in ADAPTERS:
        raise FolderError(f"{folder / 'adapter_config.json'} is of kind {kind!r}; allowed are {', '.join(ADAPTERS)}")
    if not (folder / "adapter_model.safetensors").is_file():
        raise FolderError(f"{folder} lacks adapter_model.safetensors, the only format that is read")
    return AdapterFolder(folder, kind)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise FolderError(f"{path} is missing") from error
    except (OSError, ValueError) as error:
        raise FolderError(f"{path} cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise FolderError(f"{path} is not a JSON object")
    return found
