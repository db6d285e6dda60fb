"""Vectors of items in small integers: a quarter of the room, and sums of products that are exact.

Whole numbers up to 2**24 are exact in float32. With components of at most 127, dot products of up to 1,040 of them stay
below, so they are the same whatever the order in which a processor adds them up: no journey depends on the machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_offsets
from transforms.datasets.error_rate import DataError

VECTOR = pa.field("vector", pa.large_binary())
"""A vector of small integers, one byte each; null where there is none."""

ITEM_VECTORS = pa.schema([pa.field("item_id", pa.string(), nullable=False), VECTOR])
"""Items and their vectors."""

Sums: TypeAlias = npt.NDArray[np.int64]
"""Of some directions: their number, then the sum of each component in units of 2**-30. Shape (1 + dimensions,)."""

_LARGEST = 127
_EXACT_BELOW = 1 << 24
_UNIT = 1 << 30


def quantize_vectors(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.int8]:
    """Vectors scaled so that the largest component is 127, or less where there are more than 1,040, and rounded.

    Directions of 384 numbers are kept within 0.7 degrees. Lengths are not kept: a vector stands for its direction.

    Args:
        vectors: shape (items, dimensions), of any length; vectors of zeros stay so.

    Returns:
        int8, of the same shape.

    Raises:
        ValueError: when a component is not finite.
    """
    if not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite")
    largest = np.abs(vectors).max(axis=1, initial=0, keepdims=True).astype(np.float64)
    level = min(_LARGEST, math.isqrt((_EXACT_BELOW - 1) // max(vectors.shape[1], 1)))
    scaled = vectors * (level / np.where(largest > 0, largest, 1))
    compact: npt.NDArray[np.int8] = np.rint(scaled).astype(np.int8)
    return compact


def _is_nonzero(compact: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    return np.asarray(compact.any(axis=1), bool)


def _directions(compact: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
    """The same directions, of length 1; zeros stay so. The same bits on every machine."""
    squares = (compact.astype(np.int64) ** 2).sum(axis=1)
    return compact / np.sqrt(np.where(squares > 0, squares, 1))[:, None]


def sum_directions(compact: npt.NDArray[np.int8]) -> Sums:
    """The sums of the directions of compact vectors, zeros left out; exact, so they can be added up in any order."""
    fixed = np.rint(_directions(compact) * _UNIT).astype(np.int64)
    return np.concatenate([[np.count_nonzero(_is_nonzero(compact))], fixed.sum(axis=0)]).astype(np.int64)


def add_sums(sums: Iterable[Sums]) -> Sums:
    """The sums of all; without any, of no direction.

    Raises:
        DataError: when directions differ in length.
    """
    known = [each for each in sums if each[0]]
    _one_dimension(np.unique([len(each) - 1 for each in known]))
    return np.sum(known, axis=0, dtype=np.int64) if known else np.zeros(2, np.int64)


def subtract_mean(compact: npt.NDArray[np.int8], sums: Sums) -> npt.NDArray[np.int8]:
    """Directions as seen from the mean of a catalogue.

    In a catalogue about one thing all items point the same way. What they have in common says nothing about a journey,
    so it is taken away.

    Args:
        compact: compact vectors, shape (items, dimensions); zeros stay so.
        sums: of the whole catalogue.

    Returns:
        Compact vectors, of the same shape. One that equals the mean becomes zero.
    """
    there = _is_nonzero(compact)
    if not there.any():
        return compact
    mean = sums[1:] / (_UNIT * max(int(sums[0]), 1))
    return quantize_vectors(np.where(there[:, None], _directions(compact) - mean, 0))


def quantize_lists(lists: pa.Array) -> npt.NDArray[np.int8]:
    """Lists of numbers, all of one length, as compact vectors; null and empty ones become zeros.

    Raises:
        DataError: when lengths differ.
    """
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    dimension = _one_dimension(np.unique(lengths))
    compact = np.zeros((len(lists), dimension), np.int8)
    values = lists.flatten().to_numpy(zero_copy_only=False)
    compact[lengths > 0] = quantize_vectors(values.reshape(-1, dimension))
    return compact


def column_of(compact: npt.NDArray[np.int8]) -> pa.LargeBinaryArray:
    """Compact vectors as a column; zeros become null."""
    there = _is_nonzero(compact)
    ends = list_offsets(there * compact.shape[1])
    validity = pa.py_buffer(np.packbits(there, bitorder="little"))
    buffers = [validity, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(compact[there]))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(compact), buffers)


def quantize_rows(rows: pa.RecordBatch, column: str) -> pa.RecordBatch:
    """Rows of `ITEM_VECTORS` from rows with `item_id` and lists of numbers.

    Args:
        rows: as said, perhaps with further columns.
        column: that of the lists.

    Raises:
        DataError: when vectors differ in length.
    """
    return pa.RecordBatch.from_arrays([rows["item_id"], column_of(quantize_lists(rows[column]))], schema=ITEM_VECTORS)


def sum_rows(rows: pa.RecordBatch) -> Sums:
    """`sum_directions` of rows of `ITEM_VECTORS`."""
    return sum_directions(matrix_of(rows[VECTOR.name]))


def subtract_mean_rows(rows: pa.RecordBatch, sums: Sums) -> pa.RecordBatch:
    """`subtract_mean` of rows of `ITEM_VECTORS`."""
    centred = column_of(subtract_mean(matrix_of(rows[VECTOR.name]), sums))
    return pa.RecordBatch.from_arrays([rows["item_id"], centred], schema=ITEM_VECTORS)


def matrix_of(column: pa.LargeBinaryArray) -> npt.NDArray[np.int8]:
    """Compact vectors as a matrix, shape (items, dimensions); zeros where there is none. Copies only where it must.

    Raises:
        DataError: when vectors differ in length.
    """
    _, offsets, data = column.buffers()
    if offsets is None or not len(column):
        return np.zeros((0, 1), np.int8)
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    lengths = np.diff(ends)
    dimension = _one_dimension(np.unique(lengths))
    octets = np.frombuffer(data or b"", np.int8)
    if lengths.min() == dimension:
        return octets[ends[0] : ends[-1]].reshape(len(column), dimension)
    matrix = np.zeros((len(column), dimension), np.int8)
    matrix[lengths > 0] = octets[ends[0] : ends[-1]].reshape(-1, dimension)
    return matrix


def _one_dimension(lengths: npt.NDArray[np.integer]) -> int:
    found = lengths[lengths > 0].tolist()
    if len(found) > 1:
        raise DataError(f"vectors of items must be of one length, got lengths {found}; nothing was committed")
    return int(found[0]) if found else 1
