"""Columnar shuffles: an element is an Arrow record batch, and a key is a bucket of a stable hash.

The overhead of Beam's Python SDK is per element. To group the rows of a user or an item, record batches are therefore
split into one slice per bucket, and the slices are shuffled. Buckets are contiguous ranges of the hash, so that the
buckets of any two numbers of buckets are nested, and nothing computed per user depends on their number.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.coders import Coder, registry

MAX_ELEMENT_BYTES = 1 << 20
"""Approximate maximum size of a shuffled element: Flink fails on elements larger than its memory for sorting."""

_NAME_KEY = b"collection"
_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)


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


_READ_ONLY_BYTES = numba.types.Array(numba.types.uint8, 1, "C", readonly=True)
_READ_ONLY_HASHES = numba.types.Array(numba.types.uint64, 1, "C", readonly=True)
_READ_ONLY_OFFSETS = numba.types.Array(numba.types.int32, 1, "C", readonly=True)


@numba.njit([numba.void(_READ_ONLY_OFFSETS, _READ_ONLY_BYTES, numba.types.uint64[::1])], cache=True, nogil=True)
def _hash_strings(offsets, data, hashes):  # type: ignore[no-untyped-def]
    # Time: O(bytes).
    for i in range(len(hashes)):
        value = _FNV_OFFSET
        for position in range(offsets[i], offsets[i + 1]):
            value = (value ^ np.uint64(data[position])) * _FNV_PRIME
        # FNV-1a mixes the high bits of short strings badly, and buckets are determined by the high bits.
        value ^= value >> np.uint64(33)
        value *= np.uint64(0xFF51AFD7ED558CCD)
        value ^= value >> np.uint64(33)
        value *= np.uint64(0xC4CEB9FE1A85EC53)
        hashes[i] = value ^ (value >> np.uint64(33))


def mix_bits(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Compute an independent 64-bit hash of each number: the mixer of SplitMix64.

    Args:
        numbers: dtype uint64, of any shape.

    Returns:
        Array of the same shape and dtype.
    """
    mixed = numbers + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def stable_hash(strings: pa.StringArray) -> npt.NDArray[np.uint64]:
    """Compute a 64-bit hash of each string, equal on every machine and in every process.

    It is FNV-1a of the UTF-8 bytes, followed by the finalizer of MurmurHash3. The hash of null is that of the empty
    string.

    Returns:
        Array of shape (len(strings),), dtype uint64.
    """
    hashes = np.empty(len(strings), np.uint64)
    _hash_strings(*_buffers(strings), hashes)
    return hashes


def _buffers(strings: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Return the offsets, shape (len(strings) + 1,), and the UTF-8 bytes of strings; null is empty."""
    if strings.null_count:
        strings = pc.fill_null(strings, "")
    _, offsets, data = strings.buffers()
    octets = np.frombuffer(data or b"", np.uint8)
    if not len(strings) or offsets is None:
        return np.zeros(len(strings) + 1, np.int32), octets
    return np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + len(strings) + 1], octets


class StringIndex:
    """A hash table from distinct strings to their positions, built once for lookups of many batches.

    Args:
        strings: distinct strings without null.
    """

    def __init__(self, strings: pa.StringArray) -> None:
        self._strings = _buffers(strings)
        self._hashes = stable_hash(strings)
        slots = 1 << max(2 * len(strings), 1).bit_length()
        self._table = np.full(slots, -1, np.int32)
        _fill_table(self._hashes, self._table)

    def lookup(self, strings: pa.StringArray) -> npt.NDArray[np.int32]:
        """Return the position of each string, -1 if it is not in the index. Shape (len(strings),), dtype int32."""
        found = np.empty(len(strings), np.int32)
        _look_up(*_buffers(strings), stable_hash(strings), *self._strings, self._hashes, self._table, found)
        return found


@numba.njit([numba.void(_READ_ONLY_HASHES, numba.types.int32[::1])], cache=True, nogil=True)
def _fill_table(hashes, table):  # type: ignore[no-untyped-def]
    # Open addressing with linear probing; at least half of the slots stay free, so the expected time is O(strings).
    mask = np.uint64(len(table) - 1)
    for position in range(len(hashes)):
        slot = hashes[position] & mask
        while table[slot] != -1:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = position


@numba.njit(
    [
        numba.void(
            _READ_ONLY_OFFSETS,
            _READ_ONLY_BYTES,
            _READ_ONLY_HASHES,
            _READ_ONLY_OFFSETS,
            _READ_ONLY_BYTES,
            _READ_ONLY_HASHES,
            _READ_ONLY_OFFSETS,
            numba.types.int32[::1],
        )
    ],
    cache=True,
    nogil=True,
)
def _look_up(offsets, data, hashes, own_offsets, own_data, own_hashes, table, found):  # type: ignore[no-untyped-def]
    # Expected time: O(rows + bytes). Bytes are compared only where hash and length are equal.
    mask = np.uint64(len(table) - 1)
    for row in range(len(hashes)):
        slot = hashes[row] & mask
        length = offsets[row + 1] - offsets[row]
        found[row] = -1
        while table[slot] != -1:
            position = table[slot]
            start = own_offsets[position]
            if own_hashes[position] == hashes[row] and own_offsets[position + 1] - start == length:
                same = 0
                while same < length and own_data[start + same] == data[offsets[row] + same]:
                    same += 1
                if same == length:
                    found[row] = position
                    break
            slot = (slot + np.uint64(1)) & mask


def bucket_ids(strings: pa.StringArray, count: int) -> npt.NDArray[np.int64]:
    """Compute the bucket of each string: contiguous ranges of nearly equal size of the stable hash.

    Args:
        strings: the keys.
        count: number of buckets, from 1 to 2**31.

    Returns:
        Array of shape (len(strings),), dtype int64, values in [0, count).
    """
    high = stable_hash(strings) >> np.uint64(32)
    return ((high * np.uint64(count)) >> np.uint64(32)).astype(np.int64)


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
