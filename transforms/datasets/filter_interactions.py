"""Removal of the interactions that do not satisfy the conditions of a job."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.datasets.counts import Count, count
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.datasets.reading import COUNTS_TAG


class FilterResult(NamedTuple):
    """Rows that passed the filter, and counts of the others by reason."""

    rows: pa.RecordBatch
    dropped: list[Count]


def filter_interactions(rows: pa.RecordBatch, config: InteractionFilter) -> FilterResult:
    """Drop interactions that do not satisfy all conditions; null satisfies none."""
    tests: list[tuple[str, pa.BooleanArray]] = []
    if config.keep_events:
        tests.append(("event_not_kept", pc.is_in(rows["event"], pa.array(config.keep_events, pa.string()))))
    if config.min_value is not None:
        tests.append(("below_min_value", pc.greater_equal(rows["value"], config.min_value)))
    if config.min_dwell_seconds is not None:
        tests.append(("below_min_dwell_seconds", pc.greater_equal(rows["dwell_seconds"], config.min_dwell_seconds)))
    if config.min_interest is not None:
        tests.append(("below_min_interest", pc.greater_equal(rows["interest"], config.min_interest)))
    if not tests:
        return FilterResult(rows, [])
    passing = np.ones(rows.num_rows, bool)
    dropped = []
    for reason, test in tests:
        passes = pc.fill_null(test, fill_value=False).to_numpy(zero_copy_only=False)
        dropped.append(count("interactions_dropped", (passing & ~passes).sum(), reason))
        passing &= passes
    return FilterResult(rows.filter(pa.array(passing)), dropped)


@with_output_types(pa.RecordBatch, counts=Count)
class FilterInteractions(beam.DoFn):
    """Interactions -> those that satisfy the filter."""

    def __init__(self, config: InteractionFilter) -> None:
        self.config = config

    def process(self, rows: pa.RecordBatch) -> Iterator[Any]:
        kept = filter_interactions(rows, self.config)
        for dropped in kept.dropped:
            yield TaggedOutput(COUNTS_TAG, dropped)
        if kept.rows.num_rows:
            yield kept.rows


@dataclasses.dataclass
class KeepInteractions(beam.PTransform):
    """Record batches of `interactions` -> those that satisfy the conditions.

    Attributes:
        config: the conditions.

    Returns:
        A tuple of two collections: record batches of `interactions`, counts.
    """

    config: InteractionFilter

    def expand(self, rows: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        filtered = rows | "Filter" >> beam.ParDo(FilterInteractions(self.config)).with_outputs(COUNTS_TAG, main="rows")
        return filtered.rows, filtered[COUNTS_TAG]
