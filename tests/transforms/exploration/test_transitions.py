from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.exploration.histories import (
    BOUNDARIES,
    CLUSTERS,
    EVENTS,
    LOGS,
    USERS,
    Events,
    arrays,
    first_of,
    rows_of,
    windows,
)
from transforms.exploration.config import TransitionConfig
from transforms.exploration.transitions import (
    NEVER,
    TEST,
    TRAIN,
    VALIDATION,
    SplitTimes,
    TransitionCounts,
    context_keys,
    count_transitions,
    drop_rare,
    first_occurrences,
    merge_counts,
    recent_context,
    recent_contexts,
    split_times,
    splits_of,
    take_transitions,
    transitions_of,
)

COUNTS = {
    1: [
        ((0,), 1, TRAIN, 3, 3),
        ((1,), 2, TRAIN, 2, 2),
        ((1,), 2, TEST, 1, 1),
        ((2,), 3, VALIDATION, 1, 1),
        ((2,), 4, TEST, 1, 1),
    ],
    2: [
        ((0, 1), 2, TRAIN, 2, 2),
        ((0, 1), 2, TEST, 1, 1),
        ((1, 2), 3, VALIDATION, 1, 1),
        ((1, 2), 4, TEST, 1, 1),
    ],
    3: [((0, 1, 2), 3, VALIDATION, 1, 1), ((0, 1, 2), 4, TEST, 1, 1)],
}


def counts_of(users: list[Events], size: int, boundaries: SplitTimes = BOUNDARIES) -> TransitionCounts:
    transitions = transitions_of(first_of(users), size)
    return count_transitions(transitions, splits_of(transitions.times, boundaries), CLUSTERS)


def test_first_occurrences_by_hand() -> None:
    first = first_of(USERS)
    assert first.offsets.tolist() == [0, 4, 7, 8, 12, 12]
    assert first.clusters.tolist() == [0, 1, 2, 3, 0, 1, 2, 1, 0, 1, 2, 4]
    assert first.times.tolist() == [10, 20, 30, 40, 12, 22, 50, 5, 13, 23, 31, 60]


@pytest.mark.parametrize("size", [1, 2, 3])
def test_counts_by_hand(size: int) -> None:
    assert rows_of(counts_of(USERS, size)) == COUNTS[size]


def test_the_empty_context_precedes_every_first_occurrence() -> None:
    counts = counts_of(USERS, 0, SplitTimes(NEVER, NEVER))
    assert rows_of(counts) == [((), 0, 0, 3, 3), ((), 1, 0, 4, 4), ((), 2, 0, 3, 3), ((), 3, 0, 1, 1), ((), 4, 0, 1, 1)]


def test_the_time_of_the_novel_cluster_determines_the_split() -> None:
    transitions = transitions_of(first_of(USERS), 2)
    assert transitions.users.tolist() == [0, 0, 1, 3, 3]
    assert transitions.times.tolist() == [30, 40, 50, 31, 60]
    assert splits_of(transitions.times, BOUNDARIES).tolist() == [TRAIN, VALIDATION, TEST, TRAIN, TEST]
    first = first_of(USERS)
    assert first.clusters[transitions.positions].tolist() == transitions.next_clusters.tolist()


@given(LOGS, st.integers(0, 3), st.integers(0, 9), st.integers(0, 9))
def test_counts_are_those_of_a_plain_loop(users: list[Events], size: int, start: int, end: int) -> None:
    boundaries = SplitTimes(min(start, end), max(start, end))
    expected = Counter(
        (context, cluster, (time >= boundaries.validation) + (time >= boundaries.test))
        for events in users
        for context, cluster, time in windows(events, size)
    )
    rows = [(*key, count, count) for key, count in sorted(expected.items())]
    assert rows_of(counts_of(users, size, boundaries)) == rows


@given(LOGS, st.integers(1, 3))
def test_nothing_of_the_future_is_in_an_earlier_split(users: list[Events], size: int) -> None:
    boundaries = SplitTimes(3, 6)
    past = [[event for event in events if event[1] < 6] for events in users]
    everything, without_test = (rows_of(counts_of(log, size, boundaries)) for log in (users, past))
    assert [row for row in everything if row[2] != TEST] == without_test


@given(LOGS, st.integers(1, 3), st.randoms(use_true_random=False))
def test_buckets_in_any_order_have_the_same_counts(users: list[Events], size: int, random: object) -> None:
    shuffled = list(users)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    parts = [counts_of(shuffled[:2], size), counts_of(shuffled[2:], size)]
    merged, whole = merge_counts(parts, CLUSTERS), counts_of(users, size)
    for one, other in zip(merged, whole, strict=True):
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


def test_a_user_counts_once_in_pooled_transitions() -> None:
    transitions = transitions_of(first_of(USERS), 1)
    twice = take_transitions(transitions, np.array([0, 0, 3]))
    assert rows_of(count_transitions(twice, np.zeros(3, np.int8), CLUSTERS)) == [((0,), 1, 0, 3, 2)]


def test_rare_transitions_are_dropped() -> None:
    assert rows_of(drop_rare(counts_of(USERS, 1), 2)) == COUNTS[1][:2]


def test_split_times_are_quantiles_of_interactions() -> None:
    times = np.arange(10)[::-1] * 100
    assert split_times(times, TransitionConfig()) == (700, 800)
    assert split_times(times, TransitionConfig(test_fraction=0, validation_fraction=0)) == (NEVER, NEVER)
    assert split_times(times, TransitionConfig(test_fraction=0, validation_fraction=0.3)) == (700, NEVER)
    assert split_times(times[:0], TransitionConfig()) == (NEVER, NEVER)


def test_equal_times_are_all_test() -> None:
    boundaries = split_times(np.full(5, 7), TransitionConfig())
    assert boundaries == (7, 7)
    assert splits_of(np.full(5, 7), boundaries).tolist() == [TEST] * 5


def test_clusters_of_equal_times_keep_their_order() -> None:
    assert rows_of(counts_of([[(3, 1), (0, 1), (2, 1)]], 1)) == [((0,), 2, 0, 1, 1), ((3,), 0, 0, 1, 1)]


def test_a_log_without_clusters_has_no_transitions() -> None:
    for users in ([], [[]], [[(-1, 1), (-1, 2)]], [[(1, 1)]]):
        assert rows_of(counts_of(users, 1)) == []


@given(LOGS, st.integers(1, 3))
def test_recent_contexts_are_those_of_a_plain_loop(users: list[Events], size: int) -> None:
    offsets, clusters, _ = arrays(users)
    found = recent_contexts(offsets, clusters, size)
    assert found.dtype == np.int32
    for events, row in zip(users, found.tolist(), strict=True):
        context = recent_context([cluster for cluster, _ in events], size)
        assert tuple(row) == (-1,) * (size - len(context)) + context


def test_the_recent_context_has_the_last_occurrences_and_transitions_the_first() -> None:
    history = [0, 1, 2, 0, -1]
    assert recent_context(history, 2) == (2, 0)
    first = first_occurrences(np.array([0, 5]), np.array(history), np.arange(5))
    assert first.clusters.tolist() == [0, 1, 2]
    assert recent_context([], 2) == recent_context([-1], 2) == ()


@given(EVENTS, st.integers(1, 3))
def test_no_next_cluster_was_consumed_before(events: Events, size: int) -> None:
    transitions = transitions_of(first_of([events]), size)
    for cluster, time, context in zip(
        *(getattr(transitions, name).tolist() for name in ("next_clusters", "times", "contexts")), strict=True
    ):
        assert cluster not in context
        assert all(other != cluster for other, at in events if at < time)


def test_contexts_are_numbered_in_their_order() -> None:
    contexts = np.array([[0, 1], [2, 0], [4, 4]], np.int32)
    assert context_keys(contexts, CLUSTERS).tolist() == [1, 10, 24]
    with pytest.raises(ValueError, match="cannot be numbered in 63 bits"):
        context_keys(np.zeros((1, 3), np.int32), 1 << 22)


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="size must be at least 0, got -1"):
        transitions_of(first_of(USERS), -1)
