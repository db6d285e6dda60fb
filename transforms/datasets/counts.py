"""Counting as data: counts are summed by the pipeline itself and become rows of `metrics`.

A runner may run a bundle twice and then counts Beam's own counters twice; these sums it cannot.
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
    """A number to be added to one figure."""
    return (metric, slice_), int(number)


def count_errors(errors: pa.RecordBatch) -> Iterator[Count]:
    """How many rows of `errors` each dataset has for each reason."""
    pairs = pa.Table.from_batches([errors]).group_by(["dataset", "reason"]).aggregate([([], "count_all")])
    for pair in pairs.to_pylist():
        yield count(f"{pair['dataset']}_invalid", pair["count_all"], pair["reason"])


def metric_rows(pipeline: str, counts: Iterable[Count]) -> pa.RecordBatch:
    """Summed counts as rows of `metrics`."""
    return pa.RecordBatch.from_pylist(
        [
            {"pipeline": pipeline, "metric": metric, "slice": slice_, "value": float(number)}
            for (metric, slice_), number in sorted(counts)
        ],
        METRICS.arrow,
    )


@dataclasses.dataclass
class SumCounts(beam.PTransform):
    """Several collections of counts -> the sum of each figure."""

    def expand(self, counts: tuple[beam.PCollection, ...]) -> beam.PCollection:
        return counts | beam.Flatten() | "Sum" >> beam.CombinePerKey(sum)
