"""Count models of the next novel cluster: the rivals of a language model.

A source of scores is a frozen dataclass; `fit` computes it from counts of the training period, and `scores` returns a
non-negative number for each context and cluster. Scores are not masked: `novel_probabilities` removes the clusters of
the context and normalises what is left.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Protocol

import numpy as np
import numpy.typing as npt

from transforms.columnar import run_offsets
from transforms.exploration.training_counts import TrainingCounts
from transforms.exploration.transitions import NO_CLUSTER, Codes, Integers, TransitionCounts, context_keys

Scores = npt.NDArray[np.float64]

SCORES_PER_BLOCK = 1 << 22
"""Scores held at a time: a block of contexts has about this number of scores, 32 MiB."""

_FLOOR = 1e-3
"""Probability that each source leaves to all novel clusters uniformly, so that logarithms are finite."""


class Source(Protocol):
    """A source of scores of the next novel cluster."""

    @property
    def cluster_count(self) -> int:
        """The number of clusters, C."""

    def scores(self, contexts: Codes) -> Scores:
        """Compute the scores of all clusters.

        Args:
            contexts: int32, shape (contexts, K); `NO_CLUSTER` in the first places of shorter contexts.

        Returns:
            float64, shape (contexts, C), not negative, with an arbitrary factor for each context.
        """


@dataclasses.dataclass(frozen=True)
class Popularity:
    """The number of users with a first occurrence of a cluster, whatever the context.

    Attributes:
        counts: int64, shape (C,).
    """

    counts: Integers

    @classmethod
    def fit(cls, training: TrainingCounts) -> Popularity:
        """Count over the whole training period."""
        return cls(np.diagonal(training.users).copy())

    @classmethod
    def fit_recent(cls, training: TrainingCounts, period: int = 0) -> Popularity:
        """Count over a recent period, an index into `RECENT_FRACTIONS`: a strong rival when popularity changes."""
        return cls(training.recent[period])

    @property
    def cluster_count(self) -> int:
        return len(self.counts)

    def scores(self, contexts: Codes) -> Scores:
        return np.repeat(self.counts[None].astype(np.float64), len(contexts), axis=0)


@dataclasses.dataclass(frozen=True)
class ContextTable:
    """A value, such as a count, of each cluster after each context of one size, in compressed rows.

    Attributes:
        size: number of clusters in a context.
        keys: int64, shape (contexts,): the `context_keys`, ascending.
        offsets: int64, shape (contexts + 1,): offsets of the contexts.
        next_clusters: int32, shape (transitions,): the clusters that have a value.
        values: int64 or float64, shape (transitions,).
    """

    size: int
    keys: Integers
    offsets: Integers
    next_clusters: Codes
    values: Integers | Scores

    @classmethod
    def from_counts(cls, transitions: TransitionCounts, cluster_count: int) -> ContextTable:
        """Index counts of transitions of one split by their contexts."""
        keys = context_keys(transitions.contexts, cluster_count)
        offsets = run_offsets(keys)
        return cls(
            transitions.contexts.shape[1],
            keys[offsets[:-1]],
            offsets,
            transitions.next_clusters,
            transitions.counts,
        )

    def values_after(self, contexts: Codes, cluster_count: int) -> Scores:
        """Return the values after the last `size` clusters of contexts, float64, shape (contexts, C); others: 0."""
        values = np.zeros((len(contexts), cluster_count))
        if contexts.shape[1] < self.size or not len(self.keys):
            return values
        own = contexts[:, contexts.shape[1] - self.size :]
        keys = context_keys(own, cluster_count)
        found = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        rows = np.flatnonzero((self.keys[found] == keys) & (own != NO_CLUSTER).all(axis=1))
        starts = self.offsets[found[rows]]
        lengths = self.offsets[found[rows] + 1] - starts
        cells = np.repeat(rows, lengths)
        entries = np.arange(len(cells)) + np.repeat(starts - (np.cumsum(lengths) - lengths), lengths)
        values[cells, self.next_clusters[entries]] = self.values[entries]
        return values


@dataclasses.dataclass(frozen=True)
class InterpolatedMarkov:
    """A Markov model over contexts, interpolated with those of all shorter contexts down to none.

    The probability after a context with N transitions to T distinct clusters is
    `(max(n - d, 0) + (m + d T) p) / (N + m)`, where p is the probability after the shorter context. A strength m of 0
    is absolute discounting, a discount d of 0 is smoothing by a Dirichlet prior. A context never seen has p.

    Attributes:
        tables: counts by size of the context, from 0 to K.
        count: number of clusters, C.
        strength: m, not negative: the weight of the shorter context, as a number of transitions.
        discount: d, in [0, 1): the part of each count that is given to the shorter context.
    """

    tables: tuple[ContextTable, ...]
    count: int
    strength: float
    discount: float

    @classmethod
    def fit(cls, training: TrainingCounts, strength: float = 100.0, discount: float = 0.0) -> InterpolatedMarkov:
        """Index the counts of all sizes of contexts.

        Raises:
            ValueError: when `strength` or `discount` is out of range.
        """
        if strength < 0 or not 0 <= discount < 1:
            raise ValueError(f"strength must be at least 0 and discount in [0, 1), got {strength} and {discount}")
        count = training.cluster_count
        tables = tuple(ContextTable.from_counts(order, count) for order in training.orders)
        return cls(tables, count, strength, discount)

    @property
    def cluster_count(self) -> int:
        return self.count

    def scores(self, contexts: Codes) -> Scores:
        probabilities = np.full((len(contexts), self.count), 1 / max(self.count, 1))
        for table in self.tables:
            counts = table.values_after(contexts, self.count)
            total = counts.sum(axis=1, keepdims=True)
            prior = self.strength + self.discount * (counts > 0).sum(axis=1, keepdims=True)
            seen = (np.maximum(counts - self.discount, 0) + prior * probabilities) / np.maximum(
                total + self.strength, np.finfo(np.float64).tiny
            )
            probabilities = np.where(total > 0, seen, probabilities)
        return probabilities


@dataclasses.dataclass(frozen=True)
class ClusterSimilarity:
    """Similarities between clusters, summed over the clusters of the context.

    Attributes:
        similarities: float64, shape (C, C), not negative: row: cluster of the context; column: next cluster.
    """

    similarities: Scores

    @classmethod
    def fit(cls, training: TrainingCounts) -> ClusterSimilarity:
        """Compute cosines between the sets of users of two clusters, as in item-to-item recommendation."""
        users = np.maximum(np.diagonal(training.users), 1).astype(np.float64)
        return cls(training.users / np.sqrt(users[:, None] * users))

    @classmethod
    def fit_successors(cls, training: TrainingCounts, strength: float = 50.0) -> ClusterSimilarity:
        """Compute the probabilities of novel clusters in the recent period after each cluster, at any distance.

        Successors of a cluster change from month to month (2510.20260), and recent ones predict better.

        Args:
            training: the counts.
            strength: above 0: weight of the distribution after any cluster, as a number of successors.
        """
        after = training.successors.astype(np.float64)
        popular = after.sum(axis=0) + 1
        prior = strength * popular / popular.sum()
        return cls((after + prior) / (after.sum(axis=1, keepdims=True) + strength))

    @property
    def cluster_count(self) -> int:
        return len(self.similarities)

    def scores(self, contexts: Codes) -> Scores:
        summed = np.zeros((len(contexts), self.cluster_count))
        for place in contexts.T:
            summed += np.where((place != NO_CLUSTER)[:, None], self.similarities[place], 0.0)
        return summed


def content_similarities(centroids: npt.NDArray[np.floating], temperature: float) -> ClusterSimilarity:
    """Compute similarities of the content of clusters, as a source for contexts that counts do not cover.

    Args:
        centroids: shape (C, dimensions): the mean vectors of clusters, with the mean of all items removed.
        temperature: above 0: the similarity is `exp(cosine / temperature)`, divided by its sum over clusters.

    Raises:
        ValueError: when `temperature` is not above 0.
    """
    if not temperature > 0:
        raise ValueError(f"temperature must be above 0, got {temperature}")
    vectors = np.asarray(centroids, np.float64)
    lengths = np.sqrt((vectors**2).sum(axis=1, keepdims=True))
    unit = vectors / np.where(lengths > 0, lengths, 1.0)
    cosines = np.einsum("id,jd->ij", unit, unit, optimize=False)  # sums in a fixed order, unlike a matrix product
    masses = np.exp((cosines - 1) / temperature)
    np.fill_diagonal(masses, 0.0)  # a cluster of the context is not novel
    return ClusterSimilarity(masses / np.maximum(masses.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny))


@dataclasses.dataclass(frozen=True)
class Blend:
    """A weighted sum of log-probabilities of sources, each normalised over the novel clusters.

    Attributes:
        sources: at least one source.
        weights: one number per source; only their ratios change the ranking. A negative one lowers what its source
            ranks high.

    Raises:
        ValueError: when the numbers of sources and weights differ, or there are none.
    """

    sources: tuple[Source, ...]
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.sources or len(self.sources) != len(self.weights):
            raise ValueError(f"each source needs a weight, got {len(self.sources)} and {len(self.weights)}")

    @property
    def cluster_count(self) -> int:
        return self.sources[0].cluster_count

    def scores(self, contexts: Codes) -> Scores:
        candidates = novel(contexts, self.cluster_count)
        total = np.zeros(candidates.shape)
        for source, weight in zip(self.sources, self.weights, strict=True):
            total += weight * log_probabilities(source, contexts)
        # Relative to the largest, so that the exponentials are finite.
        total -= np.where(candidates, total, -np.inf).max(axis=1, keepdims=True, initial=-np.finfo(np.float64).max)
        return np.where(candidates, np.exp(np.where(candidates, total, 0.0)), 0.0)


def novel(contexts: Codes, cluster_count: int) -> npt.NDArray[np.bool_]:
    """Return whether each cluster is not in the context, bool, shape (contexts, C): the candidates."""
    candidates = np.ones((len(contexts), cluster_count), bool)
    for place in contexts.T:
        rows = np.flatnonzero(place != NO_CLUSTER)
        candidates[rows, place[rows]] = False
    return candidates


def novel_probabilities(source: Source, contexts: Codes) -> Scores:
    """Normalise the scores of a source over the clusters that are not in the context.

    A small part of the probability is uniform, so that no candidate has probability 0; without any score, all of it is.

    Returns:
        float64, shape (contexts, C): 0 for the clusters of the context.
    """
    candidates = novel(contexts, source.cluster_count)
    scores = np.where(candidates, source.scores(contexts), 0.0)
    uniform = candidates / np.maximum(candidates.sum(axis=1, keepdims=True), 1)
    total = scores.sum(axis=1, keepdims=True)
    shaped = np.where(total > 0, scores / np.where(total > 0, total, 1.0), uniform)
    return (1 - _FLOOR) * shaped + _FLOOR * uniform


def log_probabilities(source: Source, contexts: Codes) -> Scores:
    """Compute the logarithms of `novel_probabilities`; 0 for the clusters of the context, so that all are finite."""
    probabilities = novel_probabilities(source, contexts)
    return np.log(np.where(probabilities > 0, probabilities, 1.0))


def blocks_of(contexts: Codes, cluster_count: int) -> Iterator[slice]:
    """Divide contexts into slices whose scores have about `SCORES_PER_BLOCK` numbers together."""
    rows = max(SCORES_PER_BLOCK // max(cluster_count, 1), 1)
    for start in range(0, len(contexts), rows):
        yield slice(start, min(start + rows, len(contexts)))


def top_clusters(source: Source, contexts: Codes, count: int) -> tuple[Codes, Scores]:
    """Rank the novel clusters of each context.

    Args:
        source: the source.
        contexts: int32, shape (contexts, K).
        count: number of clusters per context.

    Returns:
        Clusters, int32, and their `novel_probabilities`, float64, both of shape (contexts, count), the best first;
        ties: the lower code. `NO_CLUSTER` and 0 where there are fewer candidates.
    """
    clusters = np.full((len(contexts), count), NO_CLUSTER, np.int32)
    probabilities = np.zeros((len(contexts), count))
    for block in blocks_of(contexts, source.cluster_count):
        found = novel_probabilities(source, contexts[block])
        best = np.argsort(-found, axis=1, kind="stable")[:, :count]
        values = np.take_along_axis(found, best, axis=1)
        clusters[block, : best.shape[1]] = np.where(values > 0, best, NO_CLUSTER)
        probabilities[block, : best.shape[1]] = values
    return clusters, probabilities
