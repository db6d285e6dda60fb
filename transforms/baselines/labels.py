"""Labels: which cluster each thing is in, -1 for none. What all baselines share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32] | npt.NDArray[np.float64]

NONE = -1


def renumber(labels: npt.NDArray[np.integer]) -> Labels:
    """The same clusters, numbered from 0 in the order of their first members; negative labels become -1.

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
    """The same clusters without those of fewer than `min_size` members, whose members get -1; renumbered."""
    kept = renumber(labels)
    sizes = np.bincount(kept[kept >= 0], minlength=1)
    return renumber(np.where((kept >= 0) & (sizes[np.maximum(kept, 0)] >= min_size), kept, NONE))


def cluster_nonzero(vectors: Vectors, cluster: Callable[[npt.NDArray[np.float64]], npt.NDArray[np.integer]]) -> Labels:
    """Clusters of the rows that are not zero; a row of zeros stands for an item of which nothing is known.

    Args:
        vectors: shape (things, dimensions).
        cluster: rows of length 1, so that distances tell cosines, at least one -> a label for each, negative for none.

    Returns:
        int64, shape (things,): clusters numbered in the order of their first members; -1 for those in none.
    """
    labels = np.full(len(vectors), NONE, np.int64)
    known = np.flatnonzero(np.any(vectors != 0, axis=1))
    if len(known):
        rows = vectors[known].astype(np.float64)
        labels[known] = cluster(rows / np.linalg.norm(rows, axis=1, keepdims=True))
    return renumber(labels)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Keeps numeric libraries to one thread: with several, sums are rounded in the order in which they finish."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
