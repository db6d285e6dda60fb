"""The log of a sample of users as arrays over the items of a tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import CLUSTERS, ITEM_CLUSTERS, TIMESTAMP
from transforms.columnar import concatenate, list_offsets
from transforms.encoders.quantized_vectors import ITEM_VECTORS, VECTOR, matrix_of, subtract_mean, sum_directions
from transforms.evaluation.experiments.recommendation.training import Catalogue
from transforms.exploration.stages import clusters_of_level, select_columns
from transforms.exploration.transitions import Codes
from transforms.hashing import StringIndex
from transforms.recommendation.histories import NO_ITEM, ItemHistories

LOG = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
    ]
)
"""The columns of interactions that are used."""

_KEYS = [("user_id", "ascending"), ("timestamp", "ascending"), ("item_id", "ascending")]


class RecommendationLog(NamedTuple):
    """The interactions of a sample of users.

    Attributes:
        histories: their interactions with the items of the catalogue, of all periods.
        catalogue: the items and their clusters.
        unclustered: number of interactions with items that are in no cluster, which are left out.
    """

    histories: ItemHistories
    catalogue: Catalogue
    unclustered: int


def recommendation_log(
    rows: pa.RecordBatch,
    clusters: Iterable[pa.RecordBatch],
    item_clusters: Iterable[pa.RecordBatch],
    vectors: Iterable[pa.RecordBatch],
    level: int,
) -> RecommendationLog:
    """Convert a log and a tree to arrays.

    Args:
        rows: rows of `LOG`.
        clusters: rows of `clusters`, of all levels.
        item_clusters: rows of `item_clusters`.
        vectors: rows of `quantized_vectors.ITEM_VECTORS`.
        level: the level of the tree, from 1; 0: the last one.

    Raises:
        ValueError: when no interaction is with an item of the tree.
    """
    tree = [select_columns(each, CLUSTERS) for each in clusters]
    assigned = concatenate((select_columns(each, ITEM_CLUSTERS) for each in item_clusters), ITEM_CLUSTERS.arrow)
    assigned = assigned.take(pc.sort_indices(assigned["item_id"]))
    index = StringIndex(assigned["item_id"])
    ordered = rows.take(pc.sort_indices(rows, sort_keys=_KEYS))
    items: Codes = index.lookup(ordered["item_id"])
    in_tree = items != NO_ITEM
    if not in_tree.any():
        raise ValueError("no interaction of --interactions is with an item of the clusters of --exploration")
    ordered, items = ordered.filter(pa.array(in_tree)), items[in_tree]
    users = ordered["user_id"].dictionary_encode().indices.to_numpy()
    times = ordered["timestamp"].cast(pa.int64()).to_numpy()
    histories = ItemHistories(list_offsets(np.bincount(users)), items.astype(np.int32), times.astype(np.int64))
    return RecommendationLog(histories, _catalogue(assigned, tree, vectors, level), int((~in_tree).sum()))


def _catalogue(
    assigned: pa.RecordBatch, tree: list[pa.RecordBatch], vectors: Iterable[pa.RecordBatch], level: int
) -> Catalogue:
    of_level, top = clusters_of_level(tree, level), clusters_of_level(tree, 1)
    depth = int(pc.max(of_level["level"]).as_py()) - 1
    leaves = StringIndex(of_level["cluster_id"]).lookup(pc.list_element(assigned["cluster_ids"], depth))
    roots = StringIndex(top["cluster_id"]).lookup(pc.list_element(assigned["cluster_ids"], 0))
    parents = np.zeros(of_level.num_rows, np.int32)
    parents[leaves] = roots
    centroids = np.stack(of_level["centroid"].to_numpy(zero_copy_only=False)).astype(np.float64)
    return Catalogue(leaves, parents, centroids, _aligned(vectors, assigned["item_id"]))


def _aligned(vectors: Iterable[pa.RecordBatch], item_ids: pa.StringArray) -> npt.NDArray[np.int8]:
    """Return the vectors of items without the mean direction, int8, shape (items, dimensions); zeros without one."""
    rows = concatenate(vectors, ITEM_VECTORS)
    rows = rows.take(pc.sort_indices(rows["item_id"]))
    found = matrix_of(rows[VECTOR.name].take(pc.index_in(item_ids, rows["item_id"])))
    return subtract_mean(found, sum_directions(found))
