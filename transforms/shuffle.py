"""Columnar shuffles: an element is an Arrow record batch, and a key is a bucket of a stable hash.

The overhead of Beam's Python SDK is per element. To group the rows of a user or an item, record batches are therefore
split into one slice per bucket, and the slices are shuffled. Buckets are contiguous ranges of the hash, so that the
buckets of any two numbers of buckets are nested, and nothing computed per user depends on their number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa

from transforms.columnar import split_by_size
from transforms.hashing import bucket_ids

_NAME_KEY = b"collection"


def split_by_bucket(rows: pa.RecordBatch, column: str, count: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Split rows by the bucket of `column`; rows of a bucket keep their order.

    Yields:
        (bucket, rows of the bucket), by bucket; several times for a bucket larger than about `MAX_ELEMENT_BYTES`.
    """
    if not rows.num_rows:
        return
    buckets = bucket_ids(rows[column], count)
    if buckets.min() == buckets.max():
        yield from ((int(buckets[0]), batch) for batch in split_by_size(rows))
        return
    order = np.argsort(buckets.astype(np.uint16) if count <= 1 << 16 else buckets, kind="stable")
    ordered = rows.take(pa.array(order))
    present, starts = np.unique(buckets[order], return_index=True)
    ends = np.append(starts[1:], rows.num_rows)
    for bucket, start, end in zip(present.tolist(), starts.tolist(), ends.tolist(), strict=True):
        for batch in split_by_size(ordered.slice(start, end - start)):
            yield bucket, batch


class KeyByBucket(beam.DoFn):
    """Splits record batches by the bucket of one column, and keys them by it."""

    def __init__(self, column: str, count: int) -> None:
        self.column = column
        self.count = count

    def process(self, rows: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        yield from split_by_bucket(rows, self.column, self.count)


class _Tagged(Iterable[pa.RecordBatch]):
    """The batches with one name in their schema, without the name; re-iterable if the batches are."""

    def __init__(self, batches: Iterable[pa.RecordBatch], name: str) -> None:
        self.batches = batches
        self.name = name.encode()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for rows in self.batches:
            if rows.schema.metadata[_NAME_KEY] == self.name:
                yield rows.replace_schema_metadata(None)


def _add_name(rows: pa.RecordBatch, name: str) -> pa.RecordBatch:
    return rows.replace_schema_metadata({_NAME_KEY: name})


@dataclasses.dataclass
class CoGroupByBucket(beam.PTransform):
    """Group named collections of record batches by bucket, as `CoGroupByKey` groups them by key.

    `CoGroupByKey` does not declare the type of the elements that it shuffles, so they would be pickled; here they stay
    columnar. The names are stored in the metadata of the schemas.

    Attributes:
        column: the column that determines the bucket; all collections have it.
        buckets: number of buckets.

    Returns:
        A collection of (bucket, {name: record batches of the bucket}).
    """

    column: str
    buckets: int

    def expand(self, collections: Mapping[str, beam.PCollection]) -> beam.PCollection:
        names = list(collections)
        by_bucket = beam.ParDo(KeyByBucket(self.column, self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
        named = tuple(
            rows
            | f"Name[{name}]" >> beam.Map(_add_name, name).with_output_types(pa.RecordBatch)
            | f"By[{name}]" >> by_bucket
            for name, rows in collections.items()
        )
        return (
            named
            | "All" >> beam.Flatten()
            | "Group" >> beam.GroupByKey()
            | "SplitByName"
            >> beam.MapTuple(lambda bucket, batches: (bucket, {name: _Tagged(batches, name) for name in names}))
        )


@dataclasses.dataclass
class ApplyGlobally(beam.PTransform):
    """Apply a function once to all record batches of a collection.

    The batches are a side input, because a combine would have to fit into a runner's memory for sorting.

    Attributes:
        function: takes an iterable of record batches, in any order, then `arguments`, and returns a record batch.
        arguments: additional arguments, which may be side inputs.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        apply = beam.Map(_apply_globally, self.function, beam.pvalue.AsIter(batches), *self.arguments)
        return batches.pipeline | "Once" >> beam.Impulse() | "Apply" >> apply.with_output_types(pa.RecordBatch)


def _apply_globally(_: bytes, function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
