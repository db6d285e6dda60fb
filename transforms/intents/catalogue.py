"""The items of a tree with codes of their clusters and creators, as one record batch."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import concatenate
from transforms.intents.features import UNKNOWN
from transforms.recommendation.catalogue import catalogue_rows

ITEM_CREATORS = pa.schema([pa.field("item_id", pa.string(), nullable=False), pa.field("creator", pa.string())])
"""The columns of `items` that are used."""

INTENT_CATALOGUE = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),
        pa.field("creator", pa.int32(), nullable=False),
    ]
)
"""An item, and the codes of its cluster and of its creator (-1: none), by id."""


def intent_catalogue(
    item_clusters: Iterable[pa.RecordBatch], clusters: pa.RecordBatch, items: Iterable[pa.RecordBatch] = ()
) -> pa.RecordBatch:
    """Join the items of a tree with codes of clusters and creators, as rows of `INTENT_CATALOGUE`, by id.

    Args:
        item_clusters: rows of `item_clusters`, each item once.
        clusters: rows of `clusters` of one level; the code of a cluster is its position.
        items: rows of `ITEM_CREATORS`, at most one per item.
    """
    rows = catalogue_rows(item_clusters, clusters)
    stored = concatenate(items, ITEM_CREATORS)
    creators = stored["creator"].take(pc.index_in(rows["item_id"], stored["item_id"]))
    names = pc.drop_null(pc.unique(creators))
    codes = pc.fill_null(pc.index_in(creators, names.take(pc.sort_indices(names)), skip_nulls=True), UNKNOWN)
    return pa.RecordBatch.from_arrays(
        [rows["item_id"], rows["cluster"], codes.cast(pa.int32())], schema=INTENT_CATALOGUE
    )


def creators_of(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Select the columns `ITEM_CREATORS` of `items`; blank creators are null."""
    selected = rows.select(ITEM_CREATORS.names).cast(ITEM_CREATORS)
    is_blank = pc.equal(pc.utf8_trim_whitespace(selected["creator"]), "")
    creators = pc.if_else(pc.fill_null(is_blank, fill_value=True), pa.scalar(None, pa.string()), selected["creator"])
    return pa.RecordBatch.from_arrays([selected["item_id"], creators], schema=ITEM_CREATORS)
