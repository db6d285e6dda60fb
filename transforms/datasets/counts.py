"""Counts as data: the pipeline itself sums counts, which become rows of `metrics`.

Unlike Beam's own counters, these sums are exact even if a runner executes a bundle twice.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import apache_beam as beam
import pyarrow as pa

from schemas import METRICS

CountKey = tuple[str, str]
Count = tuple[CountKey, int]


def count(metric: str, number: int, slice_: str = "") -> Count:
    """Return an amount to add to one metric."""
    return (metric, slice_), int(number)


def count_errors(errors: pa.RecordBatch) -> Iterator[Count]:
    """Count rows of `errors` by dataset and reason."""
    pairs = pa.Table.from_batches([errors]).group_by(["dataset", "reason"]).aggregate([([], "count_all")])
    for pair in pairs.to_pylist():
        yield count(f"{pair['dataset']}_invalid", pair["count_all"], pair["reason"])


def metric_rows(pipeline: str, counts: Iterable[Count]) -> pa.RecordBatch:
    """Convert summed counts to rows of `metrics`."""
    return pa.RecordBatch.from_pylist(
        [
            {"pipeline": pipeline, "metric": metric, "slice": slice_, "value": float(number)}
            for (metric, slice_), number in sorted(counts)
        ],
        METRICS.arrow,
    )


@dataclasses.dataclass
class SumCounts(beam.PTransform):
    """Sum several collections of counts by metric and slice."""

    def expand(self, counts: tuple[beam.PCollection, ...]) -> beam.PCollection:
        return counts | beam.Flatten() | "Sum" >> beam.CombinePerKey(sum)
