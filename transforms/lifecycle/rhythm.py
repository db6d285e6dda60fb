"""The rhythm of journeys: how often each is taken up again, and how long it has been silent.

A journey is taken up on a day (UTC) with at least one of its interactions; a session of many interactions is one day.
Its gaps are the days between such days. Few gaps say little, so the mean gap is shrunk towards that of the log: the
posterior mean of the exponential distribution's scale, as if the log had added `weight` gaps of its own mean length.

All results are quotients of whole numbers, so that every machine writes the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

DAY = 86_400_000_000
"""Microseconds of a day."""


class ActiveDays(NamedTuple):
    """The distinct days of each journey, in compressed rows.

    Attributes:
        offsets: int64, shape (journeys + 1,).
        days: int64, shape (active days,): days since 1970-01-01 UTC, ascending in each journey.
    """

    offsets: Integers
    days: Integers


class LogGaps(NamedTuple):
    """Sums over the journeys of a log, or of a part of it.

    Attributes:
        gaps: number of gaps of all journeys.
        days: their length in days.
        end: time of the latest interaction, in microseconds; None: there is none.
    """

    gaps: int
    days: int
    end: int | None

    @property
    def mean_gap(self) -> float:
        """The mean gap in days; 0 if no journey was taken up again."""
        return self.days / self.gaps if self.gaps else 0.0


def owners_of(offsets: Integers) -> Integers:
    """Return the list to which each entry of compressed rows belongs, int64, shape (entries,)."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))


def active_days(offsets: Integers, times: Integers) -> ActiveDays:
    """Find the distinct days of each journey.

    Args:
        offsets: int64, shape (journeys + 1,).
        times: int64, shape (interactions,), microseconds since 1970, ascending in each journey.
    """
    days, owners = np.floor_divide(times, DAY), owners_of(offsets)
    is_first = np.ones(len(days), np.bool_)
    is_first[1:] = (days[1:] != days[:-1]) | (owners[1:] != owners[:-1])
    return ActiveDays(list_offsets(np.bincount(owners[is_first], minlength=len(offsets) - 1)), days[is_first])


def spans(days: ActiveDays) -> Integers:
    """Return the days from the first to the last active day of each journey, int64; each journey has one."""
    return days.days[days.offsets[1:] - 1] - days.days[days.offsets[:-1]]


def sum_gaps(parts: Iterable[LogGaps]) -> LogGaps:
    """Add the sums of parts of a log."""
    found = list(parts)
    ends = [each.end for each in found if each.end is not None]
    return LogGaps(sum(each.gaps for each in found), sum(each.days for each in found), max(ends, default=None))


def log_gaps(offsets: Integers, times: Integers) -> LogGaps:
    """Sum the gaps of journeys; arguments as for `active_days`."""
    days = active_days(offsets, times)
    gaps = len(days.days) - (len(offsets) - 1)
    return LogGaps(gaps, int(spans(days).sum()), int(times.max()) if len(times) else None)


def typical_gaps(days: ActiveDays, mean_gap: float, weight: float) -> Floats:
    """Compute the mean gap of each journey in days, shrunk towards that of the log.

    Args:
        days: the active days of each journey.
        mean_gap: mean gap of the log in days.
        weight: the number of gaps that the mean of the log counts for, above 0.

    Returns:
        float64, shape (journeys,).
    """
    gaps = np.diff(days.offsets) - 1
    return (spans(days) + weight * mean_gap) / (gaps + weight)


def silences(offsets: Integers, times: Integers, end: int) -> Floats:
    """Compute the days since the last interaction of each journey, float64; 0 if it is later than the end.

    Args:
        offsets: int64, shape (journeys + 1,).
        times: int64, shape (interactions,), ascending in each journey.
        end: end of the log, in microseconds.
    """
    return np.maximum(end - times[offsets[1:] - 1], 0) / DAY
