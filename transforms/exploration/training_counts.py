"""Counts of the training period, from which all count models are computed.

They are sums over users of whole numbers, so that buckets of users can be counted separately and added in any order.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.exploration.transitions import (
    FirstOccurrences,
    Integers,
    TransitionCounts,
    count_transitions,
    drop_rare,
    merge_counts,
    take_transitions,
    time_before_last,
    transitions_of,
)

RECENT_FRACTIONS = (0.03, 0.1, 0.3)
"""Fractions of the interactions before the end of training, the latest ones, whose time spans are recent periods."""


class TrainingPeriods(NamedTuple):
    """Times that delimit what is counted, in microseconds.

    Attributes:
        end: end of training; what occurs at this time or later is not counted.
        recent: starts of the recent periods, which all end with training, by `RECENT_FRACTIONS`.
    """

    end: int
    recent: tuple[int, ...]


class TrainingCounts(NamedTuple):
    """Counts of first occurrences before the end of training.

    Attributes:
        orders: counts of transitions by size of the context: `orders[k]` has contexts of k clusters, from 0.
        users: int64, shape (C, C): number of users with both clusters; on the diagonal, with the cluster.
        recent: int64, shape (periods, C): number of users whose first occurrence of a cluster is in a recent period.
        successors: int64, shape (C, C): number of users whose first occurrence of the second cluster (column) is in
            the longest recent period, and who consumed the first cluster (row) before, at any time.
    """

    orders: tuple[TransitionCounts, ...]
    users: Integers
    recent: Integers
    successors: Integers

    @property
    def cluster_count(self) -> int:
        """The number of clusters, C."""
        return len(self.users)


def training_periods(times: npt.NDArray[np.integer], end: int) -> TrainingPeriods:
    """Compute the recent periods as quantiles of the times of interactions before the end of training.

    Args:
        times: shape (interactions,), in any order, in microseconds; those from `end` on are ignored.
        end: end of training.
    """
    ordered = np.sort(times[times < end])
    return TrainingPeriods(end, tuple(time_before_last(ordered, fraction) for fraction in RECENT_FRACTIONS))


def count_training(
    first: FirstOccurrences, cluster_count: int, context_size: int, periods: TrainingPeriods
) -> TrainingCounts:
    """Count what happened before the end of training.

    Args:
        first: the first occurrences of all periods.
        cluster_count: number of clusters, C.
        context_size: maximum size of the contexts counted, K.
        periods: what is counted.
    """
    orders = []
    for size in range(context_size + 1):
        transitions = transitions_of(first, size)
        transitions = take_transitions(transitions, transitions.times < periods.end)
        orders.append(count_transitions(transitions, np.zeros(len(transitions.times), np.int8), cluster_count))
    users = np.zeros((cluster_count, cluster_count), np.int64)
    successors = np.zeros((cluster_count, cluster_count), np.int64)
    counted = first.times < periods.end
    longest = counted & (first.times >= min(periods.recent))
    _count_pairs(first.offsets, first.clusters, counted, longest, users, successors)
    recent = [
        np.bincount(first.clusters[counted & (first.times >= start)], minlength=cluster_count)
        for start in periods.recent
    ]
    return TrainingCounts(tuple(orders), users, np.stack(recent), successors)


def add_training_counts(parts: Sequence[TrainingCounts]) -> TrainingCounts:
    """Add the counts of disjoint sets of users, at least one set, in any order."""
    orders = zip(*(part.orders for part in parts), strict=True)
    return TrainingCounts(
        tuple(merge_counts(order, parts[0].cluster_count) for order in orders),
        np.sum([part.users for part in parts], axis=0),
        np.sum([part.recent for part in parts], axis=0),
        np.sum([part.successors for part in parts], axis=0),
    )


def drop_rare_counts(counts: TrainingCounts, min_users: int) -> TrainingCounts:
    """Set counts of fewer than `min_users` users to 0, and drop such transitions, which could identify a user.

    Args:
        counts: the counts of all users.
        min_users: minimum number of users, at least 1; 1 changes nothing.
    """
    return TrainingCounts(
        tuple(drop_rare(order, min_users) for order in counts.orders),
        *(np.where(part >= min_users, part, 0) for part in (counts.users, counts.recent, counts.successors)),
    )


@numba.njit(cache=True, nogil=True)
def _count_pairs(offsets, clusters, counted, recent, users, successors):  # type: ignore[no-untyped-def]
    # Time: O(sum over users of distinct clusters squared).
    for user in range(len(offsets) - 1):
        for row in range(offsets[user], offsets[user + 1]):
            if not counted[row]:
                break  # times are ascending for each user
            cluster = clusters[row]
            users[cluster, cluster] += 1
            for position in range(offsets[user], row):
                before = clusters[position]
                users[cluster, before] += 1
                users[before, cluster] += 1
                if recent[row]:
                    successors[before, cluster] += 1
