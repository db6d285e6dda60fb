"""The log of a sample of users as events over the items of a tree."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.exploration.stages import clusters_of_level
from transforms.hashing import StringIndex
from transforms.intents.catalogue import intent_catalogue
from transforms.intents.features import Events
from transforms.intents.rows import events_of
from transforms.recommendation.catalogue import catalogue_rows, clusters_of, content_of
from transforms.recommendation.histories import Codes
from transforms.recommendation.members import NO_CLUSTER


class IntentsLog(NamedTuple):
    """The interactions of a sample of users.

    Attributes:
        events: their interactions with items of a cluster, of all periods.
        item_ids: the ids of the items, ascending.
        item_clusters: int32, shape (items,).
        centroids: float64, shape (clusters, dimensions).
        content: int8, shape (items, dimensions): directions of content; None: there is none.
    """

    events: Events
    item_ids: pa.StringArray
    item_clusters: Codes
    centroids: npt.NDArray[np.float64]
    content: npt.NDArray[np.int8] | None

    @property
    def cluster_count(self) -> int:
        """The number of clusters."""
        return len(self.centroids)


def intents_log(
    rows: pa.RecordBatch,
    clusters: Iterable[pa.RecordBatch],
    item_clusters: Iterable[pa.RecordBatch],
    creators: Iterable[pa.RecordBatch],
    vectors: Iterable[pa.RecordBatch],
    level: int,
) -> IntentsLog:
    """Convert a log and a tree to arrays.

    Args:
        rows: rows of `EVENTS`.
        clusters: rows of `clusters`, of all levels.
        item_clusters: rows of `item_clusters`.
        creators: rows of `intents.catalogue.ITEM_CREATORS`.
        vectors: rows of `quantized_vectors.ITEM_VECTORS`.
        level: the level of the tree, from 1; 0: the last one.

    Raises:
        ValueError: when no interaction is with an item of a cluster.
    """
    of_level = clusters_of_level(clusters, level)
    assigned = list(item_clusters)
    catalogue = catalogue_rows(assigned, of_level, vectors)
    has_cluster = pa.array(clusters_of(catalogue) != NO_CLUSTER)
    catalogue = catalogue.filter(has_cluster)
    codes = intent_catalogue(assigned, of_level, creators).filter(has_cluster)
    events = events_of([rows], codes, StringIndex(catalogue["item_id"])).events
    if not len(events.clusters):
        raise ValueError("no interaction of --interactions is with an item of the clusters of --exploration")
    centroids = np.stack(of_level["centroid"].to_numpy(zero_copy_only=False)).astype(np.float64)
    return IntentsLog(events, catalogue["item_id"], clusters_of(catalogue), centroids, content_of(catalogue))
