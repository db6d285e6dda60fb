"""Batching of texts for a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Indices: TypeAlias = npt.NDArray[np.int64]
Vectors: TypeAlias = npt.NDArray[np.float32]
T = TypeVar("T")


def length_sorted_batches(lengths: npt.NDArray[np.int64], max_tokens: int) -> Iterator[Indices]:
    """Split texts into batches of similar lengths, the shortest first; ties keep their order.

    Args:
        lengths: number of tokens of each text, shape (texts,).
        max_tokens: maximum of rows times longest row of a batch; a longer text is a batch of its own.

    Yields:
        The indices of each batch, dtype int64; each text is in one batch.
    """
    order = np.argsort(lengths, kind="stable")
    widths = lengths[order].tolist()
    start = 0
    for stop, width in enumerate(widths):
        if stop > start and (stop + 1 - start) * width > max_tokens:
            yield order[start:stop]
            start = stop
    if len(order):
        yield order[start:]


def equal_length_batches(widths: npt.NDArray[np.int64], max_tokens: int) -> Iterator[Indices]:
    """Split texts into batches of equal padded lengths, the shortest first; ties keep their order.

    Args:
        widths: padded length of each text, shape (texts,).
        max_tokens: maximum of rows times padded length of a batch; a longer text is a batch of its own.

    Yields:
        The indices of each batch, dtype int64; each text is in one batch.
    """
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        for batch in length_sorted_batches(widths[rows], max_tokens):
            yield rows[batch]


def pad(
    tokens: list[list[int]], padding: int, min_columns: int = 0
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Right-pad rows of tokens to one matrix, and compute its mask: 1 for a token, 0 for padding.

    Args:
        tokens: the rows.
        padding: the token of padding.
        min_columns: minimum number of columns of the matrix.

    Returns:
        Matrix and mask, both of shape (rows, columns), dtype int64.
    """
    lengths = np.array([len(row) for row in tokens], np.int64)
    mask = np.arange(lengths.max(initial=min_columns)) < lengths[:, None]
    ids = np.full(mask.shape, padding, np.int64)
    ids[mask] = np.concatenate([np.array(row, np.int64) for row in tokens])
    return ids, mask.astype(np.int64)


def split_on_oom(
    run: Callable[[Indices], T], rows: Indices, out_of_memory: type[Exception]
) -> Iterator[tuple[Indices, T]]:
    """Process rows with `run`, recursively splitting them in half when it runs out of memory.

    Args:
        run: processes indices of shape (rows,).
        rows: indices, at least one.
        out_of_memory: the exception that `run` raises when memory is insufficient.

    Yields:
        Consecutive slices of the rows, each with its result.

    Raises:
        out_of_memory: when a single row does not fit into memory.
    """
    try:
        result = run(rows)
    except out_of_memory:
        if len(rows) == 1:
            raise
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            yield from split_on_oom(run, half, out_of_memory)
    else:
        yield rows, result
