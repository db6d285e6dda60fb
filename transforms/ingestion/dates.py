"""Dates that end with the year, such as `12/31/2019 8:05:00 PM`, rewritten as ISO 8601."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from transforms.ingestion.layout import DateOrder

_YEAR_LAST = (
    r"^\s*(?P<first>\d{1,2})[-/.](?P<second>\d{1,2})[-/.](?P<year>\d{4})"
    r"(?:[ T,]\s*(?P<hour>\d{1,2})(?P<rest>:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(?P<half>[AaPp][Mm])?)?\s*$"
)
_MAX_MONTH = 12
_NEARLY_ALL = 0.9


def to_iso(text: pa.StringArray, order: DateOrder) -> pa.StringArray:
    """Rewrite dates that end with the year as ISO 8601; other texts stay as they are.

    Args:
        text: dates with or without a time of day, of 24 hours or of 12 with AM or PM.
        order: whether the month or the day comes first; empty: nothing is rewritten.
    """
    if not order:
        return text
    parts = pc.extract_regex(text, _YEAR_LAST)
    first, second = parts.field("first"), parts.field("second")
    month, day = (first, second) if order == "month_first" else (second, first)
    date = pc.binary_join_element_wise(parts.field("year"), month, day, "-")
    clock = pc.binary_join_element_wise(_hours(parts), parts.field("rest"), "")
    iso = pc.if_else(pc.equal(parts.field("hour"), ""), date, pc.binary_join_element_wise(date, clock, "T"))
    return pc.if_else(parts.is_valid(), iso, text)


def _hours(parts: pa.StructArray) -> pa.StringArray:
    """Return hours of 24; an hour of a half day that does not exist becomes one that cannot be read."""
    text, half = parts.field("hour"), pc.utf8_upper(parts.field("half"))
    hours = pc.if_else(pc.equal(text, ""), "0", text).cast(pa.int64())
    is_noon_or_midnight = pc.equal(hours, 12)
    halved = pc.if_else(is_noon_or_midnight, 0, hours)
    exists = pc.and_(pc.greater_equal(hours, 1), pc.less_equal(hours, 12))
    of_half = pc.if_else(exists, pc.add(halved, pc.if_else(pc.equal(half, "PM"), 12, 0)), 99)
    return pc.if_else(pc.equal(half, ""), hours, of_half).cast(pa.string())


def find_date_order(text: pa.StringArray) -> DateOrder | None:
    """Return the order of month and day of a sample of dates; None: both orders fit all of them; empty: no such dates.

    A number above 12 is a day.
    """
    parts = pc.extract_regex(text.drop_null(), _YEAR_LAST).drop_null()
    if not len(parts) or len(parts) < _NEARLY_ALL * (len(text) - text.null_count):
        return ""
    first, second = (pc.max(parts.field(name).cast(pa.int64())).as_py() for name in ("first", "second"))
    if first > _MAX_MONTH:
        return "day_first"
    return "month_first" if second > _MAX_MONTH else None
