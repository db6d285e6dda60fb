"""Which classifier of texts names are shown to. Imports nothing that takes long: wrong options are told at once."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from transforms.language_models.folder import HUB_FILES, FolderError, ModelFolder, read_model
from transforms.language_models.smollm2 import EXTRA
from transforms.model_files import ModelUnavailableError, download_snapshot, file_sha256, is_hub_id, looks_like_path


@dataclasses.dataclass(frozen=True)
class SafetyModel:
    """A classifier of texts of transformers, and when it takes a text for unsafe.

    Attributes:
        name: the path of a folder, or a hub id.
        labels: its labels that say that a text is unsafe.
        threshold: a text is unsafe where one of them has at least this probability, in (0, 1].
    """

    name: str
    labels: tuple[str, ...]
    threshold: float = 0.5

    def __post_init__(self) -> None:
        if not self.labels:
            raise ValueError("labels must name at least one label, got none")
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], got {self.threshold}")

    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over weights, tokenizer, labels and threshold; not over where they lie.

        Raises:
            ModelUnavailableError: when the weights are not to be had.
        """
        sums = [f"{path.name} {file_sha256(path)}" for path in locate_classifier(self.name).fingerprinted_files]
        return hashlib.sha256(json.dumps([sums, self.labels, self.threshold]).encode()).hexdigest()


def locate_classifier(name: str) -> ModelFolder:
    """The folder with a classifier's weights.

    Raises:
        ModelUnavailableError: when they are not to be had.
    """
    try:
        return read_model(Path(name) if looks_like_path(name) else download_snapshot(name, HUB_FILES, EXTRA))
    except (FolderError, ModelUnavailableError) as error:
        raise ModelUnavailableError(f"classifier {name}: {error}") from error


def parse_safety_model(name: str, labels: Sequence[str], threshold: float) -> SafetyModel:
    """Reads what a classifier is called, and looks at what it is.

    Args:
        name: a folder or a hub id.
        labels: those that say that a text is unsafe; none: all, where a text may have several.
        threshold: as of `SafetyModel`.

    Raises:
        ValueError: naming what was given and what is allowed.
        ModelUnavailableError: when the classifier is not to be had.
    """
    if not looks_like_path(name) and not is_hub_id(name):
        raise ValueError(f"no classifier {name!r}; allowed are a folder of transformers, or a hub id as owner/name")
    path = str(Path(name).expanduser().resolve()) if looks_like_path(name) else name
    config = _read_config(locate_classifier(path))
    known = labels_of(config)
    if unknown := sorted(set(labels) - set(known)):
        raise ValueError(f"{name} has no label {unknown[0]!r}; its labels are {', '.join(known)}")
    if not labels and not is_multi_label(config):
        raise ValueError(f"say which labels of {name} mean that a text is unsafe; its labels are {', '.join(known)}")
    return SafetyModel(path, tuple(sorted(set(labels or known))), threshold)


def labels_of(config: dict[str, Any]) -> tuple[str, ...]:
    """A classifier's labels in the order of its outputs, by its configuration."""
    numbered = ((int(number), str(label)) for number, label in (config.get("id2label") or {}).items())
    return tuple(label for _, label in sorted(numbered))


def is_multi_label(config: dict[str, Any]) -> bool:
    """Whether a text may have several of a classifier's labels at once, or none; else it has exactly one."""
    return config.get("problem_type") == "multi_label_classification" or len(labels_of(config)) == 1


def _read_config(folder: ModelFolder) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder.folder / "config.json").read_text(encoding="utf-8"))
    if not any(str(each).endswith("ForSequenceClassification") for each in config.get("architectures") or ()):
        raise ValueError(f"{folder.folder} is no classifier of texts, but {config.get('architectures')}")
    if not labels_of(config):
        raise ValueError(f"{folder.folder} does not name its labels: id2label is missing in config.json")
    return config
