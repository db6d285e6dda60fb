"""The protocol by which recommendations are evaluated: one date divides the log of all users.

What is fitted sees interactions before the date alone. The targets of a user are all items that follow, in order; the
novel ones are marked. Items consumed before the date are neither recommended nor targets, and all other items of the
catalogue are ranked: negatives are not sampled. Parameters are chosen on a validation period that ends at the date and
is evaluated by the same rule (Time to Split, 2507.16289).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets
from transforms.recommendation.histories import Codes, Integers, ItemHistories
from transforms.recommendation.measures import Targets

Floats = npt.NDArray[np.float64]
NEVER = int(np.iinfo(np.int64).max)


def users_of_rows(histories: ItemHistories) -> Integers:
    """Return the user of each interaction, int64, shape (interactions,)."""
    return np.repeat(np.arange(histories.user_count, dtype=np.int64), np.diff(histories.offsets))


def between(histories: ItemHistories, start: int, end: int = NEVER) -> ItemHistories:
    """Return the interactions in `[start, end)` of all users, in microseconds; users may then have none."""
    kept = (histories.times >= start) & (histories.times < end)
    lengths = np.bincount(users_of_rows(histories)[kept], minlength=histories.user_count)
    return ItemHistories(list_offsets(lengths), histories.items[kept], histories.times[kept])


def before(histories: ItemHistories, date: int) -> ItemHistories:
    """Return the interactions before a date of all users."""
    return between(histories, np.iinfo(np.int64).min, date)


def take_users(histories: ItemHistories, users: Integers) -> ItemHistories:
    """Return the histories of some users, in the given order."""
    starts, lengths = histories.offsets[users], np.diff(histories.offsets)[users]
    offsets = list_offsets(lengths)
    rows = np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], lengths)
    return ItemHistories(offsets, histories.items[rows], histories.times[rows])


def consumed_clusters(past: ItemHistories, item_clusters: Codes, cluster_count: int) -> Floats:
    """Count the interactions of each user with each cluster, float64, shape (users, C)."""
    counts = np.zeros((past.user_count, cluster_count))
    np.add.at(counts, (users_of_rows(past), item_clusters[past.items]), 1.0)
    return counts


def targets_of(past: ItemHistories, future: ItemHistories, item_clusters: Codes, cluster_count: int) -> Targets:
    """Find the targets of each user.

    Args:
        past: interactions before the date.
        future: interactions of the same users from the date on.
        item_clusters: int32, shape (items,): the cluster of each item.
        cluster_count: number of clusters, C.
    """
    items = len(item_clusters)
    past_keys = users_of_rows(past) * items + past.items
    users = users_of_rows(future)
    keys = users * items + future.items
    _, first = np.unique(keys, return_index=True)
    rows = np.sort(first)
    rows = rows[~np.isin(keys[rows], past_keys)]
    consumed = consumed_clusters(past, item_clusters, cluster_count) > 0
    is_novel = ~consumed[users[rows], item_clusters[future.items[rows]]]
    offsets = list_offsets(np.bincount(users[rows], minlength=future.user_count))
    return Targets(offsets, future.items[rows], is_novel)


def measured_users(past: ItemHistories, targets: Targets, limit: int, seed: int) -> Integers:
    """Choose the users who are measured: those with a past and a target, at most `limit` of them, ascending.

    Args:
        past: interactions before the date.
        targets: the targets of the same users.
        limit: maximum number of users.
        seed: random seed of the choice.
    """
    eligible = np.flatnonzero((np.diff(past.offsets) > 0) & (np.diff(targets.offsets) > 0))
    chosen = np.random.default_rng(seed).permutation(len(eligible))[:limit]
    return np.sort(eligible[chosen])


def take_targets(targets: Targets, users: Integers) -> Targets:
    """Return the targets of some users, in the given order."""
    lengths = np.diff(targets.offsets)[users]
    offsets = list_offsets(lengths)
    rows = np.arange(offsets[-1]) + np.repeat(targets.offsets[users] - offsets[:-1], lengths)
    return Targets(offsets, targets.items[rows], targets.is_novel[rows])
