"""Recent popularity of items, as a component of their vectors.

A model of sequences does not know when an item was popular, and is often worse than the list of what was popular in the
last days. So the logarithm of the number of interactions in the days before an interaction is a component of the
vectors of items, and its weight one of the vectors of users.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.recommendation.histories import Integers, ItemHistories

DAY = 86_400_000_000
_MAX_PERIODS, _MIN_PERIODS, _MAX_NUMBERS = 256, 16, 1 << 27

Floats = npt.NDArray[np.float32]


class PopularityOverTime(NamedTuple):
    """The popularity of items at the start of each of some periods of equal length.

    Attributes:
        values: float32, shape (periods, items).
        start: start of the first period, in microseconds.
        length: length of a period, in microseconds.
    """

    values: Floats
    start: int
    length: int

    def periods_of(self, times: Integers) -> Integers:
        """Return the period of each time, int64."""
        found: Integers = np.clip((times - self.start) // self.length, 0, len(self.values) - 1)
        return found


def popularity_at(histories: ItemHistories, item_count: int, time: int, days: float) -> Floats:
    """Compute the popularity of items: the logarithm of 1 plus their interactions in the days before a time.

    Args:
        histories: interactions.
        item_count: number of items.
        time: in microseconds; interactions at this time or later are not counted.
        days: number of days.

    Returns:
        float32, shape (items,).
    """
    counted = (histories.times < time) & (histories.times >= time - round(days * DAY))
    return np.log1p(np.bincount(histories.items[counted], minlength=item_count)).astype(np.float32)


def popularity_over_time(histories: ItemHistories, item_count: int, days: float) -> PopularityOverTime:
    """Compute the popularity of items over the time of a log; nothing of a period is counted in the period itself.

    The time is divided into 256 periods, of a day at least; into fewer if there are more than half a million items.

    Args:
        histories: interactions, at least one.
        item_count: number of items.
        days: number of days that are counted before the start of a period.
    """
    order = np.argsort(histories.times, kind="stable")
    times, items = histories.times[order], histories.items[order]
    start, span = int(times[0]), int(times[-1] - times[0]) + 1
    periods = min(_MAX_PERIODS, max(_MAX_NUMBERS // max(item_count, 1), _MIN_PERIODS), -(-span // DAY))
    length = -(-span // periods)
    starts = start + np.arange(periods) * length
    low, high = np.searchsorted(times, starts - round(days * DAY)), np.searchsorted(times, starts)
    values = np.empty((periods, item_count), np.float32)
    for period in range(periods):
        values[period] = np.log1p(np.bincount(items[low[period] : high[period]], minlength=item_count))
    return PopularityOverTime(values, start, length)
