"""The features of items that a tree is fitted to and described by: vectors, traffic and salient terms."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import SALIENT_TERMS
from transforms.clusters.descriptions import ItemTerms
from transforms.columnar import concatenate, list_offsets, without_null_lists
from transforms.encoders.quantized_vectors import ITEM_VECTORS, VECTOR
from transforms.hashing import stable_hash

TRAFFIC = pa.schema([pa.field("item_id", pa.string(), nullable=False), pa.field("traffic", pa.int64(), nullable=False)])
"""Numbers of interactions with items."""

_IDS = pa.schema([TRAFFIC.field("item_id")])

FEATURES = SALIENT_TERMS.arrow.append(VECTOR).append(TRAFFIC.field("traffic"))
"""The features of an item; a null vector: it has none."""


def traffic_rows(interactions: pa.RecordBatch) -> pa.RecordBatch:
    """Count the interactions of each item, as rows of `TRAFFIC`; further columns are ignored."""
    counted = pc.value_counts(interactions["item_id"])
    return pa.RecordBatch.from_arrays([counted.field("values"), counted.field("counts")], schema=TRAFFIC)


def join_features(
    items: Iterable[pa.RecordBatch],
    salient: Iterable[pa.RecordBatch],
    vectors: Iterable[pa.RecordBatch],
    traffic: Iterable[pa.RecordBatch] | None,
) -> pa.RecordBatch:
    """Join the items of one bucket with their salient terms, vectors and traffic, as rows of `FEATURES`, by item.

    Args:
        items: record batches with `item_id`, each item once.
        salient: rows of `salient_terms`, at most one per item.
        vectors: rows of `ITEM_VECTORS`, at most one per item.
        traffic: rows of `TRAFFIC`, any number per item; None: there is no log, and each item counts 1.
    """
    ids = _selected(items, _IDS)["item_id"]
    ids = ids.take(pc.sort_indices(ids))
    terms = _selected(salient, SALIENT_TERMS.arrow)
    terms = terms.take(pc.index_in(ids, terms["item_id"]))
    vector = _selected(vectors, ITEM_VECTORS)
    columns = [
        ids,
        without_null_lists(terms["terms"]),
        without_null_lists(terms["saliences"]),
        vector[VECTOR.name].take(pc.index_in(ids, vector["item_id"])),
        pa.array(_sums(ids, traffic)),
    ]
    return pa.RecordBatch.from_arrays(columns, schema=FEATURES)


def _selected(batches: Iterable[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
    """Concatenate batches, of which the columns of a schema are used."""
    return concatenate((rows.select(schema.names).cast(schema) for rows in batches), schema)


def _sums(ids: pa.StringArray, traffic: Iterable[pa.RecordBatch] | None) -> npt.NDArray[np.int64]:
    if traffic is None:
        return np.ones(len(ids), np.int64)
    rows = concatenate(traffic, TRAFFIC)
    owners = pc.index_in(rows["item_id"], ids)
    is_found = owners.is_valid().to_numpy(zero_copy_only=False)
    sums = np.zeros(len(ids), np.int64)
    np.add.at(sums, owners.drop_null().to_numpy(), rows["traffic"].to_numpy()[is_found])
    return sums


def item_terms(rows: pa.RecordBatch) -> tuple[ItemTerms, pa.StringArray]:
    """Return the salient terms of rows of `FEATURES`, and the vocabulary, sorted."""
    coded = rows["terms"].flatten().dictionary_encode()
    order = pc.sort_indices(coded.dictionary).to_numpy()
    codes = np.empty(len(order), np.int32)
    codes[order] = np.arange(len(order), dtype=np.int32)
    offsets = list_offsets(pc.list_value_length(rows["terms"]).to_numpy())
    terms = codes[coded.indices.to_numpy()]
    return ItemTerms(offsets, terms, rows["saliences"].flatten().to_numpy()), coded.dictionary.take(pa.array(order))


def smallest_items(batches: Iterable[pa.RecordBatch], limit: int) -> pa.RecordBatch:
    """Return the rows of `FEATURES` whose items have the smallest hashes, at most `limit`, by item."""
    rows = concatenate(batches, FEATURES)
    order = np.lexsort((np.arange(rows.num_rows), stable_hash(rows["item_id"])))[:limit]
    kept = rows.take(pa.array(order))
    return kept.take(pc.sort_indices(kept["item_id"]))
