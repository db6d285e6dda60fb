"""Histories of few users, worked by hand, and strategies and references for Hypothesis."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from transforms.exploration.transitions import (
    FirstOccurrences,
    SplitTimes,
    TransitionCounts,
    first_occurrences,
)

Events = list[tuple[int, int]]
"""Pairs of cluster and time of one user."""

CLUSTERS = 5
BOUNDARIES = SplitTimes(validation=40, test=50)

USERS: list[Events] = [
    [(0, 10), (0, 11), (1, 20), (2, 30), (1, 35), (3, 40)],
    [(0, 12), (1, 22), (2, 50)],
    [(1, 5)],
    [(-1, 1), (0, 13), (-1, 14), (1, 23), (2, 31), (4, 60)],
    [],
]

EVENTS = st.lists(st.tuples(st.integers(-1, CLUSTERS - 1), st.integers(0, 9)), max_size=8).map(
    lambda events: sorted(events, key=lambda event: event[1])
)
LOGS = st.lists(EVENTS, max_size=6)


def arrays(users: Sequence[Events]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return offsets, clusters and times."""
    events = [event for own in users for event in own]
    offsets = np.cumsum([0, *map(len, users)])
    return (
        offsets.astype(np.int64),
        np.array([cluster for cluster, _ in events], np.int32),
        np.array([time for _, time in events], np.int64),
    )


def first_of(users: Sequence[Events]) -> FirstOccurrences:
    return first_occurrences(*arrays(users))


def distinct(events: Events) -> Events:
    """Return the first event of each cluster: the reference."""
    found: Events = []
    for cluster, time in events:
        if cluster >= 0 and all(cluster != other for other, _ in found):
            found.append((cluster, time))
    return found


def windows(events: Events, size: int) -> list[tuple[tuple[int, ...], int, int]]:
    """Return contexts, next clusters and times: the reference."""
    own = distinct(events)
    return [(tuple(cluster for cluster, _ in own[row - size : row]), *own[row]) for row in range(size, len(own))]


def rows_of(counts: TransitionCounts) -> list[tuple[tuple[int, ...], int, int, int, int]]:
    """Return context, next cluster, split, count and users of each row."""
    columns = (counts.next_clusters, counts.splits, counts.counts, counts.users)
    contexts = map(tuple, counts.contexts.tolist())
    return list(zip(contexts, *(column.tolist() for column in columns), strict=True))
