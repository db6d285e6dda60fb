"""What tables for people are made of: figures by name, cells and lines, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import pyarrow as pa

from schemas import METRICS
from transforms.columnar import concatenate

NOTHING_KNOWN = "–"
"""The cell of a figure that there is none of."""

Figures: TypeAlias = dict[tuple[str, str], dict[str, Any]]
"""Rows of `metrics` by metric and slice."""


def figures_of(metrics: Iterable[pa.RecordBatch]) -> Figures:
    """Rows of `metrics`, to be looked up."""
    return {(row["metric"], row["slice"]): row for row in concatenate(metrics, METRICS.arrow).to_pylist()}


def line(cells: Iterable[str]) -> str:
    """One line of a table."""
    return f"| {' | '.join(cells)} |"


def amount(figures: Figures, metric: str, slice_: str) -> str:
    """A number of things.

    Raises:
        KeyError: when there is no such figure.
    """
    return f"{figures[metric, slice_]['value']:,.0f}"


def three_digits(value: float) -> str:
    """A number as figures have it."""
    return f"{value:.3f}"


def interval(row: Mapping[str, Any]) -> str:
    """The interval of a row of `metrics`, small and without the zeros before the points; empty where there is none."""
    if row["low"] is None:
        return ""
    ends = (three_digits(row[end]).replace("0.", ".", 1) for end in ("low", "high"))
    return f" <sub>{'–'.join(ends)}</sub>"


def cell(row: Mapping[str, Any] | None) -> str:
    """A row of `metrics` as a figure and its interval; None: there is none."""
    return NOTHING_KNOWN if row is None else three_digits(row["value"]) + interval(row)
