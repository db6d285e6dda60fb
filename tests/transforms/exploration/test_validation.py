"""Slices of the validation period."""

import numpy as np

from tests.transforms.exploration.histories import first_of
from transforms.exploration.training_counts import count_training, training_periods
from transforms.exploration.transitions import NEVER, VALIDATION, SplitTimes, transitions_of_split
from transforms.exploration.validation import count_slices, slice_starts, whole_validation

BOUNDARIES = SplitTimes(40, 80)
USERS = [[(0, time), (1, time + 1), (2, time + 5)] for time in range(0, 100, 2)]
FIRST = first_of(USERS)


def test_slices_have_equal_numbers_of_first_interactions() -> None:
    times = np.arange(100)
    assert slice_starts(times, BOUNDARIES) == (40, 50, 60, 70)
    assert slice_starts(times[::-1], SplitTimes(41, 79)) == (41, 50, 60, 69)


def test_equal_times_give_fewer_slices() -> None:
    assert slice_starts(np.array([40, 40, 40, 50, 90]), BOUNDARIES) == (40, 50)
    assert slice_starts(np.array([10, 90]), BOUNDARIES) == (40,)
    assert slice_starts(np.array([10, 90]), SplitTimes(NEVER, NEVER)) == (NEVER,)


def test_each_slice_has_the_counts_before_it_and_its_own_transitions() -> None:
    slices = count_slices(FIRST, 3, 1, BOUNDARIES)
    starts = slice_starts(FIRST.times, BOUNDARIES)
    ends = (*starts[1:], BOUNDARIES.test)
    assert len(slices) == 4
    for (training, validation), start, end in zip(slices, starts, ends, strict=True):
        expected = count_training(FIRST, 3, 1, training_periods(FIRST.times, start))
        assert (training.users == expected.users).all()
        assert (training.recent == expected.recent).all()
        times = validation.transitions.times
        assert len(times)
        assert ((times >= start) & (times < end)).all()


def test_slices_together_are_the_validation_period() -> None:
    found = whole_validation(count_slices(FIRST, 3, 1, BOUNDARIES)).transitions
    expected = transitions_of_split(FIRST, 1, BOUNDARIES, VALIDATION)
    rows = [sorted(zip(each.users.tolist(), each.next_clusters.tolist(), strict=True)) for each in (found, expected)]
    assert rows[0] == rows[1]


def test_counts_of_few_users_are_dropped() -> None:
    assert count_slices(FIRST, 3, 1, BOUNDARIES, min_users=1)[0].training.users.any()
    assert not count_slices(FIRST, 3, 1, BOUNDARIES, min_users=1000)[0].training.users.any()
