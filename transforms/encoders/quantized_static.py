"""The packaged static encoder: a quantized table of token vectors, read with NumPy and `tokenizers` alone.

The vector of a text is the weighted sum of the rows of its tokens. Rows are int8 and weights are whole numbers, so that
sums are exact and vectors have the same bits on every machine and in every batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.batching import Vectors
from transforms.encoders.layout import Layout
from transforms.encoders.tokenizer import TextTokenizer
from transforms.model_files import ModelUnavailableError

MAX_WEIGHT = 4095
MAX_TOKENS = 256
"""Maximum number of tokens of a text. Sums of this many rows, each at most 127 * MAX_WEIGHT, are below 2**27. In up to
512 dimensions the sum of their squares fits into int64."""

_MAX_COMPONENT = 127
_TEXTS_PER_BATCH = 64


class QuantizedTable(NamedTuple):
    """A table of token vectors: the vector of token t is proportional to `weights[t] * rows[t]`.

    Attributes:
        rows: int8, shape (tokens, dimension).
        weights: int32, shape (tokens,), from 0 to `MAX_WEIGHT`; 0: the token is not part of the vector of a text.
    """

    rows: npt.NDArray[np.int8]
    weights: npt.NDArray[np.int32]


def quantize_table(table: npt.NDArray[np.floating]) -> QuantizedTable:
    """Quantize token vectors: each row to int8, and its length to a whole number relative to the longest row.

    Args:
        table: shape (tokens, dimension), finite; rows of zeros get the weight 0.

    Raises:
        ValueError: if all rows are zero.
    """
    largest = np.abs(table).max(axis=1).astype(np.float64)
    if not largest.any():
        raise ValueError("a table of zeros cannot be quantized")
    weights = np.rint(largest * (MAX_WEIGHT / largest.max())).astype(np.int32)
    scaled = table * (_MAX_COMPONENT / np.where(largest > 0, largest, 1))[:, None]
    return QuantizedTable(np.rint(scaled).astype(np.int8), weights)


def write_table(path: Path, table: QuantizedTable) -> None:
    """Write a table as `.npz`; the same table gives the same bytes."""
    np.savez(path, rows=table.rows, weights=table.weights.astype(np.uint16))


def read_table(path: Path) -> QuantizedTable:
    """Read a table that `write_table` wrote."""
    with np.load(path, allow_pickle=False) as stored:
        return QuantizedTable(stored["rows"], stored["weights"].astype(np.int32))


class QuantizedStaticEncoder:
    """An encoder that sums quantized token vectors; the vector of a text depends only on the text.

    A text without any token of the table gets the mean of the table.

    Args:
        layout: a folder of the kind `quantized`.
        max_tokens: texts are truncated to this number of tokens, at most `MAX_TOKENS`.

    Raises:
        ModelUnavailableError: when the package `tokenizers` is not installed, or `max_tokens` is too large.
    """

    def __init__(self, layout: Layout, max_tokens: int = 64) -> None:
        if max_tokens > MAX_TOKENS:
            raise ModelUnavailableError(f"the packaged encoder reads at most {MAX_TOKENS} tokens, got {max_tokens}")
        self._tokenizer = TextTokenizer(layout, max_tokens, special=False)
        self._table = read_table(layout.weights[0])
        total = _weighted(self._table, slice(None)).sum(axis=0, dtype=np.int64)
        self._mean = _directions(total[None] // len(self._table.rows))[0]

    @property
    def dimension(self) -> int:
        """Number of components of a vector."""
        return self._table.rows.shape[1]

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Compute a vector of unit length for each text, shape (texts, dimension), dtype float32."""
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), _TEXTS_PER_BATCH):
            tokens = self._tokenizer.tokens(texts[start : start + _TEXTS_PER_BATCH])
            vectors[start : start + len(tokens)] = _directions(sum_rows(self._table, tokens))
        vectors[~vectors.any(axis=1)] = self._mean
        return vectors


def sum_rows(table: QuantizedTable, tokens: Sequence[Sequence[int]]) -> npt.NDArray[np.int64]:
    """Sum the weighted rows of each list of tokens; zero for an empty list; int64, shape (lists, dimension)."""
    lengths = np.array([len(each) for each in tokens], np.int64)
    longest = int(lengths.max(initial=0))
    is_token = np.arange(longest) < lengths[:, None]
    padded = np.zeros((len(tokens), longest), np.int64)
    padded[is_token] = np.fromiter((token for each in tokens for token in each), np.int64, int(lengths.sum()))
    weights = np.where(is_token, table.weights[padded], 0)
    sums = np.zeros((len(tokens), table.rows.shape[1]), np.int32)
    for place in range(longest):  # sums of `MAX_TOKENS` products are below 2**31
        sums += table.rows[padded[:, place]] * weights[:, place, None]
    return sums.astype(np.int64)


def _weighted(table: QuantizedTable, tokens: npt.NDArray[np.int64] | slice) -> npt.NDArray[np.int32]:
    """Return the weighted rows of tokens, int32, shape (tokens, dimension)."""
    return table.rows[tokens] * table.weights[tokens, None]


def _directions(sums: npt.NDArray[np.int64]) -> Vectors:
    """Scale sums to length 1, float32; zeros stay zero."""
    squares = (sums * sums).sum(axis=1)
    lengths = np.sqrt(np.where(squares > 0, squares, 1).astype(np.float64))
    return (sums / lengths[:, None]).astype(np.float32)
