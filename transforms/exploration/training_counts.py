"""Counts of the training period, from which all count models are computed.

They are sums over users of whole numbers, so that buckets of users can be counted separately and added in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np

from transforms.exploration.transitions import (
    FirstOccurrences,
    Integers,
    TransitionCounts,
    count_transitions,
    merge_counts,
    take_transitions,
    transitions_of,
)


class TrainingCounts(NamedTuple):
    """Counts of first occurrences before the end of training.

    Attributes:
        orders: counts of transitions by size of the context: `orders[k]` has contexts of k clusters, from 0.
        users: int64, shape (C, C): number of users with both clusters; on the diagonal, with the cluster.
        recent: int64, shape (C,): number of users whose first occurrence of a cluster lies in the recent period.
    """

    orders: tuple[TransitionCounts, ...]
    users: Integers
    recent: Integers

    @property
    def cluster_count(self) -> int:
        """The number of clusters, C."""
        return len(self.recent)


def count_training(
    first: FirstOccurrences, cluster_count: int, context_size: int, end: int, recent_start: int
) -> TrainingCounts:
    """Count what happened before the end of training.

    Args:
        first: the first occurrences of all periods.
        cluster_count: number of clusters, C.
        context_size: maximum size of the contexts counted, K.
        end: end of training in microseconds; what occurs at this time or later is not counted.
        recent_start: start of the recent period in microseconds.
    """
    orders = []
    for size in range(context_size + 1):
        transitions = transitions_of(first, size)
        transitions = take_transitions(transitions, transitions.times < end)
        orders.append(count_transitions(transitions, np.zeros(len(transitions.times), np.int8), cluster_count))
    users = np.zeros((cluster_count, cluster_count), np.int64)
    before = first.times < end
    _count_pairs(first.offsets, first.clusters, before, users)
    recent = first.clusters[before & (first.times >= recent_start)]
    return TrainingCounts(tuple(orders), users, np.bincount(recent, minlength=cluster_count))


def add_training_counts(parts: Sequence[TrainingCounts]) -> TrainingCounts:
    """Add the counts of disjoint sets of users, at least one set, in any order."""
    return TrainingCounts(
        tuple(
            merge_counts(order, parts[0].cluster_count) for order in zip(*(part.orders for part in parts), strict=True)
        ),
        np.sum([part.users for part in parts], axis=0),
        np.sum([part.recent for part in parts], axis=0),
    )


@numba.njit(cache=True, nogil=True)
def _count_pairs(offsets, clusters, counted, users):  # type: ignore[no-untyped-def]
    # Time: O(sum over users of distinct clusters squared).
    for user in range(len(offsets) - 1):
        for row in range(offsets[user], offsets[user + 1]):
            if not counted[row]:
                break  # times are ascending for each user
            for other in range(offsets[user], row):
                users[clusters[row], clusters[other]] += 1
                users[clusters[other], clusters[row]] += 1
            users[clusters[row], clusters[row]] += 1
