"""Rows about items -> one row for each item."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ITEMS, DatasetSchema
from transforms.columnar import KeyByBucket, concatenate
from transforms.datasets.coercion import FILE, ROW, error_rows, with_provenance
from transforms.datasets.counts import count
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG


class Deduplicated(NamedTuple):
    """Items once each, and rows of `errors` for those that came again."""

    items: pa.RecordBatch
    errors: pa.RecordBatch


def deduplicate(located: pa.RecordBatch, schema: DatasetSchema = ITEMS) -> Deduplicated:
    """Of several rows with one `item_id` the first by the other columns, in their order, is kept.

    Args:
        located: rows of `schema` with `file` and `row`; all rows of an item are among them.
        schema: a dataset with one row for each item.
    """
    names = [column.name for column in schema.columns]
    order = pc.sort_indices(located["item_id"])
    if pc.count_distinct(located["item_id"]).as_py() < located.num_rows:
        keys = {name: _sortable(located[name]) for name in [*names, FILE.name, ROW.name]}
        order = pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in keys])
    rows = located.take(order)
    ids = rows["item_id"].dictionary_encode().indices.to_numpy()
    again = np.concatenate([[False], ids[1:] == ids[:-1]]) if rows.num_rows else np.zeros(0, bool)
    repeated = rows.filter(pa.array(again))
    return Deduplicated(
        rows.filter(pa.array(~again)).select(names),
        error_rows(schema.name, repeated[FILE.name], repeated[ROW.name], "duplicate_item", repeated.select(names)),
    )


def _sortable(column: pa.Array) -> pa.Array:
    if pa.types.is_list(column.type):
        return pa.array([None if value is None else repr(value) for value in column.to_pylist()], pa.string())
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


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
    """Rows of `items`, or of another dataset about items, with their place -> one row for each item.

    Attributes:
        buckets: how many pieces the catalogue is cut into; decides memory and parallelism, not the result.
        schema: the dataset.

    Returns:
        A tuple of three collections: record batches of the dataset, record batches of `errors`, counts.
    """

    buckets: int = 16
    schema: DatasetSchema = ITEMS

    def expand(self, located: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
        unique = (
            located
            | "ByItem" >> beam.ParDo(KeyByBucket("item_id", self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupItems" >> beam.GroupByKey()
            | "Keep" >> beam.ParDo(_DeduplicateFn(self.schema)).with_outputs(ERRORS_TAG, COUNTS_TAG, main="items")
        )
        # Tagged outputs have no type of their own, and would be pickled: each slice with all that it was cut from.
        unique.items.element_type = pa.RecordBatch
        return unique.items, unique[ERRORS_TAG], unique[COUNTS_TAG]
