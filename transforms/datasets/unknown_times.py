"""Detection of columns of times in which one time stands for 'unknown'."""

from __future__ import annotations

import datetime

import numpy as np
import numpy.typing as npt

from transforms.datasets.number_meanings import FIRST_LOGS, NEARLY_ALL

_MANY = 0.1
_ZONES = 14 * 3600 * 10**6
_DAY = 86_400 * 10**6
_QUARTER_HOUR = 900 * 10**6
_SECOND = 10**6
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MARKS = {
    "1970-01-01": "the beginning of the count of most systems",
    "1900-01-01": "the first date of many databases",
    "1899-12-31": "the number 0 in a spreadsheet",
    "1899-12-30": "the number 0 in a spreadsheet",
    "1904-01-01": "the number 0 in a spreadsheet of a Mac",
    "1980-01-01": "the first date of many file systems",
    "1816-03-29": "the year 9999, wrapped around in nanoseconds",
    "1816-03-30": "the year 9999, wrapped around in nanoseconds",
}
"""Times that systems write for 'unknown', and what they are there."""
_WHOLE_DAYS = frozenset({"1816-03-29", "1816-03-30"})


def unknown_times(microseconds: npt.NDArray[np.int64], name: str) -> str | None:
    """Return why a column of times is not that of a log, if one time in it stands for 'unknown'; None otherwise.

    One such time is nearly all of the column, or a tenth of it where nearly all others are times of today. Other old
    times may be those of an old log.

    Args:
        microseconds: the times, in microseconds since 1970; a sample is enough.
        name: name of the column.
    """
    times, counts = np.unique(microseconds, return_counts=True)
    for mark, meaning in _MARKS.items():
        places = np.flatnonzero(_stands_for(times, mark))
        if not len(places):
            continue
        place = places[np.argmax(counts[places])]
        fraction = counts[place] / len(microseconds)
        others = np.delete(times, place), np.delete(counts, place)
        if fraction >= NEARLY_ALL or (fraction >= _MANY and _of_today(*others)):
            amount = "nearly all" if fraction >= NEARLY_ALL else f"{fraction:.0%} of the"
            time = _EPOCH + datetime.timedelta(microseconds=int(times[place]))
            return (
                f"{amount} times in column {name!r} are {time:%Y-%m-%d %H:%M:%S}, {meaning}, which systems write for "
                "'unknown': choose another column, remove these rows, or give --timestamp_unit=s if the times are right"
            )
    return None


def _stands_for(times: npt.NDArray[np.int64], mark: str) -> npt.NDArray[np.bool_]:
    """Return which times are the midnight of a day in some zone, the second before, or any time of a wrapped day."""
    distance = times - int(datetime.datetime.fromisoformat(f"{mark}T00:00+00:00").timestamp()) * 10**6
    if mark in _WHOLE_DAYS:
        return (distance >= 0) & (distance < _DAY)
    return (np.abs(distance) <= _ZONES) & ((distance % _QUARTER_HOUR == 0) | (distance == -_SECOND))


def _of_today(times: npt.NDArray[np.int64], counts: npt.NDArray[np.int64]) -> bool:
    return bool(np.sum(counts[times >= FIRST_LOGS]) >= NEARLY_ALL * np.sum(counts))
