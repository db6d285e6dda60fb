"""The columnar shuffle: an element is an Arrow record batch, and a key is a bucket of a stable hash.

Beam's Python overhead is paid per element. Rows of one user, or of one item, are therefore brought together by cutting
record batches into one piece for each bucket and shuffling the pieces. Buckets are contiguous ranges of the hash, so
that any two numbers of buckets cut the same hashes at nested places, and nothing computed per user depends on them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.coders import Coder, registry

MAX_ELEMENT_BYTES = 1 << 20
"""About the most that is shuffled in one piece: Flink fails on an element that outgrows its memory for sorting."""

_MARK = b"collection"
_FNV_OFFSET = np.uint64(0xCBF29CE484222325)
_FNV_PRIME = np.uint64(0x100000001B3)


class RecordBatchCoder(Coder):
    """A record batch as an Arrow IPC stream: the schema travels along, slices are cut out of their buffers."""

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
    for i in range(len(hashes)):
        value = _FNV_OFFSET
        for position in range(offsets[i], offsets[i + 1]):
            value = (value ^ np.uint64(data[position])) * _FNV_PRIME
        # FNV-1a leaves the high bits of short strings alike, and buckets are cut from the high bits.
        value ^= value >> np.uint64(33)
        value *= np.uint64(0xFF51AFD7ED558CCD)
        value ^= value >> np.uint64(33)
        value *= np.uint64(0xC4CEB9FE1A85EC53)
        hashes[i] = value ^ (value >> np.uint64(33))


def stable_hash(strings: pa.StringArray) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each string that is the same on every machine and in every process.

    FNV-1a over the UTF-8 bytes, finished by MurmurHash3's mixer. Null hashes like the empty string.

    Returns:
        Array of shape (len(strings),), dtype uint64.
    """
    hashes = np.empty(len(strings), np.uint64)
    _hash_strings(*_buffers(strings), hashes)
    return hashes


def _buffers(strings: pa.StringArray) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint8]]:
    """Offsets, shape (len(strings) + 1,), and the bytes that they point into; null is empty."""
    if strings.null_count:
        strings = pc.fill_null(strings, "")
    _, offsets, data = strings.buffers()
    octets = np.frombuffer(data or b"", np.uint8)
    if not len(strings) or offsets is None:
        return np.zeros(len(strings) + 1, np.int32), octets
    return np.frombuffer(offsets, np.int32)[strings.offset : strings.offset + len(strings) + 1], octets


class StringIndex:
    """Positions of distinct strings, for looking up many batches: a hash table that is built once.

    Args:
        strings: distinct, none null.
    """

    def __init__(self, strings: pa.StringArray) -> None:
        self._strings = _buffers(strings)
        self._hashes = stable_hash(strings)
        slots = 1 << max(2 * len(strings), 1).bit_length()
        self._table = np.full(slots, -1, np.int32)
        _fill_table(self._hashes, self._table)

    def lookup(self, strings: pa.StringArray) -> npt.NDArray[np.int32]:
        """The position of each string, -1 where it is not known. Shape (len(strings),), dtype int32."""
        found = np.empty(len(strings), np.int32)
        _look_up(*_buffers(strings), stable_hash(strings), *self._strings, self._hashes, self._table, found)
        return found


@numba.njit([numba.void(_READ_ONLY_HASHES, numba.types.int32[::1])], cache=True, nogil=True)
def _fill_table(hashes, table):  # type: ignore[no-untyped-def]
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
def _look_up(offsets, data, hashes, known_offsets, known_data, known_hashes, table, found):  # type: ignore[no-untyped-def]
    mask = np.uint64(len(table) - 1)
    for row in range(len(hashes)):
        slot = hashes[row] & mask
        length = offsets[row + 1] - offsets[row]
        found[row] = -1
        while table[slot] != -1:
            position = table[slot]
            start = known_offsets[position]
            if known_hashes[position] == hashes[row] and known_offsets[position + 1] - start == length:
                same = 0
                while same < length and known_data[start + same] == data[offsets[row] + same]:
                    same += 1
                if same == length:
                    found[row] = position
                    break
            slot = (slot + np.uint64(1)) & mask


def bucket_ids(strings: pa.StringArray, count: int) -> npt.NDArray[np.int64]:
    """The bucket of each string among `count`: contiguous, nearly equal ranges of the stable hash.

    Args:
        strings: the keys.
        count: number of buckets, from 1 to 2**31.

    Returns:
        Array of shape (len(strings),), dtype int64, values in [0, count).
    """
    high = stable_hash(strings) >> np.uint64(32)
    return ((high * np.uint64(count)) >> np.uint64(32)).astype(np.int64)


def split_by_bucket(rows: pa.RecordBatch, column: str, count: int) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Cuts rows into pieces of one bucket of `column` each, by bucket; rows keep their order.

    A bucket has one piece, or several where its rows are more than about `MAX_ELEMENT_BYTES`.
    """
    if not rows.num_rows:
        return
    buckets = bucket_ids(rows[column], count)
    if buckets.min() == buckets.max():
        yield from ((int(buckets[0]), piece) for piece in split_by_size(rows))
        return
    order = np.argsort(buckets.astype(np.uint16) if count <= 1 << 16 else buckets, kind="stable")
    ordered = rows.take(pa.array(order))
    present, starts = np.unique(buckets[order], return_index=True)
    ends = np.append(starts[1:], rows.num_rows)
    for bucket, start, end in zip(present.tolist(), starts.tolist(), ends.tolist(), strict=True):
        for piece in split_by_size(ordered.slice(start, end - start)):
            yield bucket, piece


def split_by_size(rows: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Slices of equal numbers of rows, of about `MAX_ELEMENT_BYTES` at most; a row is never cut."""
    count = -(-rows.nbytes // MAX_ELEMENT_BYTES)
    rows_per_piece = -(-rows.num_rows // max(count, 1))
    for start in range(0, rows.num_rows, max(rows_per_piece, 1)):
        yield rows.slice(start, rows_per_piece)


def concatenate(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """All rows in one batch; an empty batch of `schema` when there is none."""
    return pa.concat_batches([pa.RecordBatch.from_pylist([], schema), *batches])


def run_offsets(sorted_codes: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Offsets of the runs of equal values: `[0, ..., len]`, one more than there are runs."""
    if not len(sorted_codes):
        return np.zeros(1, np.int64)
    changes = np.flatnonzero(sorted_codes[1:] != sorted_codes[:-1]) + 1
    return np.concatenate([[0], changes, [len(sorted_codes)]]).astype(np.int64)


class KeyByBucket(beam.DoFn):
    """Keys pieces of record batches by the bucket of one column."""

    def __init__(self, column: str, count: int) -> None:
        self.column = column
        self.count = count

    def process(self, rows: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
        yield from split_by_bucket(rows, self.column, self.count)


class _Tagged(Iterable[pa.RecordBatch]):
    """Those of some batches that carry a mark, without it; can be gone through again where the batches can."""

    def __init__(self, batches: Iterable[pa.RecordBatch], name: str) -> None:
        self.batches = batches
        self.name = name.encode()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for rows in self.batches:
            if rows.schema.metadata[_MARK] == self.name:
                yield rows.replace_schema_metadata(None)


def _mark(rows: pa.RecordBatch, name: str) -> pa.RecordBatch:
    return rows.replace_schema_metadata({_MARK: name})


@dataclasses.dataclass
class CoGroupByBucket(beam.PTransform):
    """Collections of record batches, by name -> (bucket, {name: the rows of the bucket}), as `CoGroupByKey` does it.

    That one does not tell the type of what it shuffles, which is pickled therefore; here it stays columnar. The names
    travel in the schemas.

    Attributes:
        column: whose bucket decides; all collections have it.
        buckets: how many there are.
    """

    column: str
    buckets: int

    def expand(self, collections: Mapping[str, beam.PCollection]) -> beam.PCollection:
        names = list(collections)
        by_bucket = beam.ParDo(KeyByBucket(self.column, self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
        pieces = tuple(
            rows
            | f"Mark[{name}]" >> beam.Map(_mark, name).with_output_types(pa.RecordBatch)
            | f"By[{name}]" >> by_bucket
            for name, rows in collections.items()
        )
        return (
            pieces
            | "All" >> beam.Flatten()
            | "Group" >> beam.GroupByKey()
            | "Name"
            >> beam.MapTuple(lambda bucket, batches: (bucket, {name: _Tagged(batches, name) for name in names}))
        )


@dataclasses.dataclass
class ApplyGlobally(beam.PTransform):
    """All record batches of a collection -> what a function makes of them, called once.

    They come as a side input: as elements of a combine they would have to fit into a runner's share for sorting.

    Attributes:
        function: takes an iterable of record batches, in any order, then `arguments`.
        arguments: further ones; side inputs among them.
    """

    function: Callable[..., Any]
    arguments: tuple[Any, ...] = ()

    def expand(self, batches: beam.PCollection) -> beam.PCollection:
        apply = beam.Map(_apply_to_all, self.function, beam.pvalue.AsIter(batches), *self.arguments)
        return batches.pipeline | "Once" >> beam.Impulse() | "Apply" >> apply.with_output_types(pa.RecordBatch)


def _apply_to_all(_: bytes, function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)
