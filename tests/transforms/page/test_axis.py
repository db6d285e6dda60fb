import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.page.axis import date_of, number_ticks, time_ticks

DAY = 86_400_000_000


def at(year: int, month: int = 1, day: int = 1) -> int:
    return (datetime.date(year, month, day) - datetime.date(1970, 1, 1)).days * DAY


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 47, [0, 10, 20, 30, 40]), (3, 3, [3]), (-1, 1, [-1, -0.5, 0, 0.5, 1])],
)
def test_numbers_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert number_ticks(low, high) == pytest.approx(ticks)


def test_years_are_labelled_by_years() -> None:
    ticks = time_ticks(at(2010, 6), at(2015, 6))
    assert [tick.label for tick in ticks] == ["2011", "2012", "2013", "2014", "2015"]
    assert ticks[0].position == pytest.approx((at(2011) - at(2010, 6)) / (at(2015, 6) - at(2010, 6)))


def test_months_and_days() -> None:
    assert [tick.label for tick in time_ticks(at(2024, 1, 15), at(2024, 6, 15))] == [
        "2024-02",
        "2024-03",
        "2024-04",
        "2024-05",
        "2024-06",
    ]
    assert [tick.label for tick in time_ticks(at(2024, 1, 1), at(2024, 1, 4))] == [
        "2024-01-01",
        "2024-01-02",
        "2024-01-03",
        "2024-01-04",
    ]


@given(st.integers(at(1800), at(2199)), st.integers(0, 300 * 365 * DAY))
def test_there_are_a_few_dates_within_the_axis(first: int, span: int) -> None:
    ticks = time_ticks(first, min(first + span, at(2200)))
    assert len(ticks) <= 8
    assert all(0 <= tick.position <= 1 for tick in ticks)


def test_a_time_before_1970_has_its_date() -> None:
    assert date_of(-1) == datetime.date(1969, 12, 31)
