"""The items of each cluster."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transforms.columnar import list_offsets
from transforms.recommendation.histories import Codes, Integers

NO_CLUSTER = -1
"""The code of an item without a cluster."""


class Members(NamedTuple):
    """The items of each cluster, in compressed rows, ascending within a cluster.

    Attributes:
        offsets: int64, shape (C + 1,).
        items: int32, shape (items with a cluster,).
    """

    offsets: Integers
    items: Codes

    @property
    def cluster_count(self) -> int:
        """The number of clusters, C."""
        return len(self.offsets) - 1


def members_of(item_clusters: Codes, cluster_count: int) -> Members:
    """Group the items by cluster.

    Args:
        item_clusters: int32, shape (items,): the cluster of each item; `NO_CLUSTER`: none.
        cluster_count: number of clusters, C.
    """
    order = np.argsort(item_clusters, kind="stable").astype(np.int32)
    order = order[item_clusters[order] != NO_CLUSTER]
    lengths = np.bincount(item_clusters[order], minlength=cluster_count)
    return Members(list_offsets(lengths), order)


def all_items(item_count: int) -> Members:
    """Return one cluster that has all items, for retrieval from the whole catalogue."""
    return Members(np.array([0, item_count], np.int64), np.arange(item_count, dtype=np.int32))
