import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.journeys.icpc import Journeys
from transforms.journeys.importance import IMPORTANCE_UNIT, decayed_weights, importances

DAY = 86_400_000_000
NOTHING = np.zeros(0, np.int64)


def journeys_of(users: list[int], members: list[list[int]]) -> Journeys:
    """Journeys, all of whose interactions are with different items."""
    sizes = np.array([len(own) for own in members], np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    positions = np.array([position for own in members for position in own], np.int64)
    return Journeys(np.array(users, np.int64), sizes, offsets, positions)


def test_weights_by_hand() -> None:
    ages = np.array([0, 10, 20, 30, 400, 410, 620, 10**9]) * DAY
    weights = decayed_weights(ages, 10.0)
    assert weights.dtype == np.int64
    assert weights.tolist() == [1 << 40, 1 << 39, 1 << 38, 1 << 37, 1, 0, 0, 0]
    (between,) = decayed_weights(np.array([5 * DAY]), 10.0)
    assert between == round(math.sqrt(0.5) * IMPORTANCE_UNIT)


def test_weights_are_written_down_for_good() -> None:
    ages = np.array([1, 3, 7, 12, 100]) * DAY + 12_345_678
    assert decayed_weights(ages, 7.3).tolist() == [999900875188, 826957093950, 565633384539, 351843964619, 82698067]


@given(st.integers(0, 1 << 58), st.floats(1e-12, 1e300))
def test_a_weight_is_that_of_plain_python(age: int, half_life: float) -> None:
    microseconds = max(round(min(half_life * DAY, 1 << 62)), 1)
    (weight,) = decayed_weights(np.array([age]), half_life)
    assert weight == pytest.approx(IMPORTANCE_UNIT * 2.0 ** -min(age / microseconds, 1000), abs=1.3)


@given(st.lists(st.integers(0, 1 << 45), min_size=2, max_size=50), st.floats(1e-9, 1e6))
def test_older_weighs_no_more(ages: list[int], half_life: float) -> None:
    weights = decayed_weights(np.array(sorted(ages)), half_life)
    assert (np.diff(weights) <= 0).all()


def test_importances_by_hand() -> None:
    # Two users; the second's last interaction is in no journey, and is what ages are counted from.
    times = np.array([0, 10, 20, 0, 10, 30]) * DAY
    journeys = journeys_of([0, 0, 1], [[0, 2], [1], [3, 4]])
    found = importances(journeys, np.array([0, 3, 6]), times, 10.0) / IMPORTANCE_UNIT
    assert found.tolist() == [1.25, 0.5, 0.125 + 0.25]


def test_users_without_interactions_and_no_journeys() -> None:
    assert importances(journeys_of([], []), np.array([0, 0]), NOTHING, 1.0).tolist() == []
    journeys = journeys_of([1], [[0, 1]])
    assert importances(journeys, np.array([0, 0, 2]), np.array([5, 5]), 1.0).tolist() == [2 * IMPORTANCE_UNIT]
