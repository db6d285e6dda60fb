"""The catalogue of items as the kernels read it: one packed batch that is sent to workers, and arrays on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import SALIENT_TERMS
from transforms.columnar import concatenate, list_array, list_offsets
from transforms.encoders.quantized_vectors import VECTOR, matrix_of
from transforms.journeys.icpc import TermVectors
from transforms.journeys.item_features import ITEM_IDS

PACKED = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("terms", pa.list_(pa.dictionary(pa.int32(), pa.string())), nullable=False),
        pa.field("saliences", pa.list_(pa.float32()), nullable=False),
    ]
)
"""Features of items, sorted by item; terms are encoded by a sorted dictionary. With vectors also a column `vector`."""


class Catalogue(NamedTuple):
    """Items and terms as indices, in the order of the strings.

    Attributes:
        item_ids: the items, sorted.
        vocabulary: the terms, sorted.
        term_vectors: the salient terms of each item.
        vectors: int8, shape (items, dimensions): the vector of each item, quantized; None: no vectors.
        has_vector: bool, shape (items,): whether the item has a vector; None: no vectors.
    """

    item_ids: pa.StringArray
    vocabulary: pa.StringArray
    term_vectors: TermVectors
    vectors: npt.NDArray[np.int8] | None = None
    has_vector: npt.NDArray[np.bool_] | None = None


class SortedCodes(NamedTuple):
    """Strings as indices of a sorted dictionary.

    Attributes:
        codes: int64, shape (strings,): index of each string in `values`.
        values: the distinct strings, sorted.
    """

    codes: npt.NDArray[np.int64]
    values: pa.StringArray


def encode_sorted(strings: pa.StringArray) -> SortedCodes:
    """Encode strings by a sorted dictionary."""
    encoded = strings.dictionary_encode()
    order = pc.sort_indices(encoded.dictionary)
    codes = np.empty(len(order), np.int64)
    codes[order.to_numpy()] = np.arange(len(order))
    return SortedCodes(codes[encoded.indices.to_numpy()], encoded.dictionary.take(order))


def pack_catalogue(features: Iterable[pa.RecordBatch], schema: pa.Schema = SALIENT_TERMS.arrow) -> pa.RecordBatch:
    """Pack the features of all items into one batch of `PACKED`.

    Args:
        features: rows of `schema`, each item once.
        schema: as `item_features_schema` returns it.
    """
    rows = concatenate(features, schema)
    rows = rows.take(pc.sort_indices(rows["item_id"]))
    terms = encode_sorted(rows["terms"].flatten())
    coded = pa.DictionaryArray.from_arrays(pa.array(terms.codes.astype(np.int32)), terms.values)
    lengths = pc.list_value_length(rows["terms"]).to_numpy()
    offsets = list_offsets(lengths)
    columns = [
        rows["item_id"],
        list_array(offsets, coded),
        list_array(offsets, rows["saliences"].flatten()),
    ]
    if VECTOR.name not in schema.names:
        return pa.RecordBatch.from_arrays(columns, schema=PACKED)
    return pa.RecordBatch.from_arrays([*columns, rows[VECTOR.name]], schema=PACKED.append(VECTOR))


def sorted_ids(item_ids: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Sort items as `pack_catalogue` does; return one batch of `ITEM_IDS`.

    Args:
        item_ids: rows of `ITEM_IDS`, each item once.
    """
    rows = concatenate(item_ids, ITEM_IDS)
    return rows.take(pc.sort_indices(rows["item_id"]))


def unpack_catalogue(packed: pa.RecordBatch) -> Catalogue:
    """Create a catalogue from a packed batch, without copying the large columns."""
    terms = packed["terms"].flatten()
    lengths = pc.list_value_length(packed["terms"]).to_numpy()
    vectors = packed[VECTOR.name] if VECTOR.name in packed.schema.names else None
    return Catalogue(
        item_ids=packed["item_id"],
        vocabulary=terms.dictionary,
        term_vectors=TermVectors(
            offsets=list_offsets(lengths),
            terms=terms.indices.to_numpy(),
            saliences=packed["saliences"].flatten().to_numpy(),
            vocabulary_size=len(terms.dictionary),
        ),
        vectors=None if vectors is None else matrix_of(vectors),
        has_vector=None if vectors is None else vectors.is_valid().to_numpy(zero_copy_only=False),
    )
