"""Options by which the columns of an input are read. Kept import-light, so that option errors are reported quickly."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Literal

TimestampUnit = Literal[
    "auto",
    "s",
    "ms",
    "us",
    "ns",
    "minutes",
    "hours",
    "days",
    "yyyymmdd",
    "excel",
    "julian",
    "ticks",
    "filetime",
    "webkit",
]
UNITS: dict[TimestampUnit, str] = {
    "auto": "seconds, milliseconds, microseconds or nanoseconds since 1970, derived from the size of each number",
    "s": "seconds since 1970",
    "ms": "milliseconds since 1970",
    "us": "microseconds since 1970",
    "ns": "nanoseconds since 1970",
    "minutes": "minutes since 1970",
    "hours": "hours since 1970",
    "days": "days since 1970",
    "yyyymmdd": "digits of a date: `20240115`, `202401`, or with a time of day: `2024011513`, `202401151330`, "
    "`20240115133000`, `20240115133000250`",
    "excel": "days since 1899-12-30, the serial dates of spreadsheets",
    "julian": "Julian days",
    "ticks": "100 nanoseconds since the year 1, as .NET counts",
    "filetime": "100 nanoseconds since 1601, as Windows counts",
    "webkit": "microseconds since 1601, as Chrome counts",
}
"""The meaning of a number, by unit."""

_ESCAPE = "\\"
_SEPARATOR = ","

LEFT_OUT = ""
"""The name of a column that is not read, among the names that differ from those of the dataset."""


def join_columns(renamed: Mapping[str, str]) -> str:
    """Return the value of an option that names columns: `column=name,...`; commas in names have a backslash."""
    return _SEPARATOR.join(f"{column}={_escaped(name)}" for column, name in renamed.items())


def _escaped(name: str) -> str:
    return name.replace(_ESCAPE, _ESCAPE * 2).replace(_SEPARATOR, f"{_ESCAPE}{_SEPARATOR}")


def split_columns(text: str) -> list[str]:
    """Return the entries `column=name` of the value of an option; commas in names have a backslash."""
    marked = re.findall(r"(?:\\[\\,]|[^,])+", text)
    return [re.sub(r"\\([\\,])", r"\1", entry) for entry in marked]


@dataclasses.dataclass(frozen=True)
class ColumnOptions:
    """The options by which the columns of an input are read.

    Attributes:
        renamed: dataset column -> file column, for names that differ; `LEFT_OUT` for columns that are not read.
        unit: the unit of numbers in a timestamp column.
        tag_separator: what separates the tags in a text; empty: a text is no list of tags.
    """

    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unit: TimestampUnit = "auto"
    tag_separator: str = ""
