"""Which texts go through a model together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

Indices: TypeAlias = npt.NDArray[np.int64]
Vectors: TypeAlias = npt.NDArray[np.float32]
T = TypeVar("T")


def length_sorted_batches(lengths: npt.NDArray[np.int64], most: int) -> Iterator[Indices]:
    """Cuts texts into batches of nearly equal lengths, the shortest first; ties in their order.

    Args:
        lengths: tokens of each text, shape (texts,).
        most: of rows times the longest row a batch has at most so many tokens; a longer text is a batch alone.

    Returns:
        The indices of each batch, dtype int64; each text is in one.
    """
    order = np.argsort(lengths, kind="stable")
    widths = lengths[order].tolist()
    start = 0
    for stop, width in enumerate(widths):
        if stop > start and (stop + 1 - start) * width > most:
            yield order[start:stop]
            start = stop
    if len(order):
        yield order[start:]


def equal_length_batches(widths: npt.NDArray[np.int64], most: int) -> Iterator[Indices]:
    """Cuts texts into batches of equal widths, the narrowest first; ties in their order.

    Args:
        widths: what each text is padded to, shape (texts,).
        most: of rows times their width a batch has at most so much; a wider text is a batch alone.

    Returns:
        The indices of each batch, dtype int64; each text is in one.
    """
    for width in np.unique(widths):
        rows = np.flatnonzero(widths == width)
        for batch in length_sorted_batches(widths[rows], most):
            yield rows[batch]


def pad(tokens: list[list[int]], padding: int, least: int = 0) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Rows of tokens as one matrix, and its mask: 1 for a token, 0 for padding.

    Args:
        tokens: the rows.
        padding: what stands behind them.
        least: columns that the matrix has at least.

    Returns:
        Matrix and mask, both of shape (rows, columns), dtype int64.
    """
    lengths = np.array([len(row) for row in tokens], np.int64)
    mask = np.arange(lengths.max(initial=least)) < lengths[:, None]
    ids = np.full(mask.shape, padding, np.int64)
    ids[mask] = np.concatenate([np.array(row, np.int64) for row in tokens])
    return ids, mask.astype(np.int64)


def split_on_oom(run: Callable[[Indices], T], rows: Indices, too_large: type[Exception]) -> Iterator[tuple[Indices, T]]:
    """What `run` makes of rows, which is done in halves where it raises `too_large`.

    Args:
        run: makes something of indices, shape (rows,).
        rows: indices, at least one.
        too_large: what a machine raises that has too little memory.

    Returns:
        Pieces of the rows, in their order, each with what was made of it.

    Raises:
        too_large: when one row alone is too large.
    """
    try:
        made = run(rows)
    except too_large:
        if len(rows) == 1:
            raise
        middle = len(rows) // 2
        for half in (rows[:middle], rows[middle:]):
            yield from split_on_oom(run, half, too_large)
    else:
        yield rows, made
