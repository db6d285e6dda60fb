"""The meanings of numbers that are no times of a log if they are read as seconds, or parts of seconds, since 1970."""

from __future__ import annotations

import datetime
import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.datasets.times import (
    NUMBER_TEXT,
    Numbers,
    Times,
    days_of_dates,
    exact_numbers,
    numbers_of_texts,
    times_of_numbers,
)

NEARLY_ALL = 0.9
_DAY = 86_400 * 10**6
_FIRST_SHORT_YEAR = 69  # POSIX: years of two digits are 1969 to 2068
_MATLAB_ORIGIN = 719_529
_CLOCK = {"h": 24, "m": 60, "s": 60}


def ticks(year: int) -> int:
    """Return the microseconds from 1970 to the beginning of a year."""
    return int(datetime.datetime(year, 1, 1, tzinfo=datetime.UTC).timestamp()) * 10**6


FIRST_LOGS = ticks(1995)
_LAST_LIKELY = ticks(2060)


class Meaning(NamedTuple):
    """A reading of the numbers of a column as a count or as digits.

    Attributes:
        name: the name in reasons of `errors`; with `unit`, a `--timestamp_unit`.
        text: what the numbers are, for messages.
        unit: whether it is a `--timestamp_unit`.
        certain: whether a single number has it for sure, because as seconds it would be one of few days of 1970, or
            because few numbers are digits of dates.
        digits: for digits of dates that are no unit: the order of the digits, by letters of the form.
    """

    name: str
    text: str
    unit: bool = True
    certain: bool = True
    digits: str = ""


def _date(digits: str, certain: bool = True) -> Meaning:
    return Meaning(digits.lower(), f"dates of the form {digits}", False, certain, digits)


YYYYMMDD = Meaning("yyyymmdd", "dates of the form YYYYMMDD")
_MEANINGS = (
    YYYYMMDD,
    Meaning("days", "days since 1970"),
    Meaning("excel", "serial dates of a spreadsheet"),
    Meaning("julian", "Julian days"),
    *(_date(day + clock) for day in ("DDMMYYYY", "MMDDYYYY") for clock in ("", "hhmm", "hhmmss")),
    _date("YYMMDD"),
    _date("YYMMDDhhmmss", certain=False),
    Meaning("matlab", "days since the year 0, as MATLAB counts", unit=False),
    Meaning("hours", "hours since 1970"),
    Meaning("minutes", "minutes since 1970", certain=False),
    Meaning("ticks", "100 nanoseconds since the year 1, as .NET counts", certain=False),
    Meaning("filetime", "100 nanoseconds since 1601, as Windows counts", certain=False),
    Meaning("webkit", "microseconds since 1601, as Chrome counts", certain=False),
)
"""All meanings, those that fewer numbers have by chance first."""


def likely_meaning(numbers: pa.Array) -> Meaning | None:
    """Return the meaning by which nearly all numbers are times at which logs are written; None: there is none."""
    found = (meaning for meaning in _MEANINGS if np.mean(_likely(numbers, meaning)) >= NEARLY_ALL)
    return next(found, None) if len(numbers) else None


def problems_of_numbers(array: pa.Array, times: pa.TimestampArray) -> pa.StringArray | None:
    """Return why single numbers are no times, if they were read as seconds, or parts of seconds, since 1970.

    Only what is certain for a number alone: 0, -1 and other numbers within a day of 1970 stand for 'unknown', unless
    they are times of today in another meaning.

    Args:
        array: the values of a column: numbers, or texts.
        times: the times as which they were read; null where they could not be read.

    Returns:
        The problem of each value, for the reason in `errors`, null where there is none; None if no value has one.
    """
    read = times.cast(pa.int64()).fill_null(FIRST_LOGS).to_numpy()
    places = np.flatnonzero((read > -_DAY) & (read < FIRST_LOGS))
    if not len(places):
        return None
    values = array.take(pa.array(places))
    if pa.types.is_string(values.type):
        is_number = pc.match_substring_regex(values, NUMBER_TEXT).to_numpy(zero_copy_only=False)
        places, values = places[is_number], numbers_of_texts(values.filter(pa.array(is_number)))
    problems = np.full(len(array), None, object)
    problems[places] = _problems(values, read[places])
    found = pa.array(problems, pa.string())
    return None if found.null_count == len(found) else found


def _problems(numbers: pa.Array, read: npt.NDArray[np.int64]) -> npt.NDArray[np.object_]:
    problems = np.full(len(numbers), None, object)
    problems[np.abs(read) < _DAY] = "not_a_time"
    for meaning in reversed(_MEANINGS):
        if meaning.certain:
            problems[(read > 0) & _likely(numbers, meaning)] = f"probably_{meaning.name}"
    return problems


def _likely(numbers: pa.Array, meaning: Meaning) -> npt.NDArray[np.bool_]:
    """Return which numbers are times at which logs are written, by a meaning."""
    read = _read(numbers, meaning).times.cast(pa.int64()).fill_null(0).to_numpy()
    return (read >= FIRST_LOGS) & (read < _LAST_LIKELY)


def _read(numbers: pa.Array, meaning: Meaning) -> Times:
    if meaning.unit:
        return times_of_numbers(numbers, meaning.name)
    if not meaning.digits:
        return times_of_numbers(pa.array(exact_numbers(numbers).astype(float) - _MATLAB_ORIGIN), "days")
    days, is_date = _days_of_digits(exact_numbers(numbers), meaning.digits)
    return Times(pa.array(np.where(is_date, days, 0) * _DAY).cast(pa.timestamp("us", "UTC")), pa.array(~is_date))


def _days_of_digits(numbers: Numbers, form: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the days since 1970 of digits of a form, and which numbers are such; leading zeros may be missing."""
    inside = (numbers > 0) & (numbers < 10 ** len(form)) & (numbers == np.trunc(numbers))
    rest = np.where(inside, numbers, 0).astype(np.int64)
    parts = {}
    for letter, places in reversed([(letter, len(list(run))) for letter, run in itertools.groupby(form)]):
        rest, parts[letter] = np.divmod(rest, 10**places)
    year = parts["Y"]
    if "YYYY" not in form:
        year = year + np.where(year < _FIRST_SHORT_YEAR, 2000, 1900)
    days, is_date = days_of_dates(year, parts["M"], parts["D"])
    for part, end in _CLOCK.items():
        is_date &= parts.get(part, 0) < end
    return days, inside & is_date
