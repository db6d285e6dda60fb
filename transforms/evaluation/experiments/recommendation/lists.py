"""Lists of items from scores: the best items of clusters, never one that was consumed, and mixtures of two lists."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from transforms.evaluation.experiments.recommendation.training import (
    ClusterScorer,
    Floats,
    ItemScorer,
    Training,
    blocks_of_users,
)
from transforms.recommendation.histories import NO_ITEM, Codes, Integers
from transforms.recommendation.measures import Flags
from transforms.recommendation.members import members_of
from transforms.recommendation.policies import allocate
from transforms.recommendation.protocol import take_users
from transforms.recommendation.retrieval import Requests, Retrieved, best_members, consumed_items

ALL_CLUSTERS = 1 << 30
"""A number of clusters of an allocation that no tree has."""


class Allocation(NamedTuple):
    """A rule by which a method that scores clusters fills a list with items.

    Attributes:
        clusters: number of clusters from which items are taken, those with the highest scores; all where there are
            fewer.
        power: see `policies.allocate`, the rule of `recommend`; None: the best item of each cluster in turn.
    """

    clusters: int
    power: float | None

    @property
    def clusters_name(self) -> str:
        """The number of clusters, or `all`."""
        return "all" if self.clusters >= ALL_CLUSTERS else str(self.clusters)

    @property
    def power_name(self) -> str:
        """The power, or `in turn`."""
        return "in turn" if self.power is None else str(self.power)


def rank_items(scorer: ItemScorer, training: Training, users: Integers, weights: Floats, size: int) -> Codes:
    """List the items with the highest scores that users have not consumed.

    Args:
        scorer: the method.
        training: what it was fitted to.
        users: int64, shape (users,).
        weights: float64, shape (users, C): factors of the scores of the items of each cluster, which must not be
            negative where they differ; items of clusters with 0 are not listed.
        size: length of the lists.

    Returns:
        int32, shape (users, size): the best first; ties: the lower code. `NO_ITEM` where there are fewer items.
    """
    lists = np.full((len(users), size), NO_ITEM, np.int32)
    for block in blocks_of_users(users, training.catalogue.item_count):
        past = take_users(training.past, users[block])
        scores = np.ascontiguousarray(scorer.scores(users[block]), np.float64)
        _rank(scores, past.offsets, past.items, training.catalogue.item_clusters, weights[block], lists[block])
    return lists


def rank_in_turn(clusters: Codes, scorer: ItemScorer, training: Training, users: Integers, size: int) -> Codes:
    """List the items with the highest scores in given clusters, one of each cluster in turn.

    Args:
        clusters: int32, shape (users, M): the clusters of each user, the best first; -1 in missing places.
        scorer: the method that ranks items.
        training: what it was fitted to.
        users: int64, shape (users,).
        size: length of the lists.

    Returns:
        int32, shape (users, size); `NO_ITEM` where the clusters have fewer items that are not consumed.
    """
    return _rank_allocated(clusters, np.zeros(clusters.shape), None, scorer, training, users, size)


def rank_in_clusters(
    chooser: ClusterScorer,
    scorer: ItemScorer,
    training: Training,
    users: Integers,
    allocation: Allocation,
    size: int,
) -> Codes:
    """List items of the novel clusters with the highest scores.

    Args:
        chooser: the method that scores clusters; its scores are not negative.
        scorer: the method that scores items; its scores are not negative.
        training: what both were fitted to.
        users: int64, shape (users,).
        allocation: how the list is filled.
        size: length of the lists.

    Returns:
        int32, shape (users, size), as for `rank_items`.
    """
    is_novel = training.consumed[users] == 0
    clusters = best_clusters(chooser, users, is_novel, allocation.clusters)
    scores = np.take_along_axis(chooser.scores(users), np.maximum(clusters, 0).astype(np.int64), axis=1)
    probabilities = np.where(clusters >= 0, scores, 0.0)
    return _rank_allocated(clusters, probabilities, allocation.power, scorer, training, users, size)


def _rank_allocated(
    clusters: Codes,
    probabilities: Floats,
    power: float | None,
    scorer: ItemScorer,
    training: Training,
    users: Integers,
    size: int,
) -> Codes:
    """List items of given clusters by the rule of `recommend`; arguments as for `rank_in_turn` and `allocate`."""
    lists = np.full((len(users), size), NO_ITEM, np.int32)
    for block in blocks_of_users(users, training.catalogue.item_count):
        scores = np.ascontiguousarray(scorer.scores(users[block]), np.float64)
        retrieved = _retrieve(scores, clusters[block], training, users[block], size)
        found = allocate(retrieved, probabilities[block], power).items[:, :size]
        lists[block, : found.shape[1]] = found
    return lists


def _retrieve(scores: Floats, clusters: Codes, training: Training, users: Integers, size: int) -> Retrieved:
    """Find the best items of the clusters of each user, shape (users * M, size), by scores of all items."""
    rows = np.repeat(np.arange(len(users), dtype=np.int64), clusters.shape[1])
    wanted = np.flatnonzero(clusters.ravel() >= 0)
    requests = Requests(rows[wanted], clusters.ravel()[wanted])

    def of_members(chosen: Integers, items: Codes) -> Floats:
        found: Floats = scores[requests.users[chosen][:, None], items[None]]
        return found

    members = members_of(training.catalogue.item_clusters, training.catalogue.cluster_count)
    best = best_members(of_members, members, requests, consumed_items(take_users(training.past, users)), size)
    found = Retrieved.nothing(len(rows), size)
    found.items[wanted], found.scores[wanted], found.lowest[wanted] = best
    return found


def best_clusters(scorer: ClusterScorer, users: Integers, allowed: Flags, count: int) -> Codes:
    """Rank the clusters that are allowed.

    Args:
        scorer: the method.
        users: int64, shape (users,).
        allowed: bool, shape (users, C).
        count: number of clusters of each user.

    Returns:
        int32, shape (users, count), or all clusters: the best first; ties: the lower code. -1 where fewer are allowed.
    """
    count = min(count, allowed.shape[1])
    found = np.full((len(users), count), -1, np.int32)
    for block in blocks_of_users(users, allowed.shape[1]):
        scores = np.where(allowed[block], scorer.scores(users[block]), -np.inf)
        order = np.argsort(-scores, axis=1, kind="stable")[:, :count].astype(np.int32)
        is_allowed = np.take_along_axis(allowed[block], order, axis=1)
        found[block, : order.shape[1]] = np.where(is_allowed, order, -1)
    return found


def mix_lists(familiar: Codes, novel: Codes, fraction: float) -> Codes:
    """Mix two lists without common items: a fraction of the places, evenly spaced, is for novel items.

    Args:
        familiar: int32, shape (users, k); `NO_ITEM` after the last one.
        novel: int32, shape (users, k).
        fraction: in [0, 1]; the number of places is rounded. A list that is too short is filled up with the other.

    Returns:
        int32, shape (users, k).
    """
    size = familiar.shape[1]
    wanted = np.floor(np.arange(1, size + 1) * round(fraction * size) / size)
    mixed = np.full_like(familiar, NO_ITEM)
    _mix(familiar, novel, np.diff(wanted, prepend=0) > 0, mixed)
    return mixed


@numba.njit(cache=True, nogil=True)
def _mix(familiar, novel, is_novel, mixed):  # type: ignore[no-untyped-def]
    size = familiar.shape[1]
    for row in range(len(mixed)):
        first = second = 0
        for place in range(size):
            has_first = first < size and familiar[row, first] >= 0
            has_second = second < size and novel[row, second] >= 0
            if has_second and (is_novel[place] or not has_first):
                mixed[row, place] = novel[row, second]
                second += 1
            elif has_first:
                mixed[row, place] = familiar[row, first]
                first += 1


@numba.njit(cache=True, nogil=True)
def _insert(scores, items, count, score, item):  # type: ignore[no-untyped-def]
    """Insert an item into a list that is sorted by score, then by code; return the new length."""
    size = len(items)
    if count == size and score <= scores[size - 1]:
        return count
    place = min(count, size - 1)
    while place > 0 and scores[place - 1] < score:
        scores[place] = scores[place - 1]
        items[place] = items[place - 1]
        place -= 1
    scores[place] = score
    items[place] = item
    return min(count + 1, size)


@numba.njit(cache=True, nogil=True)
def _rank(scores, offsets, consumed, item_clusters, weights, lists):  # type: ignore[no-untyped-def]
    best = np.empty(lists.shape[1])
    for row in range(len(scores)):
        own = scores[row]
        for position in range(offsets[row], offsets[row + 1]):
            own[consumed[position]] = -np.inf
        count = 0
        for item in range(len(own)):
            weight = weights[row, item_clusters[item]]
            if weight > 0 and own[item] > -np.inf:
                count = _insert(best, lists[row], count, weight * own[item], item)
