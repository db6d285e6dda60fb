"""The form of a file of delimited text, from its first rows: where its rows begin, and what separates their fields."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from transforms.datasets.reading import UnreadableFileError
from transforms.ingestion.encodings import encoding_hint
from transforms.ingestion.layout import Delimited
from transforms.ingestion.streams import BEGINNING_BYTES, ONE_CHARACTER

DELIMITERS = (",", "\t", ";", "|", "::")
ESCAPE = "\\"
_SAMPLE_ROWS = 200
_STATED_DELIMITER = re.compile(r'"?sep=(.)"?[,;\t|]*\s*', re.IGNORECASE)
"""The line by which Excel states the delimiter of a file."""
_COMMENT = "#"


class FirstRow(NamedTuple):
    """The first row of a file.

    Attributes:
        fields: its fields.
        start: the position of its first byte.
        end: the position after its last byte.
    """

    fields: tuple[bytes, ...]
    start: int
    end: int


def find_first_row(beginning: bytes, format_: Delimited) -> FirstRow:
    """Find the first row of a file, after empty lines, a line such as `sep=;` and lines of comments.

    A comment begins with `#`, and has another number of fields than the line after it.

    Args:
        beginning: the first bytes of the file, with delimiters of one character.
        format_: its format.

    Raises:
        UnreadableFileError: when there is no row, or it has no end.
    """
    lines = _lines(beginning)
    options = _dialect(format_.delimiter, format_.escape, format_.is_quoted)
    skipped = _number_of_skipped(lines, options)
    reader = csv.reader(iter(lines[skipped:]), **options)
    endless = f"line {skipped + 1} has a quote without an end, or is longer than {BEGINNING_BYTES:,} bytes"
    try:
        row = next(reader, None)
    except csv.Error as error:  # a field is too long
        raise UnreadableFileError(endless) from error
    if row is None:
        raise UnreadableFileError("the file is empty")
    last = skipped + reader.line_num
    if last == len(lines) and len(beginning) == BEGINNING_BYTES:
        raise UnreadableFileError(endless)
    start, end = (sum(map(len, lines[:number])) for number in (skipped, last))
    return FirstRow(tuple(field.encode("latin-1") for field in row), start, end)


def names_of(row: FirstRow, format_: Delimited) -> tuple[str, ...]:
    """Return the names of the columns of a file whose first row has them.

    Raises:
        UnreadableFileError: when they are not UTF-8, and the format has no other encoding.
    """
    names = []
    for field in row.fields:
        try:
            names.append(field.decode())
        except UnicodeDecodeError as error:
            if not format_.encoding:
                raise UnreadableFileError(f"the name of a column, {field!r}, {encoding_hint(field)}") from error
            names.append(field.decode(format_.encoding, errors="replace"))
    return tuple(names)


def find_delimiter(beginning: bytes) -> str:
    """Return the delimiter of a file: the stated one, or else that which separates most rows into equally many fields.

    Args:
        beginning: the first bytes of the file.
    """
    lines = _whole_lines(beginning)[:_SAMPLE_ROWS]
    stated = _STATED_DELIMITER.fullmatch(lines[0]) if lines else None
    if stated:
        return stated[1]
    return max(DELIMITERS, key=lambda delimiter: _regularity(lines, delimiter))


def _regularity(lines: Sequence[str], delimiter: str) -> tuple[bool, float, int]:
    """Return whether the first row has several fields, the fraction of rows with as many, and their number."""
    options = _dialect(delimiter, "", is_quoted=len(delimiter) == 1)
    replaced = [line.replace(delimiter, ONE_CHARACTER) for line in lines] if len(delimiter) > 1 else lines
    sizes = [len(row) for row in _rows(replaced[_number_of_skipped(replaced, options) :], options) if row]
    if not sizes:
        return False, 0.0, 0
    return sizes[0] > 1, round(sizes.count(sizes[0]) / len(sizes), 1), sizes[0]


def find_escape(beginnings: Iterable[bytes], delimiter: str) -> str:
    r"""Return the character that escapes quotes, if more rows can be read with it than without; empty: none.

    Args:
        beginnings: the first bytes of some files.
        delimiter: what separates their fields.
    """
    delimiter = ONE_CHARACTER if len(delimiter) > 1 else delimiter
    escaped = (f'{ESCAPE}"', f"{ESCAPE}{delimiter}")
    samples = [lines for lines in map(_whole_lines, beginnings) if any(map("".join(lines).__contains__, escaped))]
    with_escape, without = (sum(_regular_rows(lines, delimiter, each) for lines in samples) for each in (ESCAPE, ""))
    return ESCAPE if with_escape > without else ""


def _regular_rows(lines: Sequence[str], delimiter: str, escape: str) -> int:
    """Return the number of rows whose quotes are at the ends of fields and that have as many fields as the first."""
    options = _dialect(delimiter, escape, is_quoted=True)
    sizes = [len(row) for row in _rows(lines[_number_of_skipped(lines, options) :], {**options, "strict": True})]
    return sizes.count(sizes[0]) if sizes else 0


def _rows(lines: Sequence[str], options: dict[str, Any]) -> Iterable[list[str]]:
    """Yield the rows of lines; one that cannot be read is empty."""
    reader = csv.reader(iter(lines), **options)
    while True:
        try:
            yield next(reader)
        except csv.Error:
            yield []
        except StopIteration:
            return


def _dialect(delimiter: str, escape: str, is_quoted: bool) -> dict[str, Any]:
    return {
        "delimiter": ONE_CHARACTER if len(delimiter) > 1 else delimiter,
        "quoting": csv.QUOTE_MINIMAL if is_quoted else csv.QUOTE_NONE,
        "escapechar": escape or None,
    }


def _lines(beginning: bytes) -> list[str]:
    """Split bytes into lines with their ends; each byte is a character."""
    return list(io.StringIO(beginning.decode("latin-1"), newline=""))


def _whole_lines(beginning: bytes) -> list[str]:
    """Return the lines of the beginning of a file without the last one, if it was cut off."""
    lines = _lines(beginning)
    return lines[:-1] if len(beginning) == BEGINNING_BYTES and len(lines) > 1 else lines


def _number_of_skipped(lines: Sequence[str], options: dict[str, Any]) -> int:
    """Return the number of lines before the first row."""
    number = _first_filled(lines, 0)
    if number < len(lines) and _STATED_DELIMITER.fullmatch(lines[number]):
        number = _first_filled(lines, number + 1)
    end = next((place for place in range(number, len(lines)) if not lines[place].startswith(_COMMENT)), len(lines))
    end = _first_filled(lines, end)
    if end == len(lines):
        return number
    size = _number_of_fields(lines[end], options)
    comments = itertools.takewhile(
        lambda place: not lines[place].strip() or _number_of_fields(lines[place], options) != size, range(number, end)
    )
    return number + len(list(comments))


def _first_filled(lines: Sequence[str], start: int) -> int:
    """Return the first line from a position on that is not empty."""
    return next((place for place in range(start, len(lines)) if lines[place].strip("\r\n")), len(lines))


def _number_of_fields(line: str, options: dict[str, Any]) -> int:
    return len(next(iter(_rows([line], options)), []))
