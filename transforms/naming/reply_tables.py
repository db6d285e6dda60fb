"""Rows of tables in replies, as lines."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from transforms.naming.reply_words import is_label, is_without_topic

_RULE = regex.compile(r"[\s|:\-]+")


def without_table(lines: Sequence[str]) -> list[str]:
    """Return the lines of a reply with the name instead of a table: the cell below a header such as `Name`.

    A row of a table without such a header becomes a label and its text.
    """
    rows = [_cells(line) for line in lines if _is_row(line) and not _RULE.fullmatch(line)]
    if named := _named_cell(rows):
        return [named]
    written = [line.strip() for line in lines if line.strip()]
    for separator in (",", ";", "\t"):
        if named := _named_cell([line.split(separator) for line in written]):
            return [named]
    return [": ".join(_cells(line)) if _is_row(line) else line for line in lines]


def _is_row(line: str) -> bool:
    line = line.strip()
    return line[:1] == "|" == line[-1:]


def _cells(line: str) -> list[str]:
    return [each.strip() for each in line.strip().strip("|").split("|")]


def _named_cell(rows: Sequence[Sequence[str]]) -> str:
    """Return the first cell below the header of a name; empty: the first row is no header."""
    if len(rows) < 2 or not all(map(is_without_topic, rows[0])):
        return ""
    names = [column for column, cell in enumerate(rows[0]) if is_label(cell)]
    has_columns = len(rows[0]) > 1 and len(rows[1]) >= len(rows[0])
    return rows[1][names[0]].strip() if names and has_columns else ""
