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
from transforms.datasets.number_meanings import FIRST_LOGS, NEARLY_ALL, YYYYMMDD, Meaning, likely_meaning, ticks
from transforms.datasets.time_forms import conversion_of_texts
from transforms.datasets.times import (
    NUMBER_TEXT,
    Times,
    exact_numbers,
    numbers_of_texts,
    times_of_numbers,
    times_of_texts,
    to_microseconds,
)
from transforms.datasets.unknown_times import unknown_times

_LAST_LOGS = ticks(2100)
_DAY = 86_400
_MANY_IN_FUTURE = 0.25
_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_FULL_DATE = "YYYYMMDDhhmmssSSS"
"""The digits of a date with its time of day to milliseconds, of which a number has the first ones."""
_WRONG_UNIT_SPAN = 30 * _DAY * 10**6
"""Seconds, milliseconds and microseconds of today that are read as nanoseconds lie in the first days of 1970."""
_EXACT_FLOAT = 2**24
"""Above these seconds, neighbouring floats of 32 bits are more than a second apart."""


def implausible_times(array: pa.Array, name: str) -> str | None:
    """Return why a column of times is not what it reads as, with the option to give; None: it may be.

    Args:
        array: values of the column: numbers, texts or timestamps; a sample is enough.
        name: name of the column.
    """
    array = array.drop_null()
    if not len(array):
        return None
    if is_text(array.type):
        return _implausible_texts(array.cast(pa.string()), name)
    if pa.types.is_timestamp(array.type):
        return _implausible_times(to_microseconds(array.cast(pa.int64()).to_numpy(), array.type.unit), name)
    if pa.types.is_date32(array.type):
        return _implausible_times(to_microseconds(exact_numbers(array.cast(pa.int32())), "days"), name)
    if pa.types.is_date64(array.type):
        return _implausible_times(to_microseconds(array.cast(pa.int64()).to_numpy(), "ms"), name)
    return _implausible_numbers(array, name)


def future_times(array: pa.Array, name: str, column: Column, unit: str, now: float) -> str | None:
    """Return why a column of times is not that of a log, if many lie in the future; None otherwise.

    Args:
        array: values of the column; a sample is enough.
        name: name of the column in the file.
        column: the column of the dataset.
        unit: the unit of numbers.
        now: seconds since 1970.
    """
    read = cast(array.drop_null(), column, unit).values.drop_null().cast(pa.int64()).to_numpy()
    future = read > (now + _DAY) * 10**6
    if not len(read) or np.mean(future) < _MANY_IN_FUTURE:
        return None
    return (
        f"{np.mean(future):.0%} of the times in column {name!r} lie in the future, such as {_shown(read[future][0])}: "
        "numbers have another --timestamp_unit, or the times are not those of interactions"
    )


def _implausible_times(microseconds: npt.NDArray[np.int64], name: str) -> str | None:
    if message := unknown_times(microseconds, name):
        return message
    if np.mean((microseconds >= 0) & (microseconds < _WRONG_UNIT_SPAN)) < NEARLY_ALL:
        return None
    return (
        f"the times in column {name!r} lie in the first days of 1970, such as {_shown(microseconds[0])}, as they do "
        "when seconds or milliseconds were converted as nanoseconds (pandas.to_datetime without unit=): convert them "
        "again, or give --timestamp_unit=ns if they are right"
    )


def _implausible_texts(text: pa.StringArray, name: str) -> str | None:
    found = times_of_texts(text, "us")
    unreadable = found.unreadable.to_numpy(zero_copy_only=False)
    if np.mean(unreadable) >= NEARLY_ALL:
        example = text.filter(found.unreadable)[0].as_py()
        return (
            f"the texts in column {name!r}, such as {example!r}, are no times: allowed are ISO 8601, such as "
            "'2024-01-15', '2024-01-15 13:30:00' (UTC) or '2024-01-15T13:30:00+09:00', and numbers since 1970; "
            f"{conversion_of_texts(text.filter(found.unreadable), name)}"
        )
    numbers = text.filter(pc.match_substring_regex(text, NUMBER_TEXT))
    if len(numbers) >= NEARLY_ALL * len(text):
        return _implausible_numbers(numbers_of_texts(numbers), name)
    return _implausible_times(_microseconds(found), name) if found.times.null_count < len(text) else None


def _implausible_numbers(array: pa.Array, name: str) -> str | None:
    read = times_of_numbers(array, "auto")
    numbers = array.filter(pc.invert(read.unreadable))  # without 0, which says nothing about the others
    meaning = likely_meaning(numbers)
    if meaning == YYYYMMDD:
        form = _FULL_DATE[: max(len(_example(numbers)), 6)]
        return (
            f"the numbers in column {name!r}, such as {_example(numbers)}, look like dates of the form {form}, and "
            f"would be read as {_shown(_microseconds(read)[0])}: give --timestamp_unit=yyyymmdd, or the unit that they "
            "have (--timestamp_unit=s for seconds since 1970)"
        )
    microseconds = _microseconds(read)
    no_logs = ((microseconds > -_DAY * 10**6) & (microseconds < FIRST_LOGS)) | (microseconds >= _LAST_LOGS)
    if len(numbers) and np.mean(no_logs) >= NEARLY_ALL and meaning:
        return _of_another_meaning(numbers, name, meaning)
    if message := _unknown_numbers(read, name):
        return message
    if len(numbers) and np.mean(no_logs) >= NEARLY_ALL:
        return _of_another_meaning(numbers, name, None)
    return _coarse(array.type, microseconds, name)


def _unknown_numbers(read: Times, name: str) -> str | None:
    """Return that a number stands for 'unknown'; a few 0 or -1 are rows of `errors`, so they do not count."""
    microseconds = read.times.cast(pa.int64()).fill_null(0).to_numpy()
    near = np.abs(microseconds) < _DAY * 10**6
    return unknown_times(microseconds[near if np.mean(near) >= NEARLY_ALL else ~near], name)


def _of_another_meaning(numbers: pa.Array, name: str, meaning: Meaning | None) -> str:
    first = _shown(_microseconds(times_of_numbers(numbers, "auto"))[0])
    if meaning is None:
        advice = "give"
    elif meaning.unit:
        advice = f"they are probably {meaning.text}: give --timestamp_unit={meaning.name}, or"
    else:
        advice = f"they are probably {meaning.text}: convert them to timestamps, or give"
    return (
        f"the numbers in column {name!r}, such as {_example(numbers)}, would be read as {first}, which is no time of a "
        f"log: {advice} the unit that they have (--timestamp_unit=s for seconds since 1970)"
    )


def _coarse(type_: pa.DataType, microseconds: npt.NDArray[np.int64], name: str) -> str | None:
    """Return that floats of 32 bits have rounded times, unless these are dates, which they hold exactly."""
    if not pa.types.is_float32(type_) or not len(microseconds):
        return None
    is_rounded = (np.abs(microseconds) > _EXACT_FLOAT * 10**6) & (microseconds % (_DAY * 10**6) != 0)
    if np.mean(is_rounded) < NEARLY_ALL:
        return None
    return (
        f"the numbers in column {name!r} are floats of 32 bits, in which seconds are rounded to multiples of 128: "
        "write them as integers or doubles, or give the unit that they have if this is exact "
        "enough (--timestamp_unit=s for seconds since 1970)"
    )


def _example(array: pa.Array) -> str:
    value = array[0].as_py()
    return f"{value:.0f}" if isinstance(value, float) and value.is_integer() else str(value)


def _microseconds(times: Times) -> npt.NDArray[np.int64]:
    return times.times.drop_null().cast(pa.int64()).to_numpy()


def _shown(microseconds: np.int64) -> str:
    time = _EPOCH + datetime.timedelta(microseconds=int(microseconds))
    return f"{time:%Y-%m-%d}" if microseconds < _LAST_LOGS else f"the year {time.year} or later"
