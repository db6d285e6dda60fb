"""Arrow record batches as elements of Beam, and functions on arrays and offsets of lists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.coders import Coder, registry

MAX_ELEMENT_BYTES = 1 << 20
"""Approximate maximum size of a shuffled element: Flink fails on elements larger than its memory for sorting."""


class RecordBatchCoder(Coder):
    """Encodes a record batch with its schema as an Arrow IPC stream; of a slice, only its own rows are encoded."""

    def encode(self, value: pa.RecordBatch) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_batch(value)
        encoded: bytes = sink.getvalue().to_pybytes()
        return encoded

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        with pa.ipc.open_stream(encoded) as reader:
            return reader.read_next_batch()

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> type:
        return pa.RecordBatch


registry.register_coder(pa.RecordBatch, RecordBatchCoder)


def split_by_size(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Split rows into slices of equal numbers of rows, of at most about `MAX_ELEMENT_BYTES`."""
    count = -(-rows.nbytes // MAX_ELEMENT_BYTES)
    rows_per_slice = -(-rows.num_rows // max(count, 1))
    for start in range(0, rows.num_rows, max(rows_per_slice, 1)):
        yield rows.slice(start, rows_per_slice)


def concatenate(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """Concatenate batches into one; return an empty batch of `schema` if there are none."""
    return pa.concat_batches([pa.RecordBatch.from_pylist([], schema), *batches])


def run_offsets(sorted_codes: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Compute the offsets of runs of equal values: `[0, ..., len]`, one more than there are runs."""
    if not len(sorted_codes):
        return np.zeros(1, np.int64)
    changes = np.flatnonzero(sorted_codes[1:] != sorted_codes[:-1]) + 1
    return np.concatenate([[0], changes, [len(sorted_codes)]]).astype(np.int64)


def list_offsets(lengths: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Compute the offsets of consecutive lists from their lengths: `[0, ..., sum]`, one more than there are lists."""
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])


def list_array(offsets: npt.NDArray[np.integer], values: pa.Array) -> pa.ListArray:
    """Build an array of lists from their offsets and their concatenated values."""
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), values)


def without_null_lists(lists: pa.ListArray) -> pa.ListArray:
    """Replace null lists by empty ones."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return list_array(list_offsets(lengths), lists.flatten())


class Matched(NamedTuple):
    """The rows of two batches that match, aligned.

    Attributes:
        left: the rows of the left batch with a match, in their order.
        right: the matching row of the right batch for each of them.
    """

    left: pa.RecordBatch
    right: pa.RecordBatch


def match_rows(left: pa.RecordBatch, right: pa.RecordBatch, on: str) -> Matched:
    """Join two batches on a column.

    Args:
        left: rows that keep their order; those without a match are dropped.
        right: rows with distinct values of the column.
        on: the column, without nulls.
    """
    positions = pc.index_in(left[on], right[on])
    return Matched(left.filter(positions.is_valid()), right.take(positions.drop_null()))
