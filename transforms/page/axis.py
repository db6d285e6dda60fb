"""Axes: round numbers and dates at which a scale is labelled."""

from __future__ import annotations

import datetime
import math
from typing import NamedTuple

_DAY = 86_400_000_000
_MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_DAY_STEPS = (1, 2, 7, 14)


class Tick(NamedTuple):
    """A labelled place of an axis.

    Attributes:
        position: the place, in [0, 1].
        label: its text.
    """

    position: float
    label: str


def number_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round numbers from `low` to `high`, ascending."""
    if not high > low:
        return [low]
    raw = (high - low) / count
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round(number * step, 12) for number in range(first, math.floor(high / step + 1e-9) + 1)]


def time_ticks(first: int, last: int, count: int = 6) -> list[Tick]:
    """Return at most `count` dates of an axis of time, or one more.

    Args:
        first: beginning, microseconds since 1970.
        last: end; not before the beginning.
        count: number of dates.
    """
    span = max(last - first, 1)
    days = span / _DAY
    if days / _DAY_STEPS[-1] <= count:
        step = next(each for each in _DAY_STEPS if days / each <= count)
        dates = _days(first, last, step)
    else:
        months = days / 30.4
        step = next((each for each in _MONTH_STEPS if months / each <= count), _MONTH_STEPS[-1])
        dates = _months(first, last, step)
    pattern = "{0:%Y}" if days > 400 and step % 12 == 0 else "{0:%Y-%m}" if days > 100 else "{0:%Y-%m-%d}"
    return [Tick((_microseconds(date) - first) / span, pattern.format(date)) for date in dates]


def _days(first: int, last: int, step: int) -> list[datetime.date]:
    start = math.ceil(first / _DAY / step) * step
    epoch = datetime.date(1970, 1, 1)
    return [epoch + datetime.timedelta(days=day) for day in range(start, last // _DAY + 1, step)]


def _months(first: int, last: int, step: int) -> list[datetime.date]:
    start, end = date_of(first), date_of(last)
    numbers = range(math.ceil((12 * start.year + start.month - 1) / step) * step, 12 * end.year + end.month, step)
    dates = [datetime.date(number // 12, number % 12 + 1, 1) for number in numbers]
    return [date for date in dates if first <= _microseconds(date) <= last]


def date_of(microseconds: int) -> datetime.date:
    """Return the date of a time in microseconds since 1970, in UTC."""
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=microseconds // _DAY)


def _microseconds(date: datetime.date) -> int:
    return (date - datetime.date(1970, 1, 1)).days * _DAY
