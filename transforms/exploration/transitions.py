"""Transitions of users from a context of clusters to a novel cluster (2405.16363, fine-tuning data).

Two notions of a user's recent clusters are used, and differ:

- *First occurrences* are the distinct clusters of a history in the order in which each occurred first. Transitions are
  windows of them, so the next cluster is novel by construction: the user consumed nothing of it before.
- The *recent context* consists of the last K distinct clusters of a history in the order in which each occurred last.
  It represents the user at inference. A user who returns to an old cluster has it in the recent context.

Items without a cluster have the code `NO_CLUSTER` and are skipped, as if they were not in the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets, run_offsets
from transforms.exploration.config import TransitionConfig

Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Splits = npt.NDArray[np.int8]

NO_CLUSTER = -1
"""The code of an item without a cluster, and of a missing place in a context."""

SPLITS = ("train", "validation", "test")
TRAIN, VALIDATION, TEST = range(len(SPLITS))

NEVER = int(np.iinfo(np.int64).max)
"""A time after all interactions, where an empty period starts."""


class FirstOccurrences(NamedTuple):
    """The distinct clusters of each user, in the order of their first occurrences.

    Attributes:
        offsets: int64, shape (users + 1,): offsets of the users.
        clusters: int32, shape (occurrences,): clusters, each once per user.
        times: int64, shape (occurrences,): times of the first interactions, in microseconds, ascending for each user.
    """

    offsets: Integers
    clusters: Codes
    times: Integers


class Transitions(NamedTuple):
    """Transitions of users, one per row, by user, then time.

    Attributes:
        users: int64, shape (rows,): indices of users.
        contexts: int32, shape (rows, K): the K clusters before, the most recent last.
        next_clusters: int32, shape (rows,): the novel clusters.
        times: int64, shape (rows,): times of the first interactions with the novel clusters, in microseconds.
        positions: int64, shape (rows,): positions of the novel clusters in `FirstOccurrences.clusters`.
    """

    users: Integers
    contexts: Codes
    next_clusters: Codes
    times: Integers
    positions: Integers


class SplitTimes(NamedTuple):
    """Boundaries of the splits: train < validation <= ... < test <= ..., in microseconds.

    Attributes:
        validation: start of the validation period, which ends where the test period starts.
        test: start of the test period.
    """

    validation: int
    test: int


class TransitionCounts(NamedTuple):
    """The numbers of distinct transitions, by context, then next cluster, then split.

    Attributes:
        contexts: int32, shape (rows, K).
        next_clusters: int32, shape (rows,).
        splits: int8, shape (rows,): index into `SPLITS`.
        counts: int64, shape (rows,): how often the transition occurred.
        users: int64, shape (rows,): number of distinct users with the transition. In one log and one clustering a user
            has a transition at most once, so it is equal to `counts`; in pooled logs or levels it can be lower.
    """

    contexts: Codes
    next_clusters: Codes
    splits: Splits
    counts: Integers
    users: Integers


def first_occurrences(
    offsets: npt.NDArray[np.integer], clusters: npt.NDArray[np.integer], times: npt.NDArray[np.integer]
) -> FirstOccurrences:
    """Remove all but the first interaction of each user with each cluster.

    Args:
        offsets: shape (users + 1,): offsets of the users in the other arrays.
        clusters: shape (interactions,): the leaf cluster of each interaction, by user, time, item; `NO_CLUSTER`: none.
        times: shape (interactions,): times in microseconds.
    """
    users, rows = _clustered_rows(offsets, clusters)
    _, first = np.unique(_keys_of(users, clusters[rows]), return_index=True)
    kept = np.sort(first)
    rows = rows[kept]
    lengths = np.bincount(users[kept], minlength=len(offsets) - 1)
    return FirstOccurrences(list_offsets(lengths), clusters[rows].astype(np.int32), times[rows].astype(np.int64))


def transitions_of(first: FirstOccurrences, size: int) -> Transitions:
    """Find each window of consecutive first occurrences: a context of `size` clusters and the novel cluster after it.

    Args:
        first: the first occurrences.
        size: number of clusters in a context, at least 0; shorter contexts are the back-off of longer ones, and the
            empty context precedes every first occurrence. Users with at most `size` clusters have no transition.

    Raises:
        ValueError: when `size` is negative.
    """
    if size < 0:
        raise ValueError(f"size must be at least 0, got {size}")
    users = np.repeat(np.arange(len(first.offsets) - 1, dtype=np.int64), np.diff(first.offsets))
    positions = np.flatnonzero(np.arange(len(users)) - first.offsets[users] >= size)
    windows = positions[:, None] + np.arange(-size, 0)
    return Transitions(
        users[positions], first.clusters[windows], first.clusters[positions], first.times[positions], positions
    )


def split_times(times: npt.NDArray[np.integer], config: TransitionConfig) -> SplitTimes:
    """Compute the boundaries of the splits as quantiles of the times of interactions.

    A period starts at the time of an interaction, and everything at that time belongs to it. With few distinct times a
    period therefore can be longer than its fraction; if all times are equal, everything is in the test period.

    Args:
        times: shape (interactions,), in any order, in microseconds.
        config: the fractions. With a fraction of 0, a period is empty.
    """
    ordered = np.sort(times)
    test = time_before_last(ordered, config.test_fraction)
    return SplitTimes(min(time_before_last(ordered, config.test_fraction + config.validation_fraction), test), test)


def time_before_last(ordered: npt.NDArray[np.integer], fraction: float) -> int:
    """Return the time from which on the last `fraction` of interactions lies; `NEVER` for none of them.

    Args:
        ordered: shape (interactions,): times, ascending.
        fraction: in [0, 1].
    """
    position = len(ordered) - round(len(ordered) * fraction)
    return int(ordered[position]) if position < len(ordered) else NEVER


def splits_of(times: Integers, boundaries: SplitTimes) -> Splits:
    """Return the split of each time as index into `SPLITS`, int8, shape (times,).

    The split of a transition is that of the time of its novel cluster. Its context may lie in earlier splits, which are
    then the past of the user; nothing of a later period is in an earlier split.
    """
    return (times >= boundaries.validation).astype(np.int8) + (times >= boundaries.test).astype(np.int8)


def transitions_of_split(first: FirstOccurrences, size: int, boundaries: SplitTimes, split: int) -> Transitions:
    """Return the transitions with contexts of `size` clusters of one split, an index into `SPLITS`."""
    transitions = transitions_of(first, size)
    return take_transitions(transitions, splits_of(transitions.times, boundaries) == split)


def take_transitions(transitions: Transitions, rows: Flags | Integers) -> Transitions:
    """Return some rows of transitions, by flags or by indices."""
    users, contexts, next_clusters, times, positions = transitions
    return Transitions(users[rows], contexts[rows], next_clusters[rows], times[rows], positions[rows])


def count_transitions(transitions: Transitions, splits: Splits, cluster_count: int) -> TransitionCounts:
    """Count transitions and their distinct users.

    Args:
        transitions: the transitions of users, in any order.
        splits: int8, shape (rows,): the split of each transition.
        cluster_count: number of clusters; all codes are below it.

    Raises:
        ValueError: when the transitions of this number of clusters cannot be numbered in 63 bits.
    """
    keys = _transition_keys(transitions.contexts, transitions.next_clusters, splits, cluster_count)
    order = np.lexsort((transitions.users, keys))
    keys, users = keys[order], transitions.users[order]
    starts = run_offsets(keys)
    is_new_user = np.ones(len(keys), np.int64)
    is_new_user[1:] = (keys[1:] != keys[:-1]) | (users[1:] != users[:-1])
    rows = order[starts[:-1]]
    return TransitionCounts(
        transitions.contexts[rows],
        transitions.next_clusters[rows],
        splits[rows],
        np.diff(starts),
        np.add.reduceat(is_new_user, starts[:-1]) if len(rows) else np.zeros(0, np.int64),
    )


def merge_counts(parts: Sequence[TransitionCounts], cluster_count: int) -> TransitionCounts:
    """Add the counts of disjoint sets of users, such as buckets, in any order.

    Args:
        parts: at least one, all with contexts of the same size.
        cluster_count: number of clusters.
    """
    contexts, next_clusters, splits, counts, users = (np.concatenate(column) for column in zip(*parts, strict=True))
    keys = _transition_keys(contexts, next_clusters, splits, cluster_count)
    order = np.argsort(keys, kind="stable")
    starts = run_offsets(keys[order])[:-1]
    rows = order[starts]
    if not len(rows):
        return parts[0]
    return TransitionCounts(
        contexts[rows],
        next_clusters[rows],
        splits[rows],
        np.add.reduceat(counts[order], starts),
        np.add.reduceat(users[order], starts),
    )


def take_counts(counts: TransitionCounts, rows: Flags | Integers) -> TransitionCounts:
    """Return some rows of counts, by flags or by indices."""
    contexts, next_clusters, splits, numbers, users = counts
    return TransitionCounts(contexts[rows], next_clusters[rows], splits[rows], numbers[rows], users[rows])


def drop_rare(counts: TransitionCounts, min_users: int) -> TransitionCounts:
    """Drop the transitions with fewer than `min_users` distinct users in their split, which could identify a user."""
    return take_counts(counts, counts.users >= min_users)


def recent_context(history: Sequence[int], size: int) -> tuple[int, ...]:
    """Return the last `size` distinct clusters of one history, the most recent last; fewer if there are not as many.

    Args:
        history: clusters in time order; `NO_CLUSTER` is skipped.
        size: maximum number of clusters.
    """
    context: list[int] = []
    for cluster in reversed(history):
        if len(context) >= size:
            break
        if cluster != NO_CLUSTER and cluster not in context:
            context.append(cluster)
    return tuple(reversed(context))


def recent_contexts(offsets: npt.NDArray[np.integer], clusters: npt.NDArray[np.integer], size: int) -> Codes:
    """Return the `recent_context` of each user.

    Args:
        offsets: shape (users + 1,).
        clusters: shape (interactions,), in time order for each user; `NO_CLUSTER`: none.
        size: number of clusters in a context.

    Returns:
        int32, shape (users, size): the most recent cluster last; `NO_CLUSTER` in the first places of shorter contexts.
    """
    users, rows = _clustered_rows(offsets, clusters)
    found = clusters[rows]
    _, last = np.unique(_keys_of(users, found)[::-1], return_index=True)
    kept = np.sort(len(rows) - 1 - last)
    users, found = users[kept], found[kept]
    ends = np.cumsum(np.bincount(users, minlength=len(offsets) - 1))
    from_end = ends[users] - np.arange(len(users))  # 1: the most recent
    recent = from_end <= size
    contexts = np.full((len(offsets) - 1, size), NO_CLUSTER, np.int32)
    contexts[users[recent], size - from_end[recent]] = found[recent]
    return contexts


def _clustered_rows(
    offsets: npt.NDArray[np.integer], clusters: npt.NDArray[np.integer]
) -> tuple[Integers, npt.NDArray[np.intp]]:
    """Return the interactions that have a cluster: their users and their rows."""
    users = np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))
    rows = np.flatnonzero(clusters != NO_CLUSTER)
    return users[rows], rows


def _keys_of(users: Integers, clusters: npt.NDArray[np.integer]) -> Integers:
    """Number the pairs of user and cluster."""
    return users * (int(clusters.max(initial=0)) + 1) + clusters


def context_keys(contexts: Codes, cluster_count: int) -> Integers:
    """Number contexts in lexicographic order: `c1 * C + c2` for contexts of two clusters; int64, shape (rows,).

    Raises:
        ValueError: when the contexts of this number of clusters cannot be numbered in 63 bits.
    """
    _check_width(contexts.shape[1], cluster_count)
    keys = np.zeros(len(contexts), np.int64)
    for place in contexts.T:
        keys = keys * cluster_count + place
    return keys


def _transition_keys(contexts: Codes, next_clusters: Codes, splits: Splits, cluster_count: int) -> Integers:
    """Number transitions in the order of context, next cluster, split."""
    _check_width(contexts.shape[1] + 2, cluster_count)
    return (context_keys(contexts, cluster_count) * cluster_count + next_clusters) * len(SPLITS) + splits


def _check_width(places: int, cluster_count: int) -> None:
    # `max` with the number of splits keeps the check on the safe side for one or two clusters.
    if max(cluster_count, len(SPLITS)) ** places > np.iinfo(np.int64).max:
        raise ValueError(f"{places} places of {cluster_count} clusters cannot be numbered in 63 bits")
