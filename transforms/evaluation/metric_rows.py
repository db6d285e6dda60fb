"""Rows of `metrics` of this job: how they are written, looked up and shown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from schemas import METRICS
from schemas.metric_slice import format_slice, parse_slice
from transforms.columnar import concatenate
from transforms.evaluation.bootstrap import Interval
from transforms.report.table import MISSING, Cell

PIPELINE = "evaluate"


def point(value: float, n: int = 0) -> Interval:
    """Return a value without an interval; `n` is the number of observations, 0: it is no statistic."""
    return Interval(value, math.nan, math.nan, n)


def metric_row(metric: str, interval: Interval, /, **parts: object) -> dict[str, Any]:
    """Return one row of `metrics`.

    Args:
        metric: its name.
        interval: its value; ends that are NaN, and an `n` of 0, become null.
        **parts: the slice, as for `format_slice`.
    """
    return {
        "pipeline": PIPELINE,
        "metric": metric,
        "slice": format_slice(parts),
        "value": interval.value,
        "low": None if math.isnan(interval.low) else interval.low,
        "high": None if math.isnan(interval.high) else interval.high,
        "n": interval.n or None,
    }


def metric_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Convert rows of `metrics` to a batch, sorted as the dataset is."""
    batch = pa.RecordBatch.from_pylist(rows, METRICS.arrow)
    return batch.sort_by([(name, "ascending") for name in METRICS.sort_by])


class MetricIndex:
    """Values of `metrics` by metric and slice."""

    def __init__(self, metrics: Iterable[pa.RecordBatch]) -> None:
        rows = concatenate(metrics, METRICS.arrow).to_pylist()
        self._values = {(row["metric"], row["slice"]): _interval(row) for row in rows}

    def get(self, metric: str, /, **parts: object) -> Interval | None:
        """Return one value; None: there is none. Missing ends are NaN, a missing `n` is 0."""
        return self._values.get((metric, format_slice(parts)))

    def value(self, metric: str, /, **parts: object) -> float:
        """Return one value without its interval.

        Raises:
            KeyError: when there is no such value.
        """
        return self._values[metric, format_slice(parts)].value

    def slices(self, metric: str) -> list[dict[str, str]]:
        """Return the parts of all slices of a metric, in the order of the rows."""
        return [parse_slice(text) for name, text in self._values if name == metric]

    def require(self, metric: str) -> list[dict[str, str]]:
        """Return the same.

        Raises:
            ValueError: when the metric was not measured.
        """
        if not (found := self.slices(metric)):
            raise ValueError(f"the metrics have no {metric}")
        return found

    def count(self, metric: str, /, **parts: object) -> str:
        """Format a whole number, such as `12,345`.

        Raises:
            KeyError: when there is no such value.
        """
        return f"{self._values[metric, format_slice(parts)].value:,.0f}"

    def cell(self, metric: str, /, **parts: object) -> Cell:
        """Return a value with three digits and its interval as a cell."""
        return value_cell(self.get(metric, **parts))

    def text(self, metric: str, /, **parts: object) -> str:
        """Return the text of that cell, such as `0.123 (.100–.150)`."""
        cell = self.cell(metric, **parts)
        return f"{cell.text} ({cell.interval})" if cell.interval else cell.text


def _interval(row: dict[str, Any]) -> Interval:
    low, high = (math.nan if row[end] is None else row[end] for end in ("low", "high"))
    return Interval(row["value"], low, high, row["n"] or 0)


def value_cell(
    value: Interval | None,
    number: Callable[[float], str] = "{:.3f}".format,
    between: str = "–",
    emphasize: bool = False,
) -> Cell:
    """Format a value and its interval.

    Args:
        value: the value; None: there is none.
        number: how numbers are formatted. The zero before the point is left out in the interval.
        between: what stands between the ends of the interval.
        emphasize: see `Cell`.
    """
    if value is None:
        return Cell(MISSING)
    has_interval = not math.isnan(value.low)
    ends = between.join(_without_zero(number(end)) for end in (value.low, value.high)) if has_interval else ""
    return Cell(number(value.value), ends, emphasize)


def _without_zero(text: str) -> str:
    unsigned = text.lstrip("+-")
    return text[: len(text) - len(unsigned)] + (unsigned[1:] if unsigned.startswith("0.") else unsigned)
