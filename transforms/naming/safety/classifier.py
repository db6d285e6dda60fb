"""Safety filter of word lists and a text classification model, loaded lazily on workers."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from transforms.extras import INSTALL_LLM
from transforms.language_models.folder import HUB_FILES, FolderError, ModelFolder, read_model
from transforms.language_models.sequence_classifier import SequenceClassifier, is_multi_label, labels_of
from transforms.model_files import ModelUnavailableError, download_snapshot, file_sha256, is_hub_id, looks_like_path
from transforms.naming.safety.word_lists import UnsafeReason, WordLists

_MAX_TOKENS = 128
_MAX_CACHED_NAMES = 1 << 16


@dataclasses.dataclass(frozen=True)
class SafetyModel:
    """A text classifier of transformers, and the condition under which it marks a name as unsafe.

    Attributes:
        name: the path of a folder, or a hub id.
        labels: labels that mark a text as unsafe.
        threshold: a text is unsafe if one of these labels has at least this probability, in (0, 1].

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
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
        """Compute SHA-256 in hexadecimal over weights, tokenizer, labels and threshold; independent of the path.

        Raises:
            ModelUnavailableError: when the model cannot be found.
        """
        sums = [f"{path.name} {file_sha256(path)}" for path in locate_classifier(self.name).fingerprinted_files]
        return hashlib.sha256(json.dumps([sums, self.labels, self.threshold]).encode()).hexdigest()


def locate_classifier(name: str) -> ModelFolder:
    """Return the folder of a classifier, downloaded first if `name` is a hub id.

    Raises:
        ModelUnavailableError: when it is neither on this machine nor on the hub.
    """
    try:
        return read_model(Path(name) if looks_like_path(name) else download_snapshot(name, HUB_FILES, INSTALL_LLM))
    except (FolderError, ModelUnavailableError) as error:
        raise ModelUnavailableError(f"classifier {name}: {error}") from error


def parse_safety_model(name: str, labels: Sequence[str], threshold: float) -> SafetyModel:
    """Validate a classifier and the labels chosen of it; loads no weights.

    Args:
        name: a folder or a hub id.
        labels: labels that mark a text as unsafe; none: all labels, of a multi-label classifier.
        threshold: see `SafetyModel`.

    Raises:
        ValueError: naming the value given and what is allowed.
        ModelUnavailableError: when the classifier cannot be found.
    """
    if not looks_like_path(name) and not is_hub_id(name):
        raise ValueError(f"no classifier {name!r}; allowed are a folder of transformers, or a hub id as owner/name")
    path = str(Path(name).expanduser().resolve()) if looks_like_path(name) else name
    config = _read_config(locate_classifier(path))
    available = labels_of(config)
    if unknown := sorted(set(labels) - set(available)):
        raise ValueError(f"{name} has no label {unknown[0]!r}; its labels are {', '.join(available)}")
    if not labels and not is_multi_label(config):
        raise ValueError(f"{name} needs labels that mean unsafe; its labels are {', '.join(available)}")
    return SafetyModel(path, tuple(sorted(set(labels or available))), threshold)


def _read_config(folder: ModelFolder) -> dict[str, Any]:
    config: dict[str, Any] = json.loads((folder.folder / "config.json").read_text(encoding="utf-8"))
    if not any(str(each).endswith("ForSequenceClassification") for each in config.get("architectures") or ()):
        raise ValueError(f"{folder.folder} is not a text classifier, but {config.get('architectures')}")
    if not labels_of(config):
        raise ValueError(f"{folder.folder} does not name its labels: id2label is missing in config.json")
    return config


@dataclasses.dataclass(frozen=True)
class CombinedFilter:
    """Word lists, and a classifier for the names that the lists accept. Each process loads the classifier once.

    Attributes:
        model: the classifier.
        fingerprint: its fingerprint.
    """

    model: SafetyModel
    fingerprint: str

    def prefetch(self, names: Iterable[str]) -> None:
        """Classify names in batches and cache the results for `unsafe_reason`."""
        _loaded(self.model).prefetch(names)

    def unsafe_reason(self, name: str) -> UnsafeReason:
        """Return why a name must not be published; empty: it may be.

        Raises:
            ModelUnavailableError: when the classifier cannot be found, or a package that it needs is missing.
        """
        reason = WordLists().unsafe_reason(name)
        if reason or _loaded(self.model).probability(name) < self.model.threshold:
            return reason
        return "harmful"


class CachedClassifier:
    """A loaded classifier that caches the unsafe probability of each name.

    Args:
        model: the classifier and its unsafe labels.

    Raises:
        ModelUnavailableError: when it cannot be found, or a package that it needs is missing.
    """

    def __init__(self, model: SafetyModel) -> None:
        self._classifier = SequenceClassifier(locate_classifier(model.name).folder, _MAX_TOKENS)
        self._columns = [self._classifier.labels.index(label) for label in model.labels]
        self._cache: dict[str, float] = {}
        self._lock = threading.Lock()

    def probability(self, text: str) -> float:
        """Return the maximum probability of the unsafe labels."""
        with self._lock:
            self._classify([text])
            return self._cache[text]

    def prefetch(self, texts: Iterable[str]) -> None:
        """Classify texts in batches and cache the results."""
        with self._lock:
            self._classify(texts)

    def _classify(self, texts: Iterable[str]) -> None:
        if len(self._cache) > _MAX_CACHED_NAMES:
            self._cache.clear()
        new = sorted({text for text in texts if text not in self._cache})
        if new:
            probabilities = self._classifier.probabilities(new)[:, self._columns].max(axis=1)
            self._cache.update(zip(new, probabilities.tolist(), strict=True))


_LOADING = threading.Lock()


def _loaded(model: SafetyModel) -> CachedClassifier:
    with _LOADING:  # `functools.cache` alone would let two threads load the model
        return _cached(model)


@functools.cache
def _cached(model: SafetyModel) -> CachedClassifier:
    return CachedClassifier(model)
