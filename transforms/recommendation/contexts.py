"""The clusters that stand for a user: those that the table is looked up for, and the familiar ones.

They are either those that the user consumed last, or those of the journeys that the user continued last, which is where
the two papers meet (2305.15498, 2405.16363).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_offsets
from transforms.exploration.transitions import recent_contexts
from transforms.hashing import StringIndex
from transforms.recommendation.histories import NO_ITEM, Codes, Integers
from transforms.recommendation.members import NO_CLUSTER


class ClusterSequences(NamedTuple):
    """Clusters of users in time order, in compressed rows.

    Attributes:
        offsets: int64, shape (users + 1,).
        clusters: int32, shape (entries,): `NO_CLUSTER` where an entry has none.
        sources: int64, shape (entries,): the position of the journey of each entry in the rows that they were computed
            from; -1: it is an interaction.
    """

    offsets: Integers
    clusters: Codes
    sources: Integers


class FamiliarClusters(NamedTuple):
    """The distinct clusters of each user, the most recent first.

    Attributes:
        clusters: int32, shape (users, count): `NO_CLUSTER` after the last one.
        sources: int64, of the same shape: the `ClusterSequences.sources` of the last entry with the cluster.
    """

    clusters: Codes
    sources: Integers


def journey_sequences(
    journeys: pa.RecordBatch, user_ids: pa.StringArray, item_ids: StringIndex, item_clusters: Codes
) -> ClusterSequences:
    """Compute the main cluster of each journey, in the order in which users continued them last.

    The main cluster is that of most items; ties: the lower code. Items without a cluster do not count.

    Args:
        journeys: rows of `journeys`; those of users who are not in `user_ids` are ignored.
        user_ids: the ids of users, distinct.
        item_ids: the index of the items of the catalogue.
        item_clusters: int32, shape (items,).
    """
    positions = pc.index_in(journeys["user_id"], user_ids)
    rows = np.flatnonzero(positions.is_valid().to_numpy(zero_copy_only=False))
    users = positions.drop_null().to_numpy().astype(np.int64)
    kept = journeys.take(pa.array(rows))
    last = kept["last_timestamp"].cast(pa.int64()).to_numpy()
    ids = pc.rank(kept["journey_id"], tiebreaker="dense").to_numpy() if len(kept) else np.zeros(0, np.uint64)
    order = np.lexsort((ids, last, users))
    offsets = list_offsets(np.bincount(users, minlength=len(user_ids)))
    return ClusterSequences(offsets, main_clusters(kept, item_ids, item_clusters)[order], rows[order].astype(np.int64))


def main_clusters(journeys: pa.RecordBatch, item_ids: StringIndex, item_clusters: Codes) -> Codes:
    """Return the most frequent cluster of the items of each journey, int32, shape (journeys,); ties: the lower code."""
    owners = pc.list_parent_indices(journeys["item_ids"]).to_numpy().astype(np.int64)
    items = item_ids.lookup(journeys["item_ids"].flatten())
    clusters = np.where(items == NO_ITEM, NO_CLUSTER, item_clusters[np.maximum(items, 0)])
    owners, clusters = owners[clusters != NO_CLUSTER], clusters[clusters != NO_CLUSTER]
    width = int(clusters.max(initial=0)) + 1
    keys, counts = np.unique(owners * width + clusters, return_counts=True)
    order = np.lexsort((keys % width, -counts, keys // width))
    found = np.full(journeys.num_rows, NO_CLUSTER, np.int32)
    found[(keys // width)[order][::-1]] = (keys % width)[order][::-1]  # the first one of an owner is written last
    return found


def contexts_of(sequences: ClusterSequences, size: int) -> Codes:
    """Return the last `size` distinct clusters of each user; see `exploration.transitions.recent_contexts`."""
    return recent_contexts(sequences.offsets, sequences.clusters, size)


def familiar_clusters(sequences: ClusterSequences, count: int, journeys: ClusterSequences | None) -> FamiliarClusters:
    """Return the last `count` distinct clusters of each user, with the last entry of each.

    Args:
        sequences: the clusters of users.
        count: number of clusters of a user.
        journeys: clusters of the same users whose entries are returned as sources; None: `sequences`.
    """
    recent = contexts_of(sequences, count)[:, ::-1]
    return FamiliarClusters(recent, last_sources(sequences if journeys is None else journeys, recent))


def last_sources(sequences: ClusterSequences, wanted: Codes) -> Integers:
    """Return the source of the last entry of each user with given clusters.

    Args:
        sequences: the clusters of users.
        wanted: int32, shape (users, count): clusters of each user, or `NO_CLUSTER`.

    Returns:
        int64, shape (users, count): -1 where the user has no such entry, and for `NO_CLUSTER`.
    """
    users = np.repeat(np.arange(len(wanted), dtype=np.int64), np.diff(sequences.offsets))
    width = int(max(sequences.clusters.max(initial=0), wanted.max(initial=0))) + 2
    keys = users * width + sequences.clusters + 1
    distinct, last = np.unique(keys[::-1], return_index=True)
    if not len(distinct):
        return np.full(wanted.shape, -1, np.int64)
    requested = np.arange(len(wanted), dtype=np.int64)[:, None] * width + wanted + 1
    places = np.minimum(np.searchsorted(distinct, requested), len(distinct) - 1)
    is_found = (distinct[places] == requested) & (wanted != NO_CLUSTER)
    return np.where(is_found, sequences.sources[::-1][last][places], -1)
