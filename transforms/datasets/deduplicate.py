"""Removal of duplicate items."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.typehints import with_output_types

from schemas import ITEMS, DatasetSchema
from transforms.columnar import concatenate
from transforms.datasets.coercion import FILE, ROW, error_rows, with_provenance
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.shuffle import KeyByBucket


class Deduplicated(NamedTuple):
    """Distinct items, and rows of `errors` for their duplicates."""

    items: pa.RecordBatch
    errors: pa.RecordBatch


def deduplicate(rows: pa.RecordBatch, schema: DatasetSchema = ITEMS) -> Deduplicated:
    """Keep one row per `item_id`: the first when sorted by the columns of the dataset, file and row.

    Args:
        rows: rows of `schema` with `file` and `row`; all rows of an item are among them.
        schema: a dataset with one row per item.
    """
    names = [column.name for column in schema.columns]
    order = pc.sort_indices(rows["item_id"])
    if pc.count_distinct(rows["item_id"]).as_py() < rows.num_rows:
        keys = {name: _sortable(rows[name]) for name in [*names, FILE.name, ROW.name]}
        order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
    ordered = rows.take(order)
    ids = ordered["item_id"].dictionary_encode().indices.to_numpy()
    is_duplicate = np.concatenate([[False], ids[1:] == ids[:-1]]) if rows.num_rows else np.zeros(0, bool)
    duplicates = ordered.filter(pa.array(is_duplicate))
    return Deduplicated(
        ordered.filter(pa.array(~is_duplicate)).select(names),
        error_rows(
            schema.name, duplicates[FILE.name], duplicates[ROW.name], "duplicate_item", duplicates.select(names)
        ),
    )


def _sortable(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return pa.array([None if value is None else repr(value) for value in column.to_pylist()], pa.string())
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch, counts=Count)
class _DeduplicateFn(beam.DoFn):
    def __init__(self, schema: DatasetSchema) -> None:
        self.schema = schema

    def process(self, bucket: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Any]:
        items, errors = deduplicate(concatenate(bucket[1], with_provenance(self.schema)), self.schema)
        yield beam.pvalue.TaggedOutput(COUNTS_TAG, count(self.schema.name, items.num_rows))
        if errors.num_rows:
            yield beam.pvalue.TaggedOutput(ERRORS_TAG, errors)
        yield items


@dataclasses.dataclass
class Deduplicate(beam.PTransform):
    """Remove duplicate items from record batches with provenance.

    Attributes:
        buckets: number of buckets of items; determines memory and parallelism, not the result.
        schema: `items` or another dataset with one row per item.

    Returns:
        A tuple of three collections: record batches of the dataset, record batches of `errors`, counts.
    """

    buckets: int = 16
    schema: DatasetSchema = ITEMS

    def expand(self, rows: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
        unique = (
            rows
            | "ByItem" >> beam.ParDo(KeyByBucket("item_id", self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupItems" >> beam.GroupByKey()
            | "Keep" >> beam.ParDo(_DeduplicateFn(self.schema)).with_outputs(ERRORS_TAG, COUNTS_TAG, main="items")
        )
        return unique.items, unique[ERRORS_TAG], unique[COUNTS_TAG]
