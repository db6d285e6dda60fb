import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.exploration.histories import CLUSTERS, LOGS, Events, first_of
from transforms.exploration.feedback import (
    Feedback,
    Period,
    aggregate,
    candidate_rates,
    drop_few_users,
    labels_of,
    outcomes_of,
)
from transforms.exploration.transitions import NEVER, transitions_of

# First interactions with clusters 0, 1, 2, and the times of the second ones.
USERS: list[Events] = [
    [(0, 10), (1, 20), (2, 30)],
    [(0, 11), (1, 21), (2, 31)],
    [(0, 12), (1, 22), (2, 60)],
    [(1, 5), (0, 25)],
]
RETURNS = np.array([NEVER, 35, NEVER, 15, 70, 33, 13, 39, 65, NEVER, 26])
PERIOD = Period(0, 51, horizon=20)


def rows_of(feedback: Feedback) -> list[tuple[list[int], int, int, int]]:
    columns = (feedback.contexts, feedback.candidates, feedback.users, feedback.returned)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def test_feedback_by_hand() -> None:
    first = first_of(USERS)
    outcomes = outcomes_of(transitions_of(first, 1), RETURNS, PERIOD)
    # After 0: cluster 1 of three users; the second one came back at 70, after the period, which is not yet known.
    # The transition to 2 at 60 is after the period. After 1: cluster 0 of the last user, cluster 2 of two.
    expected = [([0], 1, 3, 2), ([1], 0, 1, 1), ([1], 2, 2, 1)]
    assert rows_of(aggregate(outcomes, CLUSTERS)) == expected
    assert rows_of(drop_few_users(aggregate(outcomes, CLUSTERS), 2)) == [expected[0], expected[2]]
    later = outcomes_of(transitions_of(first, 1), RETURNS, Period(51, 80, horizon=20))
    assert rows_of(aggregate(later, CLUSTERS)) == [([1], 2, 1, 1)]
    assert candidate_rates(first, RETURNS, PERIOD, 4).tolist() == pytest.approx([3 / 4, 2 / 4, 1 / 2, 6 / 10])
    shrunk = candidate_rates(first, RETURNS, PERIOD, 4, prior=10.0)
    assert shrunk.tolist() == pytest.approx([9 / 14, 8 / 14, 7 / 12, 6 / 10])


def test_all_users_are_observed_equally_long() -> None:
    first = first_of(USERS)
    # A period that ends at 32 does not show whether the users of 25, 30 and 31 come back within 10.
    outcomes = outcomes_of(transitions_of(first, 1), RETURNS, Period(20, 32, horizon=10))
    assert outcomes.transitions.times.tolist() == [20, 21, 22]
    # The first user came back to cluster 1 after 15, the third one after 17: too late.
    outcomes = outcomes_of(transitions_of(first, 1), RETURNS, Period(20, 40, horizon=10))
    assert outcomes.transitions.times.tolist() == [20, 30, 21, 22, 25]
    assert outcomes.returned.tolist() == [False, False, False, False, True]


def test_labels_are_normalised_and_rounded() -> None:
    feedback = Feedback(
        np.zeros((4, 1), np.int32), np.arange(4, dtype=np.int32), np.array([10, 10, 10, 20]), np.array([2, 4, 6, 9])
    )
    # Rates 0.2, 0.4, 0.6, 0.45 become 0, 0.5, 1, 0.625.
    assert labels_of(feedback, 0.25).tolist() == pytest.approx([0, 0.5, 1, 0.5])
    assert labels_of(feedback, 0.3).tolist() == pytest.approx([0, 0.6, 0.9, 0.6])
    assert labels_of(drop_few_users(feedback, 20)).tolist() == [0.5]
    with pytest.raises(ValueError, match=r"interval must be in \(0, 1\], got 0"):
        labels_of(feedback, 0)


@settings(max_examples=150)
@given(LOGS, st.integers(0, 3), st.integers(0, 12), st.integers(1, 6), st.data())
def test_feedback_equals_counting_by_hand(
    users: list[Events], size: int, end: int, horizon: int, data: st.DataObject
) -> None:
    first = first_of(users)
    number = len(first.times)
    gaps = data.draw(st.lists(st.integers(1, 9), min_size=number, max_size=number))
    returns = first.times + np.array(gaps, np.int64)
    feedback = aggregate(outcomes_of(transitions_of(first, size), returns, Period(2, end, horizon)), CLUSTERS)
    expected: dict[tuple[tuple[int, ...], int], list[int]] = {}
    for start, stop in zip(first.offsets[:-1].tolist(), first.offsets[1:].tolist(), strict=True):
        for place in range(start + size, stop):
            if 2 <= first.times[place] <= end - horizon:
                key = (tuple(first.clusters[place - size : place].tolist()), int(first.clusters[place]))
                counted = expected.setdefault(key, [0, 0])
                counted[0] += 1
                counted[1] += int(returns[place] - first.times[place] < horizon)
    found = {(tuple(context), candidate): [users, back] for context, candidate, users, back in rows_of(feedback)}
    assert found == expected
    assert list(found) == sorted(expected)


def test_without_users_there_is_no_feedback() -> None:
    first = first_of([])
    feedback = aggregate(outcomes_of(transitions_of(first, 2), np.zeros(0, np.int64), PERIOD), CLUSTERS)
    assert rows_of(feedback) == []
    assert labels_of(feedback).tolist() == []
