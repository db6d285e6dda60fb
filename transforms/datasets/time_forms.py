"""The form in which texts write times that are not ISO 8601, and how such a column becomes timestamps."""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

import pyarrow as pa

_SAMPLE = 1000
_NEARLY_ALL = 0.9
_MAX_MONTH = 12
_TOKEN = re.compile(
    r"(?P<clock>\d{1,2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?)"
    r"|(?P<offset>(?:(?<=:\d\d)|(?<=:\d\d )|(?<=[APap][Mm] ))[+-]\d\d:?\d\d)"
    r"|(?P<year>\d{4})(?!\d)|(?P<number>\d{1,2})(?!\d)|(?P<region>[A-Za-z]+(?:/[A-Za-z_]+)+)|(?P<word>[A-Za-z]+)"
    r"|(?P<other>[][ \-/.,:])"
)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ZONES = ("Z", "UTC", "GMT", "EST", "EDT", "CST", "CDT", "MST", "MDT", "PST", "PDT", "CET", "CEST")
_WORDS = {
    "T": "T",
    **dict.fromkeys(("AM", "PM"), "%p"),
    **dict.fromkeys(_ZONES, "%Z"),
    **dict.fromkeys((name[:3].upper() for name in _MONTHS), "%b"),
    **dict.fromkeys((name.upper() for name in _MONTHS if len(name) > 3), "%B"),
    **dict.fromkeys((name[:3].upper() for name in _DAYS), "%a"),
    **dict.fromkeys((name.upper() for name in _DAYS), "%A"),
}
"""The format of a word, by the word in uppercase."""
_NUMBER = "#"
_INGEST = "python -m pipelines.ingest --format=parquet --input=LOG --items_input=ITEMS --workspace=NEW"
_READ_BY_INGEST = re.compile(r"#[-/.]#[-/.]%Y(?:[ T,] *%[HI]:%M(?::%S(?:\.%f)?)? ?(?:%p)?)?")


class _Form(NamedTuple):
    """The form of a column of texts.

    Attributes:
        pattern: its format, with `#` for numbers of one or two digits.
        numbers: the largest of each of these numbers.
    """

    pattern: str
    numbers: tuple[int, ...]


def conversion_of_texts(text: pa.StringArray, name: str) -> str:
    """Return how a column of texts becomes timestamps, by the form that nearly all of them have.

    Args:
        text: values of the column that are no times; a sample is enough.
        name: name of the column.
    """
    form = _find_form(text.drop_null().slice(0, _SAMPLE).to_pylist())
    order = _date_order(form) if form else ""
    if form and order and _READ_BY_INGEST.fullmatch(form.pattern):
        options = " or ".join(f"--date_order={each}" for each in order.split())
        return f"convert it: {_INGEST} {options}"
    formats = [_fill(form.pattern, each) for each in (order or "none").split()] if form else []
    if not formats or not all(formats):
        return "convert the column to a timestamp"
    column = name if re.fullmatch(r"\w+", name) else "NAME"
    replaced = f"strptime({column}, '{formats[0]}') AS {column}"
    other = "".join(f", or {each!r} if the day comes first" for each in formats[1:])
    return f"convert it, in DuckDB: COPY (SELECT * REPLACE ({replaced}) FROM 'LOG') TO 'NEW.parquet'{other}"


def _find_form(texts: list[str]) -> _Form | None:
    found = [(_pattern(" ".join(text.split())), text) for text in texts]
    patterns = Counter(pattern for pattern, _ in found if pattern)
    if not patterns:
        return None
    same = Counter(patterns)
    for pattern in patterns:
        if "%B" in pattern:
            same[pattern] += patterns[pattern.replace("%B", "%b")]  # May is a long name too
    pattern = max(sorted(same), key=lambda each: same[each])
    if same[pattern] < _NEARLY_ALL * len(texts):
        return None
    numbers = [_numbers(text) for each, text in found if each == pattern]
    return _Form(pattern, tuple(max(column) for column in zip(*numbers, strict=True)))


def _pattern(text: str) -> str:
    """Return the format of a text, with `#` for numbers of one or two digits; empty: it has none."""
    parts, end = [], 0
    for match in _TOKEN.finditer(text):
        if match.start() != end:
            return ""
        end = match.end()
        parts.append(_part(match))
    pattern = "".join(parts) if end == len(text) and all(parts) else ""
    return pattern.replace("%H", "%I") if "%p" in pattern else pattern


def _part(match: re.Match[str]) -> str:
    kind, text = str(match.lastgroup), match.group()
    if kind == "clock":
        return "%H:%M" + ":%S" * (text.count(":") == 2) + ".%f" * ("." in text)
    if kind == "word":
        return _WORDS.get(text.upper(), "")
    return {"offset": "%z", "year": "%Y", "number": _NUMBER, "region": "%Z"}.get(kind, text)


def _numbers(text: str) -> list[int]:
    return [int(match["number"]) for match in _TOKEN.finditer(text) if match["number"]]


def _date_order(form: _Form) -> str:
    """Return the order of month and day, or both orders if they are possible; empty: the form has an order."""
    count = len(form.numbers)
    year_is_last = count == 2 and "%Y" in form.pattern and form.pattern.index("%Y") > form.pattern.index(_NUMBER)
    if _has_month(form.pattern) or not (year_is_last or (count == 3 and "%Y" not in form.pattern)):
        return ""
    first, second = form.numbers[:2]
    if first > _MAX_MONTH:
        return "day_first"
    return "month_first" if second > _MAX_MONTH else "month_first day_first"


def _has_month(pattern: str) -> bool:
    return "%b" in pattern or "%B" in pattern


def _fill(pattern: str, order: str) -> str:
    """Return the format with letters for its numbers, by the order of month and day; empty: it is no date."""
    count, has_year = pattern.count(_NUMBER), "%Y" in pattern
    if _has_month(pattern):
        letters = ["%d", "%y"][:count] if count == 2 - has_year else []
    elif order in ("month_first", "day_first"):
        letters = ["%m", "%d", "%y"][:count] if order == "month_first" else ["%d", "%m", "%y"][:count]
    else:
        letters = ["%m", "%d"] if count == 2 and has_year else []
    for letter in letters:
        pattern = pattern.replace(_NUMBER, letter, 1)
    return pattern if letters else ""
