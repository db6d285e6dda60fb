"""Tables and sections of a report as values, independent of how they are rendered."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple

MISSING = "–"
"""Text of a cell without a value."""


class Cell(NamedTuple):
    """One cell of a table.

    Attributes:
        text: the value, formatted.
        interval: both ends of its 95 % interval, formatted; empty where there is none.
        is_emphasized: whether it stands out, such as the best value of a column.
    """

    text: str
    interval: str = ""
    is_emphasized: bool = False


class Column(NamedTuple):
    """One column of a table.

    Attributes:
        title: its heading.
        align: `left` for text, `right` for numbers.
        is_detail: whether a terminal leaves it out.
        hides_intervals: whether a terminal leaves out the intervals of its cells.
    """

    title: str
    align: Literal["left", "right"] = "right"
    is_detail: bool = False
    hides_intervals: bool = False


@dataclasses.dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        columns: its columns.
        rows: its cells, row by row, one for each column.
        title: its heading; empty: that of the section that it belongs to.
        notes: sentences that explain it.
        is_detail: whether a terminal leaves it out.
        transpose_on_terminal: whether a terminal shows its rows as columns, for tables of few rows and many columns.

    Raises:
        ValueError: when a row has more or fewer cells than there are columns.
    """

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""
    notes: tuple[str, ...] = ()
    is_detail: bool = False
    transpose_on_terminal: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row has {len(row)} cells, but the table has {len(self.columns)} columns")

    def transposed(self) -> Table:
        """Return the table with rows and columns exchanged; the first column becomes the header."""
        columns = (Column("", "left"), *(Column(row[0].text) for row in self.rows))
        rows = tuple(
            (Cell(column.title), *(row[index] for row in self.rows))
            for index, column in enumerate(self.columns)
            if index and not column.is_detail
        )
        return dataclasses.replace(self, columns=columns, rows=rows, transpose_on_terminal=False)


class Image(NamedTuple):
    """An image of a section.

    Attributes:
        path: where it is, relative to the page.
        caption: what it shows.
    """

    path: str
    caption: str


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of a report.

    Attributes:
        title: its heading.
        description: paragraphs in plain text, with `code` in backticks.
        images: shown before the tables.
        tables: its tables.
    """

    title: str
    description: tuple[str, ...] = ()
    images: tuple[Image, ...] = ()
    tables: tuple[Table, ...] = ()


def row(*cells: Cell | str) -> tuple[Cell, ...]:
    """Return the cells of one row, where plain text stands for a cell of that text."""
    return tuple(cell if isinstance(cell, Cell) else Cell(cell) for cell in cells)


def text_columns(*titles: str) -> tuple[Column, ...]:
    """Return left-aligned columns."""
    return tuple(Column(title, "left") for title in titles)


def number_columns(*titles: str) -> tuple[Column, ...]:
    """Return right-aligned columns."""
    return tuple(Column(title) for title in titles)
