"""Measured values with their targets, as tables on a terminal and in Markdown."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table


@dataclasses.dataclass(frozen=True)
class Target:
    """The target of a metric.

    Attributes:
        limit: the limit of the value.
        at_least: whether the limit is a minimum; otherwise a maximum.
    """

    limit: float
    at_least: bool

    def met_by(self, value: float) -> bool:
        """Return whether a value meets the target."""
        return value >= self.limit if self.at_least else value <= self.limit


@dataclasses.dataclass(frozen=True)
class Metric:
    """A measured value.

    Attributes:
        name: name of the metric.
        value: measured value.
        unit: unit of the value.
        target: target of the value; None: no target.
    """

    name: str
    value: float
    unit: str = ""
    target: Target | None = None

    @property
    def missed(self) -> bool:
        """Whether there is a target that the value misses."""
        return self.target is not None and not self.target.met_by(self.value)

    def cells(self) -> tuple[str, str, str, str]:
        """Return the name, the value, the target, and whether the target is met."""
        if self.target is None:
            return self.name, three_digits(self.value, self.unit), "", ""
        sign = "≥" if self.target.at_least else "≤"
        limit = f"{sign} {three_digits(self.target.limit, self.unit)}"
        return self.name, three_digits(self.value, self.unit), limit, "missed" if self.missed else "met"


class Lines(NamedTuple):
    """A table: a title, names of columns, rows of text. The columns after the first hold numbers."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]

    @classmethod
    def of(cls, title: str, metrics: Sequence[Metric]) -> Lines:
        """Create a table of metrics."""
        return cls(title, ("metric", "measured", "target", "target is"), [metric.cells() for metric in metrics])

    def to_rich(self) -> Table:
        """Convert to a table for the terminal."""
        table = Table(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row, style="red" if "missed" in row else "green" if "met" in row else None)
        return table

    def to_markdown(self) -> str:
        """Convert to Markdown."""
        rule = ("---", *("---:" for _ in self.columns[1:]))
        rows = [f"| {' | '.join(row)} |" for row in (self.columns, rule, *self.rows)]
        return "\n".join([f"### {self.title}", "", *rows, ""])


def three_digits(value: float, unit: str = "") -> str:
    """Format a positive number with three significant digits, or all digits before the point."""
    digits = max(0, 2 - math.floor(math.log10(value))) if value > 0 else 0
    return f"{value:,.{min(digits, 3)}f} {unit}".strip()


def print_report(tables: Sequence[Lines], metrics: Sequence[Metric], console: Console) -> None:
    """Print tables, then the metrics that miss their target."""
    for table in tables:
        console.print(table.to_rich())
    for metric in metrics:
        if metric.missed:
            name, value, target, _ = metric.cells()
            console.print(f"missed: {name} is {value}, target {target}", style="red", soft_wrap=True)


def to_markdown(title: str, tables: Sequence[Lines], notes: Sequence[str]) -> str:
    """Format tables and notes as a section of a Markdown page."""
    return "\n".join(
        [f"## {title}", "", *(table.to_markdown() for table in tables), *(f"- {note}" for note in notes), ""]
    )
