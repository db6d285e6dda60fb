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
    ordered = _ordered(rows, schema)
    ids = ordered["item_id"].dictionary_encode().indices.to_numpy()
    is_duplicate = np.concatenate([[False], ids[1:] == ids[:-1]]) if rows.num_rows else np.zeros(0, bool)
    duplicates = ordered.filter(pa.array(is_duplicate))
    return Deduplicated(
        ordered.filter(pa.array(~is_duplicate)).select(names),
        error_rows(
            schema.name, duplicates[FILE.name], duplicates[ROW.name], "duplicate_item", duplicates.select(names)
        ),
    )


def drop_repetitions(rows: pa.RecordBatch, schema: DatasetSchema = ITEMS) -> pa.RecordBatch:
    """Drop rows that equal another one in all columns of the dataset, except for the first by file and row.

    Args:
        rows: rows of `schema` with `file` and `row`; all rows of an item are among them.
        schema: a dataset with one row per item.
    """
    ordered = _ordered(rows, schema)
    is_repeated = np.ones(max(rows.num_rows - 1, 0), bool)
    for column in schema.columns:
        codes = _sortable(ordered[column.name]).dictionary_encode(null_encoding="encode").indices.to_numpy()
        is_repeated &= codes[1:] == codes[:-1]
    first = np.ones(min(rows.num_rows, 1), bool)
    return ordered.filter(pa.array(np.concatenate([first, ~is_repeated])))


def _ordered(rows: pa.RecordBatch, schema: DatasetSchema) -> pa.RecordBatch:
    """Sort rows by `item_id`, and where an item has several by the other columns, file and row."""
    order = pc.sort_indices(rows["item_id"])
    if pc.count_distinct(rows["item_id"]).as_py() < rows.num_rows:
        names = [column.name for column in schema.columns]
        keys = {name: _sortable(rows[name]) for name in [*names, FILE.name, ROW.name]}
        order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
    return rows.take(order)


def _sortable(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return pa.array([None if value is None else repr(value) for value in column.to_pylist()], pa.string())
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch, counts=Count)
class _DeduplicateFn(beam.DoFn):
    def __init__(self, schema: DatasetSchema, repetition_is_error: bool) -> None:
        self.schema = schema
        self.repetition_is_error = repetition_is_error

    def process(self, bucket: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Any]:
        rows = concatenate(bucket[1], with_provenance(self.schema))
        if not self.repetition_is_error:
            distinct = drop_repetitions(rows, self.schema)
            repeated = count(f"{self.schema.name}_repeated", rows.num_rows - distinct.num_rows)
            yield beam.pvalue.TaggedOutput(COUNTS_TAG, repeated)
            rows = distinct
        items, errors = deduplicate(rows, self.schema)
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
        repetition_is_error: whether a row is an error that equals another one in all columns; otherwise it is counted.

    Returns:
        A tuple of three collections: record batches of the dataset, record batches of `errors`, counts.
    """

    buckets: int = 16
    schema: DatasetSchema = ITEMS
    repetition_is_error: bool = True

    def expand(self, rows: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
        unique = (
            rows
            | "ByItem" >> beam.ParDo(KeyByBucket("item_id", self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupItems" >> beam.GroupByKey()
            | "Keep"
            >> beam.ParDo(_DeduplicateFn(self.schema, self.repetition_is_error)).with_outputs(
                ERRORS_TAG, COUNTS_TAG, main="items"
            )
        )
        return unique.items, unique[ERRORS_TAG], unique[COUNTS_TAG]
