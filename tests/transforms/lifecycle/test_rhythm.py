import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.lifecycle.journeys import compressed
from transforms.lifecycle.rhythm import (
    DAY,
    LogGaps,
    active_days,
    log_gaps,
    silences,
    spans,
    sum_gaps,
    typical_gaps,
)

HOUR = DAY // 24
JOURNEYS = st.lists(
    st.lists(st.integers(-400 * DAY, 400 * DAY), min_size=1, max_size=12).map(sorted), min_size=1, max_size=8
)


def test_active_days_by_hand() -> None:
    # Before 1970 too: the last microsecond of 1969 is another day than the first one of 1970.
    offsets, times = compressed([[-1, 0, 23 * HOUR, DAY, DAY + HOUR], [5 * DAY], [5 * DAY, 9 * DAY]])
    found = active_days(offsets, times)
    assert found.offsets.tolist() == [0, 3, 4, 6]
    assert found.days.tolist() == [-1, 0, 1, 5, 5, 9]
    assert spans(found).tolist() == [2, 0, 4]
    assert log_gaps(offsets, times) == LogGaps(gaps=3, days=6, end=9 * DAY)


@given(JOURNEYS)
def test_active_days_and_gaps_are_those_of_plain_python(journeys: list[list[int]]) -> None:
    offsets, times = compressed(journeys)
    found = active_days(offsets, times)
    expected = [sorted({time // DAY for time in own}) for own in journeys]
    assert [found.days[a:b].tolist() for a, b in zip(found.offsets, found.offsets[1:], strict=False)] == expected
    gaps = log_gaps(offsets, times)
    assert gaps == LogGaps(
        sum(len(own) - 1 for own in expected),
        sum(own[-1] - own[0] for own in expected),
        max(max(own) for own in journeys),
    )


@given(JOURNEYS, st.integers(1, 5))
def test_sums_of_parts_are_those_of_the_log(journeys: list[list[int]], parts: int) -> None:
    slices = [journeys[start::parts] for start in range(parts)]
    assert sum_gaps([log_gaps(*compressed(each)) for each in slices]) == log_gaps(*compressed(journeys))


def test_no_journeys() -> None:
    assert sum_gaps([]) == log_gaps(*compressed([])) == LogGaps(0, 0, None)
    assert LogGaps(0, 0, None).mean_gap == 0


def test_few_gaps_are_shrunk_towards_the_log_and_many_are_not() -> None:
    weekly = [7 * DAY * week for week in range(101)]
    days = active_days(*compressed([[0], [0, 10 * DAY], weekly]))
    assert typical_gaps(days, mean_gap=30.0, weight=1.0).tolist() == [30.0, 20.0, pytest.approx(7.2277, abs=1e-4)]


def test_silence_counts_from_the_last_interaction_and_is_never_negative() -> None:
    offsets, times = compressed([[0, 5 * DAY + DAY // 2], [0, 11 * DAY]])
    assert silences(offsets, times, 10 * DAY).tolist() == [4.5, 0.0]


def test_a_monthly_journey_is_silent_for_less_of_its_gaps_than_a_daily_one() -> None:
    offsets, times = compressed([[day * 30 * DAY for day in range(7)], [day * DAY for day in range(174, 181)]])
    days, silent = active_days(offsets, times), silences(offsets, times, 201 * DAY)
    monthly, daily = silent / typical_gaps(days, mean_gap=10.0, weight=2.0)
    assert silent.tolist() == [21.0, 21.0]
    assert monthly < 1 < 5 < daily
