"""The items of a tree with their clusters and the directions of their content, as one record batch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ITEM_CLUSTERS
from transforms.columnar import concatenate
from transforms.encoders.quantized_vectors import ITEM_VECTORS, VECTOR, matrix_of, subtract_mean, sum_directions
from transforms.exploration.stages import select_columns
from transforms.hashing import StringIndex
from transforms.recommendation.histories import Codes
from transforms.recommendation.members import NO_CLUSTER

CATALOGUE = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("cluster", pa.int32(), nullable=False),
        VECTOR,
    ]
)
"""An item, the code of its cluster (`NO_CLUSTER`: none) and its vector (null: none), by id."""


def catalogue_rows(
    item_clusters: Iterable[pa.RecordBatch], clusters: pa.RecordBatch, vectors: Iterable[pa.RecordBatch] = ()
) -> pa.RecordBatch:
    """Join the items of a tree with codes of clusters and vectors, as rows of `CATALOGUE`, by id.

    Args:
        item_clusters: rows of `item_clusters`, each item once.
        clusters: rows of `clusters` of one level; the code of a cluster is its position.
        vectors: rows of `ITEM_VECTORS`, at most one per item.
    """
    items = concatenate((select_columns(rows, ITEM_CLUSTERS) for rows in item_clusters), ITEM_CLUSTERS.arrow)
    items = items.take(pc.sort_indices(items["item_id"]))
    depth = (pc.max(clusters["level"]).as_py() or 1) - 1
    is_deep = pc.greater(pc.list_value_length(items["cluster_ids"]), depth).to_numpy(zero_copy_only=False)
    codes = np.full(items.num_rows, NO_CLUSTER, np.int32)
    leaves = pc.list_element(items["cluster_ids"].filter(pa.array(is_deep)), depth)
    codes[is_deep] = StringIndex(clusters["cluster_id"]).lookup(leaves)
    stored = concatenate((rows.select(ITEM_VECTORS.names).cast(ITEM_VECTORS) for rows in vectors), ITEM_VECTORS)
    vector = stored[VECTOR.name].take(pc.index_in(items["item_id"], stored["item_id"]))
    return pa.RecordBatch.from_arrays([items["item_id"], pa.array(codes), vector], schema=CATALOGUE)


def content_of(catalogue: pa.RecordBatch) -> npt.NDArray[np.int8] | None:
    """Return the directions of items less their mean, int8, shape (items, dimensions); None without any vector."""
    if catalogue[VECTOR.name].null_count == catalogue.num_rows:
        return None
    found = matrix_of(catalogue[VECTOR.name])
    return subtract_mean(found, sum_directions(found))


def clusters_of(catalogue: pa.RecordBatch) -> Codes:
    """Return the cluster of each item, int32, shape (items,)."""
    codes: Codes = catalogue["cluster"].to_numpy()
    return codes
