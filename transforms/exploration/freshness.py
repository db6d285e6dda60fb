"""Freshness: how the successors of contexts change over time, and which contexts need new rows (2510.20260).

Successors of a context are the clusters that users consumed next for the first time, as in `transitions`.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.columnar import run_offsets
from transforms.exploration.count_models import Scores, Source
from transforms.exploration.transitions import NO_CLUSTER, Codes, Flags, Integers, TransitionCounts, context_keys

CUTOFF = 5
"""Number of the most frequent successors that are compared (2510.20260)."""


class Successors(NamedTuple):
    """The most frequent successors of contexts, by ascending context.

    Attributes:
        contexts: int32, shape (contexts, K).
        clusters: int32, shape (contexts, cutoff): the most frequent first, ties: the lower code; `NO_CLUSTER` where a
            context has fewer.
        users: int64, shape (contexts,): number of transitions of users after the context, to all successors.
    """

    contexts: Codes
    clusters: Codes
    users: Integers


class Drift(NamedTuple):
    """Similarity of the successors of contexts in two periods; contexts that both have, ascending.

    Attributes:
        contexts: int32, shape (contexts, K).
        jaccard: float64, shape (contexts,): size of the intersection of both sets divided by that of their union.
        users: int64, shape (contexts,): number of transitions after the context in the second period.
    """

    contexts: Codes
    jaccard: npt.NDArray[np.float64]
    users: Integers

    @property
    def mean(self) -> float:
        """The mean, weighted by `users`; not a number without contexts."""
        return float((self.jaccard * self.users).sum() / self.users.sum()) if self.users.sum() else float("nan")


def top_successors(counts: TransitionCounts, cluster_count: int, cutoff: int = CUTOFF) -> Successors:
    """Find the most frequent successors of each context.

    Args:
        counts: counts of one period and one split, each pair of context and next cluster once.
        cluster_count: number of clusters, C.
        cutoff: maximum number of successors of a context, at least 1.
    """
    keys = context_keys(counts.contexts, cluster_count)
    order = np.lexsort((counts.next_clusters, -counts.users, keys))
    starts = run_offsets(keys[order])
    lengths = np.diff(starts)
    owners = np.repeat(np.arange(len(lengths)), lengths)
    ranks = np.arange(len(order)) - starts[owners]
    clusters = np.full((len(lengths), cutoff), NO_CLUSTER, np.int32)
    first = ranks < cutoff
    clusters[owners[first], ranks[first]] = counts.next_clusters[order[first]]
    users = np.bincount(owners, counts.users[order], minlength=len(lengths)).astype(np.int64)
    return Successors(counts.contexts[order[starts[:-1]]], clusters, users)


def drift(old: Successors, new: Successors, cluster_count: int, min_users: int = 1) -> Drift:
    """Compare the successors of the contexts that occur in two periods.

    Successors of few users differ by chance alone: compare the result with that of two random halves of the users.

    Args:
        old: successors in one period.
        new: successors in another period, as many for each context.
        cluster_count: number of clusters, C.
        min_users: minimum number of transitions after a context, in each period.
    """
    old_keys, new_keys = (context_keys(each.contexts, cluster_count) for each in (old, new))
    _, left, right = np.intersect1d(old_keys, new_keys, assume_unique=True, return_indices=True)
    enough = (old.users[left] >= min_users) & (new.users[right] >= min_users)
    left, right = left[enough], right[enough]
    return Drift(new.contexts[right], jaccard_of_rows(old.clusters[left], new.clusters[right]), new.users[right])


def jaccard_of_rows(first: Codes, second: Codes) -> npt.NDArray[np.float64]:
    """Compute the Jaccard index of two sets of clusters for each row.

    Args:
        first: int32, shape (rows, any number): distinct clusters; `NO_CLUSTER` is none.
        second: int32, shape (rows, any number).

    Returns:
        float64, shape (rows,), in [0, 1]; 1 if both sets are empty.
    """
    common = ((first[:, :, None] == second[:, None]) & (first != NO_CLUSTER)[:, :, None]).sum(axis=(1, 2))
    union = (first != NO_CLUSTER).sum(axis=1) + (second != NO_CLUSTER).sum(axis=1) - common
    return np.where(union > 0, common / np.maximum(union, 1), 1.0)


def changed_contexts(old: Successors, new: Successors, cluster_count: int, threshold: float) -> Codes:
    """Select the contexts of a stored table that have to be ranked again.

    Args:
        old: successors in what the stored table was computed from.
        new: successors in what a new table would be computed from.
        cluster_count: number of clusters, C.
        threshold: contexts with a Jaccard index below it are selected: 0 selects those alone that are not in `old`, 1
            those with any other successor; above 1: all of `new`.

    Returns:
        int32, shape (contexts, K), ascending: these, and the contexts of `new` that are not in `old`.
    """
    compared = drift(old, new, cluster_count)
    kept = context_keys(compared.contexts[compared.jaccard >= threshold], cluster_count)
    return new.contexts[~np.isin(context_keys(new.contexts, cluster_count), kept)]


def recent_successors(contexts: Codes, recent: Successors, cluster_count: int) -> Codes:
    """Return the most frequent recent successor of each context, for its prompt; int32, shape (contexts,).

    Args:
        contexts: int32, shape (contexts, K).
        recent: successors in a recent period, before the one that is predicted.
        cluster_count: number of clusters, C.

    Returns:
        The cluster; `NO_CLUSTER` for a context without recent transitions.
    """
    found = np.full(len(contexts), NO_CLUSTER, np.int32)
    if not len(recent.contexts):
        return found
    keys, recent_keys = (context_keys(each, cluster_count) for each in (contexts, recent.contexts))
    places = np.minimum(np.searchsorted(recent_keys, keys), len(recent_keys) - 1)
    return np.where(recent_keys[places] == keys, recent.clusters[places, 0], found).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class PartlyRefreshed:
    """The scores of a stored source, and those of a new one for the contexts that changed.

    Attributes:
        stored: the source before.
        fresh: the source now.
        changed: int32, shape (contexts, K): the contexts that were ranked again.
    """

    stored: Source
    fresh: Source
    changed: Codes

    @property
    def cluster_count(self) -> int:
        return self.stored.cluster_count

    def scores(self, contexts: Codes) -> Scores:
        is_changed = self.is_changed(contexts)
        scores = self.stored.scores(contexts)
        scores[is_changed] = self.fresh.scores(contexts[is_changed])
        return scores

    def is_changed(self, contexts: Codes) -> Flags:
        """Return whether each context was ranked again, bool, shape (contexts,)."""
        return np.isin(context_keys(contexts, self.cluster_count), context_keys(self.changed, self.cluster_count))
