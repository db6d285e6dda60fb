"""Limits of training examples per source and in total: those with the smallest ids, which are hashes, are kept."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.pvalue import AsSingleton, TaggedOutput
from apache_beam.typehints import with_output_types

from transforms.columnar import concatenate, run_offsets, split_by_size
from transforms.datasets.counts import Count
from transforms.datasets.reading import COUNTS_TAG
from transforms.naming.examples.candidates import counts_of_dropped
from transforms.naming.examples.config import ExampleConfig
from transforms.naming.examples.quality import SCORED
from transforms.shuffle import ApplyGlobally, CoGroupByBucket

IDS = pa.schema([pa.field("example_id", pa.string(), nullable=False)])
"""Examples alone."""


class CapResult(NamedTuple):
    """Remaining rows of `SCORED`, and counts of the dropped ones."""

    rows: pa.RecordBatch
    counts: list[Count]


def cap_sources(batches: Iterable[pa.RecordBatch], limit: int) -> CapResult:
    """Keep at most `limit` training examples of each source, and all other rows, of one bucket of sources."""
    rows = concatenate(batches, SCORED)
    rows = rows.take(pc.sort_indices(rows, sort_keys=[("source", "ascending"), ("example_id", "ascending")]))
    # All examples of a source are in one split, so that its first rows are its first training examples.
    starts = run_offsets(rows["source"].dictionary_encode().indices.to_numpy())
    places = np.arange(rows.num_rows) - np.repeat(starts[:-1], np.diff(starts))
    too_many = np.logical_and(_is_training(rows), places >= limit)
    dropped = Counter({"max_examples_per_source": int(too_many.sum())})
    return CapResult(rows.filter(pa.array(~too_many)), counts_of_dropped(dropped))


def cutoff_id(ids: Iterable[pa.RecordBatch], limit: int) -> pa.RecordBatch:
    """Return the smallest id of a training example above the limit; no row if the limit is not reached."""
    rows = concatenate(ids, IDS)
    return rows.take(pc.sort_indices(rows["example_id"])).slice(limit, 1)


def training_ids(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Select the ids of training examples, as `IDS`."""
    return rows.filter(pa.array(_is_training(rows))).select(IDS.names)


def cap_all(rows: pa.RecordBatch, limit: pa.RecordBatch) -> CapResult:
    """Drop the training examples from the id of `cutoff_id` on."""
    too_many = np.zeros(rows.num_rows, bool)
    if limit.num_rows:
        beyond = pc.greater_equal(rows["example_id"], limit["example_id"][0])
        too_many = np.logical_and(_is_training(rows), beyond.to_numpy(zero_copy_only=False))
    return CapResult(
        rows.filter(pa.array(~too_many)), counts_of_dropped(Counter({"max_examples": int(too_many.sum())}))
    )


def _is_training(rows: pa.RecordBatch) -> npt.NDArray[np.bool_]:
    training: npt.NDArray[np.bool_] = pc.equal(rows["split"], "train").to_numpy(zero_copy_only=False)
    return training


@with_output_types(pa.RecordBatch, counts=Count)
class CapSources(beam.DoFn):
    """Examples of one bucket of sources -> the remaining ones; counts as a side output."""

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def process(self, bucket: tuple[int, Any]) -> Iterator[Any]:
        yield from _outputs(cap_sources(bucket[1]["examples"], self.limit))


@with_output_types(pa.RecordBatch, counts=Count)
class CapAll(beam.DoFn):
    """Rows of `SCORED` -> those within the total limit; counts as a side output."""

    def process(self, rows: pa.RecordBatch, limit: pa.RecordBatch) -> Iterator[Any]:
        yield from _outputs(cap_all(rows, limit))


def _outputs(balanced: CapResult) -> Iterator[Any]:
    for each in balanced.counts:
        yield TaggedOutput(COUNTS_TAG, each)
    yield from split_by_size(balanced.rows)


@dataclasses.dataclass
class CapExamples(beam.PTransform):
    """Record batches of `SCORED` -> the same, with limits of training examples.

    Attributes:
        config: the limits.
        buckets: number of buckets of sources; affects memory and parallelism, not the result.

    Returns:
        A tuple of two collections: record batches of `SCORED`, counts (`collections_dropped` by reason).
    """

    config: ExampleConfig
    buckets: int = 16

    def expand(self, examples: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        balanced = (
            {"examples": examples}
            | "GroupSources" >> CoGroupByBucket("source", self.buckets)
            | "BalanceSources"
            >> beam.ParDo(CapSources(self.config.max_examples_per_source)).with_outputs(COUNTS_TAG, main="examples")
        )
        rows = balanced.examples
        if self.config.max_examples is None:
            return rows, balanced[COUNTS_TAG]
        ids = rows | "TrainingIds" >> beam.Map(training_ids).with_output_types(pa.RecordBatch)
        limit = ids | "FirstTooMany" >> ApplyGlobally(cutoff_id, (self.config.max_examples,))
        limited = rows | "LimitAll" >> beam.ParDo(CapAll(), AsSingleton(limit)).with_outputs(
            COUNTS_TAG, main="examples"
        )
        return limited.examples, (balanced[COUNTS_TAG], limited[COUNTS_TAG]) | "Counts" >> beam.Flatten()
