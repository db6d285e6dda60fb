"""A table of the terms of a vocabulary: their specificity and their contexts.

The context of a term is the sum of the vectors of the items with the term in their text. Vectors are quantized to whole
numbers, so that sums and products are exact, and no bit depends on how items are split into batches.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import concatenate, list_array, run_offsets

SCALE = 2048
"""Vectors of unit length are rounded to multiples of 1 / SCALE. Dot products of two of them are below 2 ** 23, where
float32 is exact."""

Directions: TypeAlias = npt.NDArray[np.int16]
Floats: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]

TERM_SUMS = pa.schema(
    [
        pa.field("term", pa.string(), nullable=False),
        pa.field("items", pa.int64(), nullable=False),
        pa.field("given", pa.int64(), nullable=False),
        pa.field("sum", pa.list_(pa.int64()), nullable=False),
    ]
)
"""Per term: the number of items with it, the number of those with it among their tags and queries, and the sum of their
vectors in multiples of 1 / SCALE."""


class TermTable(NamedTuple):
    """The terms of a vocabulary; the most frequent ones have a context.

    Attributes:
        terms: all terms of the vocabulary, sorted.
        spellings: how each of them is written.
        specificity: float64, shape (terms,).
        rows: int64, shape (terms,): the row of a term's context; -1: it has none.
        codes: int64, shape (rows,): the term of each row, ascending.
        items: int64, shape (rows,): number of items with the term.
        given: int64, shape (rows,): number of these items with the term among their tags and queries.
        lengths: float64, shape (rows,): length of the sum of their vectors of unit length.
        directions: int16, shape (rows, dimensions): direction of that sum, of length SCALE.
        catalogue: number of items of the catalogue.
    """

    terms: pa.StringArray
    spellings: pa.StringArray
    specificity: Floats
    rows: Integers
    codes: Integers
    items: Integers
    given: Integers
    lengths: Floats
    directions: Directions
    catalogue: int


def quantize(vectors: npt.NDArray[np.floating]) -> Directions:
    """Round vectors of unit length to multiples of 1 / SCALE, dtype int16, of the same shape."""
    return np.rint(np.asarray(vectors, np.float64) * SCALE).astype(np.int16)


def lengths_of(directions: npt.NDArray[np.number]) -> Floats:
    """Compute the length of each row, float64, shape (rows,)."""
    whole = directions.astype(np.float64)
    return np.asarray(np.sqrt((whole * whole).sum(axis=1)))


def cosines(left: Directions, right: Directions) -> Floats:
    """Compute the cosines of all pairs of rows, float64, shape (left, right); 0 for rows of zeros."""
    products = (left.astype(np.float32) @ right.astype(np.float32).T).astype(np.float64)
    products /= np.maximum(lengths_of(left), 1.0)[:, None]
    products /= np.maximum(lengths_of(right), 1.0)[None, :]
    return products


def term_sums(terms: pa.ListArray, given: pa.ListArray, vectors: Directions) -> pa.RecordBatch:
    """Sum the vectors of the items of each term.

    Args:
        terms: the terms of each item, each once.
        given: the terms of its tags and queries; only those among `terms` of some item are used.
        vectors: vectors of the items, shape (items, dimensions).

    Returns:
        Rows of `TERM_SUMS`, sorted by term.
    """
    flat = terms.flatten().dictionary_encode()
    codes, items = flat.indices.to_numpy(), pc.list_parent_indices(terms).to_numpy()
    order = np.argsort(codes, kind="stable")
    ends = run_offsets(codes[order])
    sums = np.empty((len(ends) - 1, vectors.shape[1]), np.int64)
    for row, (start, end) in enumerate(zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)):
        sums[row] = vectors[items[order[start:end]]].sum(axis=0, dtype=np.int64)
    names = flat.dictionary.take(pa.array(codes[order[ends[:-1]]]))
    labels = pc.index_in(given.flatten(), names).drop_null().to_numpy()
    return _sums(names, np.diff(ends), np.bincount(labels, minlength=len(names)), sums)


def _sums(
    names: pa.StringArray,
    items: npt.NDArray[np.integer],
    given: npt.NDArray[np.integer],
    sums: npt.NDArray[np.int64],
) -> pa.RecordBatch:
    offsets = np.arange(len(sums) + 1, dtype=np.int32) * np.int32(sums.shape[1])
    lists = list_array(offsets, pa.array(sums.ravel()))
    counts = [pa.array(each.astype(np.int64)) for each in (items, given)]
    rows = pa.RecordBatch.from_arrays([names, *counts, lists], schema=TERM_SUMS)
    return rows.take(pc.sort_indices(rows["term"]))


def add_term_sums(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Add rows of `TERM_SUMS` of parts of a catalogue: one row for each term, sorted by term."""
    rows = concatenate(batches, TERM_SUMS)
    if not rows.num_rows:
        return rows
    rows = rows.take(pc.sort_indices(rows["term"]))
    starts = run_offsets(rows["term"].dictionary_encode().indices.to_numpy())[:-1]
    matrix = rows["sum"].flatten().to_numpy().reshape(rows.num_rows, -1)
    items, given = (np.add.reduceat(rows[name].to_numpy(), starts) for name in ("items", "given"))
    return _sums(rows["term"].take(pa.array(starts)), items, given, np.add.reduceat(matrix, starts))


def top_frequent(vocabulary: pa.RecordBatch, count: int) -> pa.StringArray:
    """Select the terms that get a context: the most frequent ones, which are the least specific; ties by term.

    Args:
        vocabulary: rows of `VOCABULARY`, sorted by term.
        count: maximum number of terms.

    Returns:
        Terms, sorted.
    """
    order = np.argsort(vocabulary["specificity"].to_numpy(), kind="stable")[:count]
    return vocabulary["term"].take(pa.array(np.sort(order)))


def build_table(vocabulary: pa.RecordBatch, sums: pa.RecordBatch, catalogue: int) -> TermTable:
    """Build the table of the terms of a vocabulary.

    Args:
        vocabulary: rows of `VOCABULARY`, sorted by term.
        sums: rows of `TERM_SUMS` of terms of the vocabulary, sorted by term.
        catalogue: number of items of the catalogue.

    Raises:
        ValueError: if a sum belongs to no term of the vocabulary.
    """
    terms = vocabulary["term"]
    codes = pc.index_in(sums["term"], terms)
    if codes.null_count:
        raise ValueError(f"{codes.null_count} of {sums.num_rows} terms with a context are not in the vocabulary")
    totals = sums["sum"].flatten().to_numpy().reshape(sums.num_rows, -1) if sums.num_rows else np.zeros((0, 0))
    lengths = lengths_of(totals)
    rows = np.full(len(terms), -1, np.int64)
    rows[codes.to_numpy()] = np.arange(sums.num_rows)
    return TermTable(
        terms=terms,
        spellings=vocabulary["spelling"],
        specificity=vocabulary["specificity"].to_numpy(),
        rows=rows,
        codes=codes.to_numpy().astype(np.int64),
        items=sums["items"].to_numpy(),
        given=sums["given"].to_numpy(),
        lengths=lengths / SCALE,
        directions=quantize(totals / np.maximum(lengths, 1.0)[:, None]),
        catalogue=catalogue,
    )
