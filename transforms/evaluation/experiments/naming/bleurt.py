"""BLEURT: a model that was taught by people's ratings says how much of a reference a text says.

The model comes as a folder in the layout of transformers: a classifier of pairs with one label, as published ports of
the checkpoints to PyTorch have it (Sellam et al., 2004.04696).
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from transforms.batching import Indices, length_sorted_batches, split_on_oom
from transforms.evaluation.bootstrap import Floats
from transforms.extras import INSTALL_ENCODER
from transforms.model_files import ModelUnavailableError, file_sha256, without_progress_bar

PACKAGES = ("safetensors", "torch", "transformers")
"""What it takes to load one."""

_MAX_BATCH_TOKENS = 4096
_MOST_TOKENS = 512
_LABELS_UNTOLD = 2
"""How many labels a classifier has whose configuration does not say it."""


@dataclasses.dataclass(frozen=True)
class BleurtSource:
    """A checkpoint on this machine; small, and travels to workers that have it at the same place.

    Attributes:
        folder: where it is.
    """

    folder: str

    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over all files that decide scores."""
        files = sorted(path for pattern in ("*.safetensors", "*.json", "vocab*") for path in self._path.glob(pattern))
        return hashlib.sha256("\n".join(f"{path.name} {file_sha256(path)}" for path in files).encode()).hexdigest()

    def check(self) -> None:
        """Looks whether the folder has what it takes; loads nothing.

        Raises:
            ValueError: naming what is wrong.
        """
        try:
            config = json.loads((self._path / "config.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"{self.folder} has no config.json that can be read: {error}") from error
        if not list(self._path.glob("*.safetensors")):
            raise ValueError(f"{self.folder} has no weights as safetensors, and no other format is read")
        labels = len(config["id2label"]) if "id2label" in config else _LABELS_UNTOLD
        if labels != 1:
            raise ValueError(f"{self.folder} must be a classifier with one label, the score; it has {labels}")

    def load(self) -> Bleurt:
        """The model, on the best device of this machine.

        Raises:
            ModelUnavailableError: when it cannot be loaded, or weights are missing in it.
        """
        return Bleurt(self._path)

    @property
    def _path(self) -> Path:
        return Path(self.folder)


class Bleurt:
    """A loaded checkpoint. Safetensors alone are read, and no code from the folder is run.

    Args:
        folder: where it is.

    Raises:
        ModelUnavailableError: when it cannot be loaded, or weights are missing in it, which
            transformers would initialize randomly.
    """

    def __init__(self, folder: Path) -> None:
        try:
            import torch
            from safetensors import SafetensorError
            from transformers import AutoModelForSequenceClassification, AutoTokenizer
        except ImportError as error:
            raise ModelUnavailableError(f"BLEURT needs the package {error.name}: {INSTALL_ENCODER}") from error
        settings = {"local_files_only": True, "trust_remote_code": False}
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(folder, **settings)
            with without_progress_bar():
                model, about = AutoModelForSequenceClassification.from_pretrained(
                    folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **settings
                )
        except (OSError, RuntimeError, ValueError, KeyError, SafetensorError) as error:
            raise ModelUnavailableError(f"the checkpoint of BLEURT {folder} cannot be loaded: {error}") from error
        if about["missing_keys"]:
            raise ModelUnavailableError(
                f"the checkpoint of BLEURT {folder} lacks weights: {sorted(about['missing_keys'])[:3]}"
            )
        self._model = model.to("cuda" if torch.cuda.is_available() else "cpu").eval()
        longest = getattr(model.config, "max_position_embeddings", _MOST_TOKENS)
        self._most_tokens = min(self._tokenizer.model_max_length, longest, _MOST_TOKENS)

    def score(self, references: Sequence[str], names: Sequence[str]) -> Floats:
        """How much of each reference the name beside it says: about 0 for nothing, about 1 for all of it.

        Args:
            references: the names that people gave.
            names: those that are judged, as many; may be empty texts.

        Returns:
            Shape (names,), dtype float64.
        """
        import torch

        pairs = [self._tokens(*pair) for pair in zip(references, names, strict=True)]
        lengths = np.array([len(pair["input_ids"]) for pair in pairs], np.int64)
        scores = np.zeros(len(pairs))

        def run(rows: Indices) -> Floats:
            return self._scores([pairs[row] for row in rows])

        for batch in length_sorted_batches(lengths, _MAX_BATCH_TOKENS):
            for rows, found in split_on_oom(run, batch, torch.OutOfMemoryError):
                scores[rows] = found
        return scores

    def _tokens(self, reference: str, name: str) -> Any:
        return self._tokenizer(reference, name, truncation=True, max_length=self._most_tokens)

    def _scores(self, pairs: list[Any]) -> Floats:
        import torch

        with torch.inference_mode():
            inputs = self._tokenizer.pad(pairs, return_tensors="pt").to(self._model.device)
            scores: Floats = self._model(**inputs).logits[:, 0].double().cpu().numpy()
        return scores
