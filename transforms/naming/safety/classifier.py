"""A classifier of texts that says whether a name is safe: a model of transformers, behind the filter of names."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from transforms.language_models.smollm2 import EXTRA
from transforms.model_files import ModelUnavailableError, without_progress_bar
from transforms.naming.safety.model import SafetyModel, is_multi_label, labels_of, locate_classifier
from transforms.naming.safety.word_lists import UnsafeReason, WordLists

_NAMES_TOGETHER = 64
_MOST_TOKENS = 128
_NAMES_REMEMBERED = 1 << 16


@dataclasses.dataclass(frozen=True)
class CombinedFilter:
    """Word lists, and a classifier for what they let pass. A process loads it once, with the first names.

    Attributes:
        model: the classifier.
        fingerprint: that of the classifier.
    """

    model: SafetyModel
    fingerprint: str

    def prefetch(self, names: Iterable[str]) -> None:
        """Looks at names together, so that `unsafe_reason` knows them."""
        _loaded(self.model).classify(names)

    def unsafe_reason(self, name: str) -> UnsafeReason:
        """Why a name may not be written; empty: it may.

        Raises:
            ModelUnavailableError: when the classifier, or the packages to load it, are not to be had.
        """
        reason = WordLists().unsafe_reason(name)
        if reason or _loaded(self.model).probability(name) < self.model.threshold:
            return reason
        return "harmful"


class Classifier:
    """A loaded classifier, which remembers what it has seen.

    Args:
        model: which, and which of its labels count.

    Raises:
        ModelUnavailableError: when it, or the packages to load it, are not to be had.
    """

    def __init__(self, model: SafetyModel) -> None:
        try:
            import torch
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError as error:
            raise ModelUnavailableError(f"a classifier needs the package {error.name}: {EXTRA}") from error
        folder = locate_classifier(model.name).folder
        safe = {"local_files_only": True, "trust_remote_code": False}
        self._tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
        with without_progress_bar():
            self._model = AutoModelForSequenceClassification.from_pretrained(
                folder, dtype=torch.float32, use_safetensors=True, **safe
            )
        self._model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        labels = labels_of(self._model.config.to_dict())
        self._columns = [labels.index(label) for label in model.labels]
        self._several = is_multi_label(self._model.config.to_dict())
        self._known: dict[str, float] = {}
        self._lock = threading.Lock()

    def probability(self, text: str) -> float:
        """The greatest probability of a label that counts."""
        with self._lock:
            self._classify([text])
            return self._known[text]

    def classify(self, texts: Iterable[str]) -> None:
        """Classifies texts and remembers what came out; some together, of nearly one length."""
        with self._lock:
            self._classify(texts)

    def _classify(self, texts: Iterable[str]) -> None:
        if len(self._known) > _NAMES_REMEMBERED:
            self._known.clear()
        new = sorted({text for text in texts if text not in self._known}, key=lambda text: (len(text), text))
        for start in range(0, len(new), _NAMES_TOGETHER):
            batch = new[start : start + _NAMES_TOGETHER]
            self._known.update(zip(batch, self._probabilities(batch).tolist(), strict=True))

    def _probabilities(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """The greatest probability of a label that counts, for each text."""
        import torch

        inputs = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=_MOST_TOKENS, return_tensors="pt"
        ).to(self._model.device)
        with torch.inference_mode():
            logits = self._model(**inputs).logits
        probabilities = logits.sigmoid() if self._several else logits.softmax(-1)
        greatest: npt.NDArray[np.float32] = probabilities[:, self._columns].amax(-1).cpu().numpy()
        return greatest


_LOADING = threading.Lock()


def _loaded(model: SafetyModel) -> Classifier:
    with _LOADING:  # a cache alone would let two threads load it
        return _cached(model)


@functools.cache
def _cached(model: SafetyModel) -> Classifier:
    return Classifier(model)
