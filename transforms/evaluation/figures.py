"""Figures as rows of `metrics`."""

from __future__ import annotations

import math
from typing import Any

import pyarrow as pa

from schemas import METRICS
from transforms.evaluation.bootstrap import Interval

PIPELINE = "evaluate"


def certain(value: float, n: int = 0) -> Interval:
    """A figure without an interval; `n` is the number of observations, 0: it is no statistic."""
    return Interval(value, math.nan, math.nan, n)


def metric_row(metric: str, slice_: str, interval: Interval) -> dict[str, Any]:
    """One row of `metrics`; ends of an interval that are NaN, and an `n` of 0, become null."""
    return {
        "pipeline": PIPELINE,
        "metric": metric,
        "slice": slice_,
        "value": interval.value,
        "low": None if math.isnan(interval.low) else interval.low,
        "high": None if math.isnan(interval.high) else interval.high,
        "n": interval.n or None,
    }


def metric_batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Rows of `metrics`, sorted as the dataset is."""
    batch = pa.RecordBatch.from_pylist(rows, METRICS.arrow)
    return batch.sort_by([(name, "ascending") for name in METRICS.sort_by])
