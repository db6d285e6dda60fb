"""Recent popularity over the time of a log."""

import numpy as np
import pytest

from tests.transforms.recommendation.sequence.logs import histories
from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.sequence.popularity import DAY, popularity_at, popularity_over_time


def _log(days: list[float], items: list[int]) -> ItemHistories:
    """One user per interaction."""
    log = histories(*[[item] for item in items])
    return log._replace(times=np.array([round(day * DAY) for day in days], np.int64))


def test_interactions_of_the_last_days_are_counted() -> None:
    log = _log([0.0, 3.0, 5.0, 6.0, 9.0], [0, 1, 1, 1, 2])
    found = popularity_at(log, 3, 9 * DAY, days=4)
    assert found.tolist() == pytest.approx([0.0, np.log(3), 0.0])


def test_nothing_of_a_period_or_after_it_is_counted_in_it() -> None:
    random = np.random.default_rng(0)
    log = _log(random.uniform(0, 400, 300).tolist(), random.integers(0, 4, 300).tolist())
    over_time = popularity_over_time(log, 4, days=30)
    assert len(over_time.values) == 256
    periods = over_time.periods_of(log.times)
    assert periods.min() == 0
    assert periods.max() == 255
    for row in range(0, 300, 17):
        period = int(periods[row])
        start = over_time.start + period * over_time.length
        assert start <= log.times[row] < start + over_time.length
        assert over_time.values[period].tolist() == pytest.approx(popularity_at(log, 4, start, 30).tolist())


def test_a_short_log_has_periods_of_a_day() -> None:
    over_time = popularity_over_time(_log([0.0, 0.5, 2.5], [0, 1, 2]), 3, days=7)
    assert over_time.periods_of(np.array([0, DAY, 2 * DAY])).tolist() == [0, 1, 2]
    assert (over_time.values[2] > 0).tolist() == [True, True, False]


def test_a_log_of_one_time_has_one_period() -> None:
    over_time = popularity_over_time(_log([5.0, 5.0], [0, 1]), 2, days=7)
    assert over_time.values.tolist() == [[0.0, 0.0]]
    assert over_time.periods_of(np.array([0, 99 * DAY])).tolist() == [0, 0]
