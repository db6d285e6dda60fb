"""What was measured, beside its targets, as tables on a terminal and in Markdown."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


@dataclasses.dataclass(frozen=True)
class Target:
    """What a figure should be.

    Attributes:
        limit: the number it is held against.
        at_least: whether it should be that large, else that small.
    """

    limit: float
    at_least: bool

    def met_by(self, value: float) -> bool:
        """Whether a figure is as it should be."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclasses.dataclass(frozen=True)
class Figure:
    """Something that was measured.

    Attributes:
        name: what it is.
        value: how much.
        unit: of what.
        target: what it should be, where that is judged.
    """

    name: str
    value: float
    unit: str = ""
    target: Target | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a target and the figure is not as it says."""
        return self.target is not None and not self.target.met_by(self.value)

    def cells(self) -> tuple[str, str, str, str]:
        """Name, figure, target, and whether it is met."""
        if self.target is None:
            return self.name, three_digits(self.value, self.unit), "", ""
        sign = "≥" if self.target.at_least else "≤"
        told = f"{sign} {three_digits(self.target.limit, self.unit)}"
        return self.name, three_digits(self.value, self.unit), told, "missed" if self.missed else "met"


class Lines(NamedTuple):
    """A table: a title, names of columns, rows of text. The columns after the first hold numbers."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    @classmethod
    def of(cls, title: str, figures: Sequence[Figure]) -> Lines:
        """A table of figures."""
        return cls(title, ("figure", "measured", "target", "target is"), [figure.cells() for figure in figures])

    def to_rich(self) -> Table:
        """For the terminal."""
        table = Table(title=self.title, title_justify="left")
        for place, column in enumerate(self.columns):
            table.add_column(column, justify="right" if place else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row, style="red" if "missed" in row else "green" if "met" in row else None)
        return table

    def to_markdown(self) -> str:
        """For a page."""
        rule = ("---", *("---:" for _ in self.columns[1:]))
        rows = [f"| {' | '.join(row)} |" for row in (self.columns, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *rows, ""])


def three_digits(value: float, unit: str = "") -> str:
    """A positive number with three digits, or all that are before the point."""
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{min(digits, 3)}f} {unit}".strip()


def print_report(tables: Sequence[Lines], figures: Sequence[Figure], console: Console) -> None:
    """Prints tables, then which of the figures miss their target."""
    for table in tables:
        console.print(table.to_rich())
    for figure in figures:
        if figure.missed:
            name, value, target, _ = figure.cells()
            console.print(f"missed: {name} is {value}, target {target}", style="red", soft_wrap=True)


def to_markdown(title: str, tables: Sequence[Lines], notes: Sequence[str]) -> str:
    """Tables and notes as a section of a Markdown page."""
    return "\n".join(
        [f"## {title}", "", *(table.to_markdown() for table in tables), *(f"- {note}" for note in notes), ""]
    )
