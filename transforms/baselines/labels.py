"""Cluster labels, -1 for none, and helpers of all baselines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32] | npt.NDArray[np.float64]

NONE = -1


def renumber(labels: npt.NDArray[np.integer]) -> Labels:
    """Renumber clusters from 0 in the order of their first members; negative labels become -1.

    Args:
        labels: shape (things,).
    """
    inside = labels >= 0
    _, first, codes = np.unique(labels[inside], return_index=True, return_inverse=True)
    numbers = np.empty(len(first), np.int64)
    numbers[np.argsort(first)] = np.arange(len(first))
    found = np.full(len(labels), NONE, np.int64)
    found[inside] = numbers[codes]
    return found


def drop_small(labels: npt.NDArray[np.integer], min_size: int) -> Labels:
    """Drop clusters of fewer than `min_size` members, whose members get -1; renumber the others."""
    kept = renumber(labels)
    sizes = np.bincount(kept[kept >= 0], minlength=1)
    return renumber(np.where((kept >= 0) & (sizes[np.maximum(kept, 0)] >= min_size), kept, NONE))


def cluster_nonzero(vectors: Vectors, cluster: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.integer]]) -> Labels:
    """Cluster the rows that are not zero; a row of zeros is an item without a vector.

    Args:
        vectors: shape (things, dimensions).
        cluster: function from at least one row, scaled to length 1, to a label for each, negative for none.

    Returns:
        int64, shape (things,): clusters numbered in the order of their first members; -1 for those in none.
    """
    labels = np.full(len(vectors), NONE, np.int64)
    nonzero = np.flatnonzero(np.any(vectors != 0, axis=1))
    if len(nonzero):
        rows = vectors[nonzero].astype(np.float64)
        labels[nonzero] = cluster(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return renumber(labels)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Limit numeric libraries to one thread: the order of summation, and so the rounding, varies with several."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
