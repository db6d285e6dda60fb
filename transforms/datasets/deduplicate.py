"""Removal of duplicate items: rows that repeat another one are dropped, and others of the same id are errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.typehints import with_output_types

from schemas import ITEMS, DatasetSchema
from transforms.columnar import concatenate
from transforms.datasets.coercion import FILE, ROW, error_rows, with_provenance
from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import DUPLICATE_ITEM
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG
from transforms.shuffle import KeyByBucket


class Deduplicated(NamedTuple):
    """The rows of a catalogue, by what becomes of them.

    Attributes:
        items: distinct items.
        errors: rows of `errors` for other rows of these items.
        repeated: number of rows that equal another one in all columns, which are dropped.
    """

    items: pa.RecordBatch
    errors: pa.RecordBatch
    repeated: int


def deduplicate(rows: pa.RecordBatch, schema: DatasetSchema = ITEMS) -> Deduplicated:
    """Keep one row per `item_id`: the first when sorted by the columns of the dataset, file and row.

    A row that equals another one in all columns is no error: the result is the same whichever is kept.

    Args:
        rows: rows of `schema` with `file` and `row`; all rows of an item are among them.
        schema: a dataset with one row per item.
    """
    names = [column.name for column in schema.columns]
    ordered = _ordered(rows, schema)
    is_duplicate = _equal_to_previous(ordered["item_id"])
    is_repeated = is_duplicate & _repeats(ordered, is_duplicate, schema)
    duplicates = ordered.filter(pa.array(is_duplicate & ~is_repeated))
    return Deduplicated(
        ordered.filter(pa.array(~is_duplicate)).select(names),
        error_rows(schema.name, duplicates[FILE.name], duplicates[ROW.name], DUPLICATE_ITEM, duplicates.select(names)),
        int(is_repeated.sum()),
    )


def _repeats(
    ordered: pa.RecordBatch, is_duplicate: npt.NDArray[np.bool_], schema: DatasetSchema
) -> npt.NDArray[np.bool_]:
    """Return which rows equal the row before them in all columns of the dataset, if they may at all.

    Args:
        ordered: rows in the order of `_ordered`.
        is_duplicate: which rows have the id of the row before them.
        schema: the dataset.
    """
    repeats = is_duplicate.copy()
    for column in schema.columns:
        if repeats.any():
            repeats &= _equal_to_previous(_sortable(ordered[column.name]))
    return repeats


def _equal_to_previous(values: pa.Array) -> npt.NDArray[np.bool_]:
    codes = values.dictionary_encode(null_encoding="encode").indices.to_numpy()
    return np.concatenate([np.zeros(min(len(codes), 1), bool), codes[1:] == codes[:-1]])


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
    def __init__(self, schema: DatasetSchema) -> None:
        self.schema = schema

    def process(self, bucket: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Any]:
        rows = concatenate(bucket[1], with_provenance(self.schema))
        items, errors, repeated = deduplicate(rows, self.schema)
        if repeated:
            yield beam.pvalue.TaggedOutput(COUNTS_TAG, count(f"{self.schema.name}_repeated", repeated))
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
