"""Static encoders in the layout of sentence-transformers: the vector of a text is the sum of token vectors."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from transforms.batching import Vectors
from transforms.encoders.layout import Layout
from transforms.encoders.tokenizer import TextTokenizer
from transforms.extras import INSTALL_ENCODER
from transforms.model_files import ModelUnavailableError

_TABLE_NAMES = ("embedding.weight", "embeddings")
_TEXTS_PER_BATCH = 1024


class StaticEncoder:
    """An encoder that sums token vectors; the vector of a text depends only on the text.

    A text without any token of the table gets the mean of the table.

    Args:
        layout: a folder of the kind `static`.
        max_tokens: texts are truncated to this number of tokens.

    Raises:
        ModelUnavailableError: when packages are missing, or the weights are not one table.
    """

    def __init__(self, layout: Layout, max_tokens: int = 64) -> None:
        self._tokenizer = TextTokenizer(layout, max_tokens, special=False)
        self._table = _read_table(layout)
        self._mean = self._table.mean(axis=0)

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return self._table.shape[1]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Compute a vector of unit length for each text, shape (texts, dimension), dtype float32."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _TEXTS_PER_BATCH):
            tokens = self._tokenizer.tokens(texts[start : start + _TEXTS_PER_BATCH])
            vectors[start : start + len(tokens)] = sum_rows(self._table, tokens)
        vectors[~vectors.any(axis=1)] = self._mean
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sum_rows(table: Vectors, rows: Sequence[Sequence[int]]) -> Vectors:
    """Sum the rows of a table for each list of row numbers; zero for an empty list; shape (lists, dimension)."""
    sums = np.zeros((len(rows), table.shape[1]), np.float32)
    lengths = np.array([len(each) for each in rows], np.int64)
    filled = np.flatnonzero(lengths)
    if len(filled):
        flat = np.concatenate([np.array(rows[index], np.int64) for index in filled.tolist()])
        starts = np.concatenate([[0], np.cumsum(lengths[filled])[:-1]])
        sums[filled] = np.add.reduceat(table[flat], starts, axis=0)
    return sums


def _read_table(layout: Layout) -> Vectors:
    try:
        from safetensors.numpy import load_file
    except ImportError as error:
        raise ModelUnavailableError(f"encoders need the package safetensors: {INSTALL_ENCODER}") from error
    tensors = load_file(layout.weights[0])
    names = [name for name in _TABLE_NAMES if name in tensors]
    if len(layout.weights) != 1 or len(tensors) != 1 or not names:
        raise ModelUnavailableError(
            f"{layout.weights[0]} contains {', '.join(tensors)}; expected only {' or '.join(_TABLE_NAMES)}"
        )
    table: Vectors = tensors[names[0]].astype(np.float32)
    return table
