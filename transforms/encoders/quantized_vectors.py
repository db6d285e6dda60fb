"""Vectors of items quantized to int8: a quarter of the memory, and exact dot products.

Whole numbers up to 2**24 are exact in float32. With components of at most 127, dot products of up to 1,040 dimensions
stay below, so they are the same in any order of summation: no journey depends on the machine.
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
"""A vector of int8, one byte each; null: the item has none."""

ITEM_VECTORS = pa.schema([pa.field("item_id", pa.string(), nullable=False), VECTOR])
"""Items and their vectors."""

Sums: TypeAlias = npt.NDArray[np.int64]
"""The number of some directions, then the sum of each component in units of 2**-30; shape (1 + dimensions,)."""

_MAX_COMPONENT = 127
_EXACT_BELOW = 1 << 24
_UNIT = 1 << 30


def quantize_vectors(vectors: npt.NDArray[np.floating]) -> npt.NDArray[np.int8]:
    """Scale vectors so that the largest component is 127, or less above 1,040 dimensions, and round them.

    In 384 dimensions, directions change by less than 0.7 degrees. Lengths are lost: only the direction is used.

    Args:
        vectors: shape (items, dimensions); vectors of zeros stay zero.

    Returns:
        int8, of the same shape.

    Raises:
        ValueError: if a component is not finite.
    """
    if not np.isfinite(vectors).all():
        raise ValueError("vectors must be finite")
    largest = np.abs(vectors).max(axis=1, initial=0, keepdims=True).astype(np.float64)
    level = min(_MAX_COMPONENT, math.isqrt((_EXACT_BELOW - 1) // max(vectors.shape[1], 1)))
    scaled = vectors * (level / np.where(largest > 0, largest, 1))
    quantized: npt.NDArray[np.int8] = np.rint(scaled).astype(np.int8)
    return quantized


def _is_nonzero(quantized: npt.NDArray[np.int8]) -> npt.NDArray[np.bool_]:
    """Return whether each vector has a component other than 0, bool, shape (items,)."""
    return np.asarray(quantized.any(axis=1), bool)


def _directions(quantized: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
    """Scale vectors to length 1; zeros stay zero. The result has the same bits on every machine."""
    squares = (quantized.astype(np.int64) ** 2).sum(axis=1)
    return quantized / np.sqrt(np.where(squares > 0, squares, 1))[:, None]


def sum_directions(quantized: npt.NDArray[np.int8]) -> Sums:
    """Sum the directions of quantized vectors other than zero; exact, so sums can be added in any order."""
    fixed = np.rint(_directions(quantized) * _UNIT).astype(np.int64)
    return np.concatenate([[np.count_nonzero(_is_nonzero(quantized))], fixed.sum(axis=0)]).astype(np.int64)


def add_sums(sums: Iterable[Sums]) -> Sums:
    """Add sums of directions; without any, return the sums of no direction.

    Raises:
        DataError: if vectors have different numbers of dimensions.
    """
    nonzero = [each for each in sums if each[0]]
    _one_dimension(np.unique([len(each) - 1 for each in nonzero]))
    return np.sum(nonzero, axis=0, dtype=np.int64) if nonzero else np.zeros(2, np.int64)


def subtract_mean(quantized: npt.NDArray[np.int8], sums: Sums) -> npt.NDArray[np.int8]:
    """Subtract the mean direction of a catalogue.

    In a catalogue of one domain all vectors have a common component, which does not distinguish journeys.

    Args:
        quantized: quantized vectors, shape (items, dimensions); zeros stay zero.
        sums: sums of the directions of the whole catalogue.

    Returns:
        Quantized vectors of the same shape. A vector that equals the mean becomes zero.
    """
    nonzero = _is_nonzero(quantized)
    if not nonzero.any():
        return quantized
    mean = sums[1:] / (_UNIT * max(int(sums[0]), 1))
    return quantize_vectors(np.where(nonzero[:, None], _directions(quantized) - mean, 0))


def quantize_lists(lists: pa.Array) -> npt.NDArray[np.int8]:
    """Quantize lists of numbers, all of one length; null and empty lists become zeros.

    Raises:
        DataError: if lengths differ.
    """
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    dimension = _one_dimension(np.unique(lengths))
    quantized = np.zeros((len(lists), dimension), np.int8)
    values = lists.flatten().to_numpy(zero_copy_only=False)
    quantized[lengths > 0] = quantize_vectors(values.reshape(-1, dimension))
    return quantized


def column_of(quantized: npt.NDArray[np.int8]) -> pa.LargeBinaryArray:
    """Convert quantized vectors to a column; zeros become null."""
    nonzero = _is_nonzero(quantized)
    ends = list_offsets(nonzero * quantized.shape[1])
    validity = pa.py_buffer(np.packbits(nonzero, bitorder="little"))
    buffers = [validity, pa.py_buffer(ends), pa.py_buffer(np.ascontiguousarray(quantized[nonzero]))]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(quantized), buffers)


def quantize_rows(rows: pa.RecordBatch, column: str) -> pa.RecordBatch:
    """Convert rows with `item_id` and lists of numbers to rows of `ITEM_VECTORS`.

    Args:
        rows: further columns are ignored.
        column: name of the column with the lists.

    Raises:
        DataError: if vectors have different numbers of dimensions.
    """
    return pa.RecordBatch.from_arrays([rows["item_id"], column_of(quantize_lists(rows[column]))], schema=ITEM_VECTORS)


def sum_rows(rows: pa.RecordBatch) -> Sums:
    """Sum the directions of rows of `ITEM_VECTORS`."""
    return sum_directions(matrix_of(rows[VECTOR.name]))


def subtract_mean_rows(rows: pa.RecordBatch, sums: Sums) -> pa.RecordBatch:
    """Subtract the mean direction of a catalogue from rows of `ITEM_VECTORS`."""
    centred = column_of(subtract_mean(matrix_of(rows[VECTOR.name]), sums))
    return pa.RecordBatch.from_arrays([rows["item_id"], centred], schema=ITEM_VECTORS)


def matrix_of(column: pa.LargeBinaryArray) -> npt.NDArray[np.int8]:
    """Convert a column to quantized vectors, shape (items, dimensions), read-only; null becomes zeros.

    The data is copied only if there are nulls.

    Raises:
        DataError: if vectors have different numbers of dimensions.
    """
    _, offsets, data = column.buffers()
    if offsets is None or not len(column):
        return np.zeros((0, 1), np.int8)
    ends = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    lengths = np.diff(ends)
    dimension = _one_dimension(np.unique(lengths))
    octets = np.frombuffer(data or b"", np.int8)
    if lengths.min() == dimension:
        matrix = octets[ends[0] : ends[-1]].reshape(len(column), dimension)
    else:
        matrix = np.zeros((len(column), dimension), np.int8)
        matrix[lengths > 0] = octets[ends[0] : ends[-1]].reshape(-1, dimension)
    matrix.flags.writeable = False  # always, because kernels are compiled for each type: see `warm_up`
    return matrix


def _one_dimension(lengths: npt.NDArray[np.integer]) -> int:
    """Return the only length above 0; 1 if there is none."""
    found = lengths[lengths > 0].tolist()
    if len(found) > 1:
        raise DataError(f"vectors of items must have one length, got lengths {found}; nothing was committed")
    return int(found[0]) if found else 1
