"""Vectorized conversion of numbers and texts to times, and detection of numbers whose unit cannot be inferred."""

from __future__ import annotations

import datetime
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import TIMESTAMP
from schemas.interactions import EARLIEST, LATEST

Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class _Scale(NamedTuple):
    """A count of equal steps.

    Attributes:
        microseconds: length of a step.
        origin: the number of the step at the beginning of 1970.
    """

    microseconds: float
    origin: float = 0


_DAY = 86_400
_SCALES = {
    "s": _Scale(10**6),
    "ms": _Scale(10**3),
    "us": _Scale(1),
    "ns": _Scale(1e-3),
    "minutes": _Scale(60 * 10**6),
    "hours": _Scale(3600 * 10**6),
    "days": _Scale(_DAY * 10**6),
    "excel": _Scale(_DAY * 10**6, 25_569),
    "julian": _Scale(_DAY * 10**6, 2_440_587.5),
    "ticks": _Scale(0.1, 621_355_968_000_000_000),
    "filetime": _Scale(0.1, 116_444_736_000_000_000),
    "webkit": _Scale(1, 11_644_473_600_000_000),
}
_AUTO_LIMITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (np.inf, "ns"))


def _seconds(time: datetime.datetime) -> int:
    return int(time.timestamp())


OUT_OF_RANGE = _seconds(LATEST) * 10**6
"""A time that violates the invariant of the dataset, in microseconds."""


class Times(NamedTuple):
    """Times, and the values that have none.

    Attributes:
        times: timestamps in microseconds, UTC; null where the value is null or could not be read.
        unreadable: whether a value that is not null could not be read.
    """

    times: pa.TimestampArray
    unreadable: pa.BooleanArray


def times_of_numbers(array: pa.Array, unit: str) -> Times:
    """Convert integers, floats or decimals to times; those out of range become a time that violates the invariant.

    Args:
        array: numbers; NaN is null.
        unit: a `TimestampUnit`.
    """
    nulls = pc.is_null(array, nan_is_null=pa.types.is_floating(array.type))
    numbers = exact_numbers(array)
    nulls = nulls.to_numpy(zero_copy_only=False)
    if unit == "yyyymmdd":
        microseconds, readable = _microseconds_of_digits(numbers)
    elif unit == "auto":
        microseconds, readable = _auto_microseconds(numbers), numbers != 0  # systems write 0 for 'unknown'
    else:
        microseconds, readable = to_microseconds(numbers, unit), np.ones(len(array), bool)
    return _times(microseconds, nulls, ~readable & ~nulls)


def _times(
    microseconds: npt.NDArray[np.int64], nulls: npt.NDArray[np.bool_], unreadable: npt.NDArray[np.bool_]
) -> Times:
    return Times(pa.array(microseconds, mask=nulls | unreadable).cast(TIMESTAMP), pa.array(unreadable))


def exact_numbers(array: pa.Array) -> Numbers:
    """Return integers, floats or decimals as int64 or float64; null and NaN become 0."""
    if pa.types.is_decimal(array.type):
        try:
            array = array.cast(pa.int64())
        except pa.ArrowInvalid:  # fractions, or numbers out of any range
            array = array.cast(pa.float64())
    if pa.types.is_floating(array.type):
        numbers = array.cast(pa.float64()).fill_null(0).to_numpy()
        return np.where(np.isnan(numbers), 0, numbers)
    if pa.types.is_uint64(array.type):
        array = pc.min_element_wise(array, pa.scalar(2**63 - 1, pa.uint64()))
    return array.cast(pa.int64()).fill_null(0).to_numpy()


def to_microseconds(numbers: Numbers, unit: str) -> npt.NDArray[np.int64]:
    """Convert numbers of a unit other than `auto` and `yyyymmdd` to microseconds since 1970.

    Numbers out of range become `OUT_OF_RANGE`.
    """
    scale = _SCALES[unit]
    low, high = (scale.origin + _steps(_seconds(end), scale.microseconds) for end in (EARLIEST, LATEST))
    inside = (numbers >= low) & (numbers < high)
    shifted = np.where(inside, numbers, scale.origin) - scale.origin
    if scale.microseconds < 1:
        microseconds = shifted.astype(np.int64) // round(1 / scale.microseconds)
    else:
        # Within the range, a float64 represents microseconds exactly.
        microseconds = np.rint(shifted * int(scale.microseconds)).astype(np.int64)
    return np.where(inside, microseconds, OUT_OF_RANGE)


def _steps(seconds: int, microseconds: float) -> int:
    """Return the number of steps of some microseconds in seconds that it divides."""
    return seconds * round(10**6 / microseconds) if microseconds <= 10**6 else seconds * 10**6 // int(microseconds)


def _auto_microseconds(numbers: Numbers) -> npt.NDArray[np.int64]:
    """Convert each number by the unit inferred from its own size, independently of the other numbers."""
    size = np.abs(numbers.astype(np.float64))
    microseconds = np.full(len(numbers), OUT_OF_RANGE)
    low = -1.0
    for limit, unit in _AUTO_LIMITS:
        chosen = (size > low) & (size <= limit)
        microseconds[chosen] = to_microseconds(numbers[chosen], unit)
        low = limit
    return microseconds


_DIGIT_COUNTS = (6, 8, 10, 12, 14, 17)
_DAYS_OF_MONTH = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


def _microseconds_of_digits(numbers: Numbers) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Convert the digits of a date, with or without a time of day; return also which numbers are such digits."""
    whole = np.isfinite(numbers) & (numbers == np.trunc(numbers)) & (numbers >= 0) & (numbers < 10**17)
    digits = np.where(whole, numbers, 0).astype(np.int64)
    full = np.zeros_like(digits)  # 17 digits: date, time of day, milliseconds
    for count in _DIGIT_COUNTS:
        has = (digits >= 10 ** (count - 1)) & (digits < 10**count)
        full = np.where(has, (digits * 100 + 1) * 10**9 if count == 6 else digits * 10 ** (17 - count), full)
    date, clock = full // 10**9, full % 10**9
    days, is_date = days_of_dates(date // 10_000, date // 100 % 100, date % 100)
    hour, minute, milliseconds = clock // 10**7, clock // 10**5 % 100, clock % 10**5
    valid = is_date & (hour < 24) & (minute < 60) & (milliseconds < 60_000)
    microseconds = (days * _DAY + hour * 3600 + minute * 60) * 10**6 + milliseconds * 1000
    return _within_range(microseconds), valid


def _within_range(microseconds: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    low = _seconds(EARLIEST) * 10**6
    return np.where((microseconds >= low) & (microseconds < OUT_OF_RANGE), microseconds, OUT_OF_RANGE)


def days_of_dates(
    year: npt.NDArray[np.int64], month: npt.NDArray[np.int64], day: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return days since 1970 of dates of the Gregorian calendar, and which dates exist."""
    in_year = (month >= 1) & (month <= 12) & (year >= 1) & (year <= 9999)
    months = np.where(in_year, (year - 1970) * 12 + month - 1, 0)
    first, after = ((months + step).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) for step in (0, 1))
    return first + day - 1, in_year & (day >= 1) & (day <= after - first)


_NULL_TEXTS = pa.array(["", "null", "none", "nan", "nat", "n/a", "<na>", "\\n"])
NUMBER_TEXT = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_SECOND = r"(?P<second>\d{2})(?:[.,](?P<fraction>\d{1,9})\d*)?"
_ZONE = r"\s*(?P<zone>[Zz]|UTC|GMT|[+-]\d{2}(?::?\d{2})?)?"
_ISO = (
    r"^\s*(?P<year>\d{4})[-/](?P<month>\d{1,2})[-/](?P<day>\d{1,2})"
    r"(?:[Tt ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::" + _SECOND + ")?" + _ZONE + r")?\s*$"
)
_BASIC_ISO = (
    r"^\s*(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
    r"[Tt ](?P<hour>\d{2})(?P<minute>\d{2})(?:" + _SECOND + ")?" + _ZONE + r"\s*$"
)


def times_of_texts(array: pa.Array, unit: str) -> Times:
    """Convert texts: ISO 8601 with or without a time of day and a zone (without: UTC), or numbers of a unit.

    Digits alone are a number, so the basic form of ISO 8601 is read only with a time of day: `20240115T133000Z`.
    """
    text = array.cast(pa.string())
    null = pc.or_(text.is_null(), pc.is_in(pc.utf8_lower(pc.utf8_trim_whitespace(text)), _NULL_TEXTS))
    nulls = null.to_numpy(zero_copy_only=False)
    microseconds = np.zeros(len(text), np.int64)
    unreadable = ~nulls
    left = np.flatnonzero(~nulls)
    for pattern in (NUMBER_TEXT, _ISO, _BASIC_ISO):
        matches = _matches(text if len(left) == len(text) else text.take(pa.array(left)), pattern)
        places, left = left[matches], left[~matches]
        if len(places):
            texts = text.take(pa.array(places))
            is_number = pattern == NUMBER_TEXT
            found, readable = _of_number_texts(texts, unit) if is_number else _of_iso_texts(texts, pattern)
            microseconds[places] = found
            unreadable[places] = ~readable
    return _times(microseconds, nulls, unreadable)


def _matches(text: pa.StringArray, pattern: str) -> npt.NDArray[np.bool_]:
    found = pc.fill_null(pc.match_substring_regex(text, pattern), fill_value=False)
    return np.asarray(found.to_numpy(zero_copy_only=False), bool)


def _of_number_texts(text: pa.StringArray, unit: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    found = times_of_numbers(numbers_of_texts(text), unit)
    microseconds = found.times.cast(pa.int64()).fill_null(0).to_numpy()
    return microseconds, ~found.unreadable.to_numpy(zero_copy_only=False)


def numbers_of_texts(text: pa.StringArray) -> pa.Array:
    """Return the numbers that texts of digits are: integers where all are, which keeps all digits."""
    trimmed = pc.utf8_ltrim(pc.utf8_trim_whitespace(text), characters="+")
    whole = pc.all(pc.match_substring_regex(trimmed, r"^-?\d{1,18}$")).as_py()
    return trimmed.cast(pa.int64() if whole else pa.float64())


def _of_iso_texts(text: pa.StringArray, pattern: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    parts = pc.extract_regex(text, pattern)
    year, month, day, hour, minute, second = (
        _integers(parts.field(name)) for name in ("year", "month", "day", "hour", "minute", "second")
    )
    fraction = pc.utf8_slice_codeunits(pc.utf8_rpad(parts.field("fraction"), 6, "0"), 0, 6)
    days, is_date = days_of_dates(year, month, day)
    offset, is_zone = _zone_seconds(parts.field("zone"))
    seconds = days * _DAY + hour * 3600 + minute * 60 + second - offset
    valid = is_date & is_zone & (hour < 24) & (minute < 60) & (second < 60)
    return _within_range(seconds * 10**6 + _integers(fraction)), valid


def _integers(text: pa.StringArray) -> npt.NDArray[np.int64]:
    """Return digits as integers; nothing is 0."""
    return pc.if_else(pc.equal(text, ""), "0", text).cast(pa.int64()).to_numpy()


def _zone_seconds(zones: pa.StringArray) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Return the offset of zones from UTC, and which offsets exist."""
    coded = zones.dictionary_encode()
    offsets = [_zone_offset(zone) for zone in coded.dictionary.to_pylist()]
    codes = coded.indices.to_numpy()
    return np.array(offsets, np.int64)[codes], np.abs(np.array(offsets, np.int64))[codes] <= 18 * 3600


def _zone_offset(zone: str) -> int:
    digits = zone.lstrip("+-").replace(":", "")
    if not digits.isdecimal():
        return 0  # none, Z, UTC or GMT
    seconds = int(digits[:2]) * 3600 + int(digits[2:] or 0) * 60
    return -seconds if zone.startswith("-") else seconds
