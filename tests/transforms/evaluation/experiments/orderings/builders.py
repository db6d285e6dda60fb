"""Metrics of evaluations, as `evaluate` would have committed them."""

from __future__ import annotations

import pyarrow as pa

from schemas import METRICS
from transforms.datasets.coercion import FILE, ROW
from transforms.datasets.coercion import with_provenance as with_provenance_schema
from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiments.orderings.evaluations import Evaluation
from transforms.evaluation.metric_rows import MetricIndex, metric_batch, metric_row

Values = dict[tuple[str, str], tuple[float, float, float]]
"""Value and ends of the interval, by metric and slice."""


def batch(values: Values, n: int = 100) -> pa.RecordBatch:
    """Rows of `metrics`."""
    rows = [metric_row(metric, Interval(*value, n)) | {"slice": text} for (metric, text), value in values.items()]
    return metric_batch(rows)


def evaluation(name: str, values: Values, n: int = 100) -> Evaluation:
    """The metrics of one workspace."""
    return Evaluation(name, MetricIndex([batch(values, n)]))


def with_provenance(rows: pa.RecordBatch, file: str) -> pa.RecordBatch:
    """The same rows as if they had been read from a file."""
    origin = pa.array([file] * rows.num_rows, pa.string()).cast(FILE.type)
    columns = [*(rows[name] for name in METRICS.arrow.names), origin, pa.array(range(rows.num_rows)).cast(ROW.type)]
    return pa.RecordBatch.from_arrays(columns, schema=with_provenance_schema(METRICS))


def about(value: float, half: float = 0.01) -> tuple[float, float, float]:
    """A value with an interval around it."""
    return value, value - half, value + half
