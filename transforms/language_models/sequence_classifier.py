"""Sequence classification with a model of transformers, such as a toxicity classifier or BLEURT."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.batching import Indices, length_sorted_batches, split_on_oom
from transforms.extras import INSTALL_LLM
from transforms.model_files import ModelUnavailableError, without_progress_bar

Floats = npt.NDArray[np.float64]

PACKAGES = ("safetensors", "torch", "transformers")
"""Packages that loading a classifier needs."""

_MAX_BATCH_TOKENS = 4096


class SequenceClassifier:
    """A loaded classifier of texts, or of pairs of texts. Only safetensors are read; no code of the folder is run.

    Args:
        folder: the model and its tokenizer, in the layout of transformers.
        max_tokens: longer inputs are truncated; the model and the tokenizer may allow fewer tokens.

    Raises:
        ModelUnavailableError: when a package is missing, the folder cannot be loaded, or weights are missing in it,
            which transformers would initialize randomly.
    """

    def __init__(self, folder: Path, max_tokens: int = 512) -> None:
        try:
            import torch
            from safetensors import SafetensorError
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError as error:
            raise ModelUnavailableError(f"a classifier needs the package {error.name}: {INSTALL_LLM}") from error
        safe = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
            with without_progress_bar():
                model, loading = AutoModelForSequenceClassification.from_pretrained(
                    folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **safe
                )
        except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
            raise ModelUnavailableError(f"the classifier {folder} cannot be loaded: {error}") from error
        if loading["missing_keys"]:
            raise ModelUnavailableError(f"the classifier {folder} lacks weights: {sorted(loading['missing_keys'])[:3]}")
        self._model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        longest = getattr(model.config, "max_position_embeddings", max_tokens)
        self._max_tokens = min(self._tokenizer.model_max_length, longest, max_tokens)
        self.labels = labels_of(model.config.to_dict())
        self.is_multi_label = is_multi_label(model.config.to_dict())

    def logits(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> Floats:
        """Compute the logits of texts in batches of similar length, which are halved on out-of-memory.

        Args:
            texts: may be empty texts.
            pairs: the second text of each input; None: the inputs are single texts.

        Returns:
            Shape (texts, labels), dtype float64.
        """
        import torch

        second = [None] * len(texts) if pairs is None else pairs
        inputs = [self._encode(text, pair) for text, pair in zip(texts, second, strict=True)]
        lengths = np.array([len(each["input_ids"]) for each in inputs], np.int64)
        logits = np.zeros((len(inputs), self._model.config.num_labels))

        def run(rows: Indices) -> Floats:
            return self._forward([inputs[row] for row in rows])

        for batch in length_sorted_batches(lengths, _MAX_BATCH_TOKENS):
            for rows, found in split_on_oom(run, batch, torch.OutOfMemoryError):
                logits[rows] = found
        return logits

    def probabilities(self, texts: Sequence[str]) -> Floats:
        """Compute the probability of each label: independent ones of a multi-label classifier, else a distribution.

        Returns:
            Shape (texts, labels), dtype float64.
        """
        logits = self.logits(texts)
        if self.is_multi_label:
            return np.asarray(1 / (1 + np.exp(-logits)))
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(exponentials / exponentials.sum(axis=1, keepdims=True))

    def _encode(self, text: str, pair: str | None) -> Any:
        return self._tokenizer(text, pair, truncation=True, max_length=self._max_tokens)

    def _forward(self, inputs: list[Any]) -> Floats:
        import torch

        with torch.inference_mode():
            batch = self._tokenizer.pad(inputs, return_tensors="pt").to(self._model.device)
            logits: Floats = self._model(**batch).logits.double().cpu().numpy()
        return logits


def labels_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the labels in a model's configuration, in the order of its outputs; empty: `id2label` is missing."""
    numbered = ((int(number), str(label)) for number, label in (config.get("id2label") or {}).items())
    return tuple(label for _, label in sorted(numbered))


def is_multi_label(config: Mapping[str, Any]) -> bool:
    """Whether a text can have several labels at once, or none, by a model's configuration; else it has exactly one."""
    return config.get("problem_type") == "multi_label_classification" or len(labels_of(config)) == 1
