"""The data to which methods of recommendation are fitted, and the interfaces of these methods."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from transforms.exploration.transitions import FirstOccurrences, first_occurrences
from transforms.recommendation.histories import Codes, Integers, ItemHistories
from transforms.recommendation.protocol import before, consumed_clusters

Floats = npt.NDArray[np.float64]

_SCORES_PER_BLOCK = 1 << 22


class Catalogue(NamedTuple):
    """The items and their clusters, which do not depend on the date.

    Attributes:
        item_clusters: int32, shape (items,): the cluster of each item, a code of the tree's level.
        parents: int32, shape (C,): the node of level 1 above each cluster.
        centroids: float64, shape (C, dimensions): centres of the clusters.
        vectors: int8, shape (items, dimensions): directions of the content of items; zeros for those without text.
    """

    item_clusters: Codes
    parents: Codes
    centroids: Floats
    vectors: npt.NDArray[np.int8]

    @property
    def cluster_count(self) -> int:
        """The number of clusters, C."""
        return len(self.centroids)

    @property
    def item_count(self) -> int:
        """The number of items."""
        return len(self.item_clusters)


class Training(NamedTuple):
    """All that methods may be fitted to: what is before one date.

    Attributes:
        past: the interactions of all users before the date.
        catalogue: the items and clusters.
        validation: start of the validation period, which ends at the date, in microseconds.
        date: the date, in microseconds.
    """

    past: ItemHistories
    catalogue: Catalogue
    validation: int
    date: int

    @property
    def clusters(self) -> Codes:
        """The cluster of each interaction, int32, shape (interactions,)."""
        return self.catalogue.item_clusters[self.past.items]

    @property
    def first(self) -> FirstOccurrences:
        """The first interactions of users with clusters."""
        return first_occurrences(self.past.offsets, self.clusters, self.past.times)

    @property
    def consumed(self) -> Floats:
        """The number of interactions of users with clusters, float64, shape (users, C)."""
        return consumed_clusters(self.past, self.catalogue.item_clusters, self.catalogue.cluster_count)


def training_before(histories: ItemHistories, catalogue: Catalogue, validation: int, date: int) -> Training:
    """Select what is before a date."""
    return Training(before(histories, date), catalogue, validation, date)


class ItemScorer(Protocol):
    """A fitted method that scores all items."""

    def scores(self, users: Integers) -> Floats:
        """Compute scores, float64, shape (users, items), for users of the training; higher is better."""
        ...


class ClusterScorer(Protocol):
    """A fitted method that scores all clusters, from which items are then chosen."""

    def scores(self, users: Integers) -> Floats:
        """Compute scores, float64, shape (users, C), not negative, for users of the training; higher is better."""
        ...


def blocks_of_users(users: Integers, width: int) -> Iterator[slice]:
    """Divide users into slices whose scores of `width` numbers each are held at a time."""
    rows = max(_SCORES_PER_BLOCK // max(width, 1), 1)
    for start in range(0, len(users), rows):
        yield slice(start, min(start + rows, len(users)))
