import datetime
import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.lifecycle.journeys import compressed
from transforms.lifecycle.recurrence import burstiness, effective_months, months_of_days
from transforms.lifecycle.rhythm import DAY, ActiveDays, active_days

EPOCH = datetime.date(1970, 1, 1)


def days_of(*journeys: list[datetime.date]) -> ActiveDays:
    return active_days(*compressed([[(day - EPOCH).days * DAY for day in own] for own in journeys]))


def date(month: int, day: int, year: int = 2024) -> datetime.date:
    return datetime.date(year, month, day)


def test_months_of_days_before_and_after_1970() -> None:
    days = np.array([(day - EPOCH).days for day in (date(12, 31, 1969), EPOCH, date(1, 31, 1970), date(2, 1, 1970))])
    assert months_of_days(days).tolist() == [-1, 0, 0, 1]


def test_effective_months_by_hand() -> None:
    even = [date(month, day) for month in (1, 2, 3) for day in (5, 20)]
    burst = [date(1, day) for day in range(1, 9)] + [date(6, 1), date(12, 1)]
    found = effective_months(days_of(even, burst, [date(3, 1)], [date(1, 31), date(2, 1)]))
    # Exactly 3, so that the limit of evergreen journeys is met whatever the machine.
    assert found.tolist() == [3.0, 100 / 66, 1.0, 2.0]


@given(st.lists(st.integers(-2000, 2000), min_size=1, max_size=40, unique=True))
def test_effective_months_lie_between_one_and_the_months(days: list[int]) -> None:
    (found,) = effective_months(active_days(*compressed([[day * DAY for day in sorted(days)]])))
    months = {
        ((EPOCH + datetime.timedelta(days=day)).year, (EPOCH + datetime.timedelta(days=day)).month) for day in days
    }
    assert 1 <= found <= len(months) + 1e-9


def reference_burstiness(days: list[int]) -> float:
    gaps = [after - before for before, after in itertools.pairwise(days)]
    mean = sum(gaps) / len(gaps)
    ratio = math.sqrt(sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) / mean
    more, fewer = math.sqrt(len(gaps) + 1), math.sqrt(len(gaps) - 1)
    return (more * ratio - fewer) / ((more - 2) * ratio + fewer)


def test_a_regular_rhythm_has_minus_one_and_a_burst_nearly_one() -> None:
    weekly, burst = list(range(0, 700, 7)), [*range(50), 5000]
    found = burstiness(active_days(*compressed([[day * DAY for day in own] for own in (weekly, burst, [0, 9])])))
    assert found[0] == -1.0
    assert 0.9 < found[1] <= 1.0
    assert math.isnan(found[2])


def test_random_days_have_a_burstiness_of_about_zero() -> None:
    random = np.random.default_rng(0)
    journeys = [np.cumsum(np.ceil(random.exponential(1000, 101))).astype(int).tolist() for _ in range(400)]
    found = burstiness(active_days(*compressed([[day * DAY for day in own] for own in journeys])))
    assert abs(found.mean()) < 0.02


@given(
    st.lists(st.lists(st.integers(0, 5000), min_size=3, max_size=30, unique=True).map(sorted), min_size=1, max_size=5)
)
def test_burstiness_is_that_of_plain_python(journeys: list[list[int]]) -> None:
    found = burstiness(active_days(*compressed([[day * DAY for day in own] for own in journeys])))
    assert found.tolist() == pytest.approx([reference_burstiness(own) for own in journeys], abs=1e-9)
