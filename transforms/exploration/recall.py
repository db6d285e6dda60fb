"""Recall of the next novel cluster: how often it is among the first k candidates (2405.16363, offline metrics).

Recall is a ratio of sums over users; `UserHits` has the two sums of each user, so that users can be resampled for an
interval.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.diversity import effective_number
from transforms.exploration.count_models import Source, blocks_of, novel_probabilities, top_clusters
from transforms.exploration.transitions import (
    Codes,
    FirstOccurrences,
    Flags,
    Integers,
    TransitionCounts,
    Transitions,
    context_keys,
)

CUTOFFS = (1, 5, 10)
BREADTH_RANKS = 3
"""The effective number of clusters is that of the first three ranks."""


class UserHits(NamedTuple):
    """Hits and transitions of each user with at least one transition, by user.

    Attributes:
        hits: int64, shape (users, cutoffs): number of transitions whose next cluster is in the first k candidates.
        transitions: int64, shape (users,): number of transitions.
    """

    hits: Integers
    transitions: Integers

    @property
    def recall(self) -> npt.NDArray[np.float64]:
        """Recall over all users, float64, shape (cutoffs,); not a number without transitions."""
        total = self.transitions.sum()
        return self.hits.sum(axis=0) / total if total else np.full(self.hits.shape[1], np.nan)


def ranks_of_next(source: Source, transitions: Transitions, first: FirstOccurrences | None = None) -> Integers:
    """Compute the rank of the next cluster of each transition among the novel candidates, from 1.

    Args:
        source: the source.
        transitions: the transitions.
        first: None: novel is what is not in the context, as in training. The first occurrences of the users: novel is
            what the user has not consumed before the transition, as in the lookup table at inference.

    Returns:
        int64, shape (rows,). Ties: the lower code is ranked first.
    """
    contexts, inverse = distinct_contexts(transitions.contexts, source.cluster_count)
    order = np.argsort(inverse, kind="stable")
    sorted_contexts = inverse[order]
    ends = transitions.positions
    starts = ends if first is None else first.offsets[transitions.users]
    history = np.zeros(0, np.int32) if first is None else first.clusters
    ranks = np.empty(len(transitions.users), np.int64)
    for block in blocks_of(contexts, source.cluster_count):
        low, high = np.searchsorted(sorted_contexts, [block.start, block.stop])
        rows = order[low:high]
        _rank(
            novel_probabilities(source, contexts[block]),
            inverse[rows] - block.start,
            transitions.next_clusters[rows],
            history,
            starts[rows],
            ends[rows],
            found := np.empty(len(rows), np.int64),
        )
        ranks[rows] = found
    return ranks


def user_hits(users: Integers, ranks: Integers, cutoffs: tuple[int, ...] = CUTOFFS) -> UserHits:
    """Count hits by user.

    Args:
        users: int64, shape (rows,): the user of each transition, in any order.
        ranks: int64, shape (rows,): ranks of next clusters, from 1.
        cutoffs: the values of k.
    """
    labels, codes = np.unique(users, return_inverse=True)
    hits = [np.bincount(codes[ranks <= k], minlength=len(labels)) for k in cutoffs]
    return UserHits(np.stack(hits, axis=1).astype(np.int64), np.bincount(codes, minlength=len(labels)))


def is_seen(contexts: Codes, training: TransitionCounts, cluster_count: int) -> Flags:
    """Return whether each context occurs in transitions of the training period, bool, shape (contexts,)."""
    return np.isin(context_keys(contexts, cluster_count), context_keys(training.contexts, cluster_count))


def breadth(source: Source, contexts: Codes, ranks: int = BREADTH_RANKS) -> float:
    """Compute the effective number of clusters in the first ranks of contexts; arguments as for `listed_traffic`.

    Returns:
        The exponential of the entropy: `ranks` if all contexts have the same first clusters.
    """
    return effective_number(listed_traffic(source, contexts, ranks))


def listed_traffic(source: Source, contexts: Codes, ranks: int) -> Integers:
    """Count how often each cluster is in the first ranks of contexts, int64, shape (C,).

    Args:
        source: the source.
        contexts: int32, shape (rows, K); repeated as often as they occur, each row counts 1.
        ranks: number of ranks.
    """
    distinct, inverse = distinct_contexts(contexts, source.cluster_count)
    clusters, _ = top_clusters(source, distinct, ranks)
    weights = np.repeat(np.bincount(inverse, minlength=len(distinct))[:, None], ranks, axis=1)
    listed = clusters >= 0
    traffic = np.zeros(source.cluster_count, np.int64)
    np.add.at(traffic, clusters[listed], weights[listed])
    return traffic


def distinct_contexts(contexts: Codes, cluster_count: int) -> tuple[Codes, npt.NDArray[np.intp]]:
    """Return the distinct contexts, ascending, and the index of each context among them."""
    _, rows, inverse = np.unique(context_keys(contexts, cluster_count), return_index=True, return_inverse=True)
    return contexts[rows], inverse


@numba.njit(cache=True, nogil=True)
def _rank(scores, contexts, next_clusters, history, starts, ends, ranks):  # type: ignore[no-untyped-def]
    for row in range(len(ranks)):
        own = scores[contexts[row]]
        cluster = next_clusters[row]
        score = own[cluster]
        rank = 1
        for other in range(len(own)):
            rank += own[other] > score or (own[other] == score and other < cluster)
        # Clusters of the context have score 0 and are not counted above; the others of the history are removed.
        for position in range(starts[row], ends[row]):
            other = history[position]
            rank -= own[other] > score or (own[other] == score and other < cluster)
        ranks[row] = rank
