"""Concatenation of the vectors of several encoders: `static+use`, or with weights `0.8*static+minilm`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transforms.batching import Vectors
from transforms.encoders.interface import Encoder


class CombinedEncoder:
    """An encoder whose vectors are those of several encoders, one after another.

    The cosine of two vectors is the mean of the cosines of their parts, by the squares of the weights.

    Args:
        parts: the encoders.
        weights: the length of the vector of each part; all are scaled so that vectors have unit length.
    """

    def __init__(self, parts: Sequence[Encoder], weights: Sequence[float]) -> None:
        self._parts = tuple(parts)
        self._weights = np.array(weights) / np.linalg.norm(weights)

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return sum(part.dimension for part in self._parts)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Compute a vector of unit length for each text, shape (texts, dimension), dtype float32."""
        vectors = [
            weight * part.encode(texts) for part, weight in zip(self._parts, self._weights.tolist(), strict=True)
        ]
        return np.concatenate(vectors, axis=1).astype(np.float32)
