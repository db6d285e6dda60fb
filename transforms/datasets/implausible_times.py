"""Detection of columns of times that were not written as they read: numbers of another unit, and texts of another form.

A single number does not say what it counts, but a column of them does: nearly all numbers of a log that are seconds
since 1970 read as years in which logs are written.
"""

from __future__ import annotations

import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import Column
from transforms.datasets.casting import cast, is_text
from transforms.datasets.times import Times, numbers_of_texts, times_of_numbers, times_of_texts, to_microseconds

_NEARLY_ALL = 0.9
_FIRST_LOGS = datetime.datetime(1995, 1, 1, tzinfo=datetime.UTC)
_LAST_LOGS = datetime.datetime(2100, 1, 1, tzinfo=datetime.UTC)
_LIKELY = (datetime.datetime(1995, 1, 1, tzinfo=datetime.UTC), datetime.datetime(2060, 1, 1, tzinfo=datetime.UTC))
_CANDIDATES = ("days", "excel", "julian", "hours", "minutes", "ticks", "filetime", "webkit")
_DAY = 86_400
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_WRONG_UNIT_SPAN = datetime.timedelta(days=30)
"""Seconds, milliseconds and microseconds of today that are read as nanoseconds lie in the first days of 1970."""


def implausible_times(array: pa.Array, name: str) -> str | None:
    """Return why a column of times is not what it reads as, with the option to give; None: it may be.

    Args:
        array: values of the column: numbers, texts or timestamps; a sample is enough.
        name: name of the column.
    """
    array = array.drop_null()
    if not len(array):
        return None
    if pa.types.is_timestamp(array.type):
        return _implausible_timestamps(array, name)
    if is_text(array.type):
        return _implausible_texts(array.cast(pa.string()), name)
    if pa.types.is_date(array.type):
        return None
    return _implausible_numbers(array, name)


def future_times(array: pa.Array, name: str, column: Column, unit: str, now: float) -> str | None:
    """Return why a column of times is not that of a log, if nearly all lie in the future; None otherwise.

    Args:
        array: values of the column; a sample is enough.
        name: name of the column in the file.
        column: the column of the dataset.
        unit: the unit of numbers.
        now: seconds since 1970.
    """
    read = cast(array.drop_null(), column, unit).values.drop_null().cast(pa.int64()).to_numpy()
    future = read > (now + _DAY) * 10**6
    if not len(read) or not _nearly_all(future):
        return None
    return (
        f"nearly all times in column {name!r} lie in the future, such as {_shown(read[future][0])}: numbers have "
        "another --timestamp_unit, or the times are not those of interactions"
    )


def _implausible_timestamps(array: pa.TimestampArray, name: str) -> str | None:
    ticks = array.cast(pa.int64()).to_numpy()
    microseconds = to_microseconds(ticks, array.type.unit)
    if _fraction(microseconds, _EPOCH, _EPOCH + _WRONG_UNIT_SPAN) < _NEARLY_ALL:
        return None
    return (
        f"the times in column {name!r} lie in the first days of 1970, such as {_shown(microseconds[0])}, as they do "
        "when seconds or milliseconds were converted as nanoseconds (pandas.to_datetime without unit=): convert them "
        "again, or give --timestamp_unit=ns if they are right"
    )


def _implausible_texts(text: pa.StringArray, name: str) -> str | None:
    found = times_of_texts(text, "us")
    if _nearly_all(found.unreadable.to_numpy(zero_copy_only=False)):
        example = text.filter(found.unreadable)[0].as_py()
        return (
            f"the texts in column {name!r}, such as {example!r}, are no times: allowed are ISO 8601, such as "
            "'2024-01-15', '2024-01-15 13:30:00' (UTC) or '2024-01-15T13:30:00+09:00', and numbers since 1970; convert "
            "the column to a timestamp"
        )
    numbers = text.filter(pc.match_substring_regex(text, r"^\s*[+-]?\d+(\.\d*)?\s*$"))
    return _implausible_numbers(numbers_of_texts(numbers), name) if len(numbers) >= _NEARLY_ALL * len(text) else None


def _implausible_numbers(array: pa.Array, name: str) -> str | None:
    example = _example(array)
    digits = times_of_numbers(array, "yyyymmdd")
    if _likely(digits):
        misread = _shown(_microseconds(times_of_numbers(array, "auto"))[0])
        return (
            f"the numbers in column {name!r}, such as {example}, look like dates of the form YYYYMMDD, and would be "
            f"read as {misread}: give --timestamp_unit=yyyymmdd, or the unit that they have (--timestamp_unit=s for "
            "seconds since 1970)"
        )
    read = _microseconds(times_of_numbers(array, "auto"))
    if not len(read):
        return None
    if _fraction(read, _EPOCH, _FIRST_LOGS) + _fraction(read, _LAST_LOGS, None) < _NEARLY_ALL:
        return None
    likely = next((unit for unit in _CANDIDATES if _likely(times_of_numbers(array, unit))), None)
    meaning = f"they are probably {_MEANINGS[likely]}: give --timestamp_unit={likely}, or" if likely else "give"
    return (
        f"the numbers in column {name!r}, such as {example}, would be read as {_shown(read[0])}, which is no time of a "
        f"log: {meaning} the unit that they have (--timestamp_unit=s for seconds since 1970)"
    )


_MEANINGS = {
    "days": "days since 1970",
    "excel": "serial dates of a spreadsheet",
    "julian": "Julian days",
    "hours": "hours since 1970",
    "minutes": "minutes since 1970",
    "ticks": "100 nanoseconds since the year 1, as .NET counts",
    "filetime": "100 nanoseconds since 1601, as Windows counts",
    "webkit": "microseconds since 1601, as Chrome counts",
}


def _example(array: pa.Array) -> str:
    value = array[0].as_py()
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def _likely(times: Times) -> bool:
    """Whether nearly all values read as times in which logs are written."""
    read = _microseconds(times)
    return len(read) > 0 and _fraction(read, *_LIKELY) * len(read) >= _NEARLY_ALL * len(times.times)


def _microseconds(times: Times) -> npt.NDArray[np.int64]:
    return times.times.drop_null().cast(pa.int64()).to_numpy()


def _fraction(microseconds: npt.NDArray[np.int64], low: datetime.datetime, high: datetime.datetime | None) -> float:
    inside = microseconds >= _ticks(low)
    return float(np.mean(inside & (microseconds < _ticks(high)) if high else inside))


def _nearly_all(holds: npt.NDArray[np.bool_]) -> bool:
    return bool(np.mean(holds) >= _NEARLY_ALL)


def _ticks(time: datetime.datetime) -> int:
    return int(time.timestamp()) * 10**6


def _shown(microseconds: np.int64) -> str:
    time = _EPOCH + datetime.timedelta(microseconds=int(microseconds))
    return f"{time:%Y-%m-%d}" if microseconds < _ticks(_LAST_LOGS) else f"the year {time.year} or later"
