"""The content baseline of 2305.15498: one hierarchical clustering of the whole catalogue, cut at a distance."""

from __future__ import annotations

import heapq

import numpy as np
import numpy.typing as npt

from transforms.baselines.labels import Labels, Vectors, cluster_nonzero, single_threaded
from transforms.baselines.ward import average_labels

ALL_PAIRS_UP_TO = 5000
"""The largest catalogue for which all pairs are compared: 100 MB of distances."""

_Rows = npt.NDArray[np.float64]


def agglomerative_labels(
    vectors: Vectors, threshold: float, neighbours: int = 10, all_pairs_up_to: int = ALL_PAIRS_UP_TO
) -> Labels:
    """Cluster a catalogue by average linkage in cosine distance.

    In a catalogue that is too large for all pairs, two clusters can be merged only if an item of one is among the
    nearest `neighbours` of an item of the other. Their distance is still the average over all pairs.

    Args:
        vectors: shape (items, dimensions); a row of zeros is in no cluster.
        threshold: distance, 1 - cosine, above which nothing is merged; positive.
        neighbours: number of nearest neighbours per item of a large catalogue, at least 1.
        all_pairs_up_to: number of items up to which all pairs are compared.

    Returns:
        int64, shape (items,): clusters numbered in the order of their first items.
    """
    if len(vectors) <= all_pairs_up_to:
        return average_labels(vectors, threshold)
    return cluster_nonzero(vectors, lambda rows: _Merging(rows, neighbours).until(threshold))


class _Merging:
    """Average linkage among neighbours, with a heap of the pairs that may be merged.

    For rows of length 1, the average cosine over all pairs of two clusters is the dot product of their means, so a
    cluster is represented by its sum and its size. A merged cluster keeps the lower number of the two. The linkage of
    scikit-learn with a connectivity is not suitable: it averages over neighbours only, and so chains.
    """

    def __init__(self, rows: _Rows, neighbours: int) -> None:
        self._sums = rows.copy()
        self._sizes = np.ones(len(rows))
        self._near = _neighbours_of(rows, neighbours)
        self._merged = np.zeros(len(rows), np.int64)  # number of changes of each cluster, to recognize outdated pairs
        self._labels = np.arange(len(rows))
        self._pairs: list[tuple[float, int, int, int, int]] = []

    def until(self, threshold: float) -> Labels:
        """Merge the nearest pair, ties by number, until none is within the threshold; return the clusters."""
        for cluster in range(len(self._near)):
            self._add_pairs(cluster, sorted(other for other in self._near[cluster] if other > cluster), threshold)
        while self._pairs:
            _, one, other, *merged = heapq.heappop(self._pairs)
            if merged == [self._merged[one], self._merged[other]]:
                self._merge(one, other)
                self._add_pairs(one, sorted(self._near[one]), threshold)
        while not np.array_equal(self._labels, self._labels[self._labels]):
            self._labels = self._labels[self._labels]
        return self._labels

    def _add_pairs(self, cluster: int, others: list[int], threshold: float) -> None:
        products = self._sums[others] @ self._sums[cluster]
        distances = 1 - products / (self._sizes[others] * self._sizes[cluster])
        for distance, other in zip(distances.tolist(), others, strict=True):
            if distance <= threshold:
                one, two = min(cluster, other), max(cluster, other)
                heapq.heappush(self._pairs, (distance, one, two, int(self._merged[one]), int(self._merged[two])))

    def _merge(self, one: int, other: int) -> None:
        """Merge the cluster `other` into `one`."""
        self._sums[one] += self._sums[other]
        self._sizes[one] += self._sizes[other]
        self._labels[other] = one
        self._merged[[one, other]] += 1
        for cluster in self._near[other]:
            self._near[cluster].discard(other)
            self._near[cluster].add(one)
        self._near[one] |= self._near[other]
        self._near[one].discard(one)
        self._near[other] = set()


def _neighbours_of(rows: _Rows, neighbours: int) -> list[set[int]]:
    """Return for each row the rows that are among its nearest, or have it among theirs."""
    from sklearn.neighbors import NearestNeighbors

    near: list[set[int]] = [set() for _ in rows]
    if len(rows) > 1:
        with single_threaded():
            model = NearestNeighbors(n_neighbors=min(neighbours, len(rows) - 1), algorithm="brute").fit(rows)
            found = model.kneighbors(return_distance=False)
        for row, others in enumerate(found.tolist()):
            near[row].update(others)
            for other in others:
                near[other].add(row)
    return near
