"""Recommendations of a batch of users: contexts, the table, retrieval within clusters, lists, and rows with reasons."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import RECOMMENDATIONS
from schemas.context import SEPARATOR
from schemas.recommendations import POLICIES
from transforms.columnar import list_array, list_offsets
from transforms.exploration.lookup_table import LookupTable, NextClusters
from transforms.hashing import StringIndex
from transforms.recommendation.config import ListConfig
from transforms.recommendation.contexts import (
    ClusterSequences,
    FamiliarClusters,
    contexts_of,
    familiar_clusters,
    journey_sequences,
)
from transforms.recommendation.histories import NO_ITEM, Codes, Integers, ItemHistories
from transforms.recommendation.members import NO_CLUSTER, Members
from transforms.recommendation.policies import (
    FAMILIAR,
    NOVEL,
    POPULAR,
    Candidates,
    Lists,
    allocate,
    by_score,
    fill_lists,
    lowest_scores,
)
from transforms.recommendation.ranker import Ranker, Vectors
from transforms.recommendation.retrieval import Consumed, Requests, Retrieved, consumed_items, top_items


@dataclasses.dataclass(frozen=True)
class Recommender:
    """Everything that recommendations are computed from, besides the users.

    Attributes:
        ranker: ranks the items.
        item_clusters: int32, shape (items,): the cluster of each item.
        members: the items of each cluster.
        popular: int32: codes of popular items, the most popular first.
        table: the next clusters of contexts; its codes are those of `item_clusters`.
        config: configuration of lists.
    """

    ranker: Ranker
    item_clusters: Codes
    members: Members
    popular: Codes
    table: LookupTable
    config: ListConfig


class Users(NamedTuple):
    """A batch of users.

    Attributes:
        ids: their ids.
        histories: their histories, in the order of `ids`.
        journeys: rows of `journeys`, those of other users are ignored; None: contexts are of histories.
        places: int64, shape (users,): number of places for novel items; see `policies.novel_places`.
        hashes: int64, shape (users,): see `unchanged.history_hashes`.
    """

    ids: pa.StringArray
    histories: ItemHistories
    journeys: pa.RecordBatch | None
    places: Integers
    hashes: Integers


class Recommended(NamedTuple):
    """The recommendations of a batch.

    Attributes:
        rows: rows of `recommendations`, by user and rank.
        matched: int32, shape (users,): see `NextClusters.matched`.
        exhausted: number of looked-up clusters of which the user has consumed every item.
    """

    rows: pa.RecordBatch
    matched: Codes
    exhausted: int


def recommend(recommender: Recommender, users: Users) -> Recommended:
    """Recommend items to users.

    Args:
        recommender: the ranker, the table and the configuration.
        users: the users.

    Raises:
        ValueError: when the table was loaded without scores, by which places are allocated.
    """
    config, histories = recommender.config, users.histories
    clusters = np.where(
        histories.items == NO_ITEM, NO_CLUSTER, recommender.item_clusters[np.maximum(histories.items, 0)]
    ).astype(np.int32)
    own = ClusterSequences(histories.offsets, clusters, np.full(len(clusters), -1, np.int64))
    journeys = None if users.journeys is None else _with_journeys(own, recommender, users)
    sequences = journeys if config.context == "journeys" and journeys is not None else own
    contexts = contexts_of(sequences, max(recommender.table.context_size, 1))
    upcoming = recommender.table.next_clusters_of(histories.offsets, clusters, contexts, config.next_clusters)
    familiar = familiar_clusters(sequences, config.familiar_clusters, journeys)
    consumed = consumed_items(histories)
    vectors = recommender.ranker.user_vectors(histories)
    retrieved = _retrieve(recommender, vectors, consumed, upcoming.clusters)
    if upcoming.probabilities is None:
        raise ValueError("the table was loaded without the scores by which places are allocated to clusters")
    origins = lowest_scores(retrieved, config.next_clusters)
    novel = allocate(retrieved, upcoming.probabilities, config.power, origins)
    continued = by_score(_retrieve(recommender, vectors, consumed, familiar.clusters), familiar.clusters.shape[1])
    lists = fill_lists(novel, continued, recommender.popular, consumed, config.slots, users.places)
    rows = _rows(recommender, users, lists, (novel, continued), contexts, upcoming, familiar)
    is_empty = (retrieved.items[:, 0] == NO_ITEM).reshape(upcoming.clusters.shape)
    return Recommended(rows, upcoming.matched, int((is_empty & (upcoming.clusters != NO_CLUSTER)).sum()))


def _with_journeys(own: ClusterSequences, recommender: Recommender, users: Users) -> ClusterSequences:
    """Return the clusters of journeys; for users without a journey, those of their history."""
    index = StringIndex(recommender.ranker.item_ids)
    found = journey_sequences(users.journeys, users.ids, index, recommender.item_clusters)
    lengths = np.diff(found.offsets)
    of_history, of_journeys = np.repeat(lengths == 0, np.diff(own.offsets)), np.diff(own.offsets) * (lengths == 0)
    owners = np.concatenate([_owners(found.offsets), _owners(own.offsets)[of_history]])
    order = np.argsort(owners, kind="stable")
    clusters = np.concatenate([found.clusters, own.clusters[of_history]])[order]
    sources = np.concatenate([found.sources, own.sources[of_history]])[order]
    return ClusterSequences(np.concatenate([[0], np.cumsum(lengths + of_journeys)]), clusters, sources)


def _owners(offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _retrieve(recommender: Recommender, vectors: Vectors, consumed: Consumed, clusters: Codes) -> Retrieved:
    """Find the best items of the clusters of each user, shape (users * width, slots)."""
    users = np.repeat(np.arange(len(clusters), dtype=np.int64), clusters.shape[1])
    wanted = np.flatnonzero(clusters.ravel() != NO_CLUSTER)
    count = recommender.config.slots
    found = Retrieved.nothing(len(users), count)
    requests = Requests(users[wanted], clusters.ravel()[wanted])
    best = top_items(
        vectors[requests.users], recommender.ranker.item_vectors, recommender.members, requests, consumed, count
    )
    found.items[wanted], found.scores[wanted], found.lowest[wanted] = best
    return found


def _rows(
    recommender: Recommender,
    users: Users,
    lists: Lists,
    candidates: tuple[Candidates, Candidates],
    contexts: Codes,
    upcoming: NextClusters,
    familiar: FamiliarClusters,
) -> pa.RecordBatch:
    """Convert lists to rows of `recommendations`."""
    owners, ranks = np.nonzero(lists.items != NO_ITEM)
    items, policies, places = (part[owners, ranks] for part in lists)
    columns = np.zeros(len(owners), np.int64)
    scores = np.zeros(len(owners))
    for policy, of_policy in zip((NOVEL, FAMILIAR), candidates, strict=True):
        rows = np.flatnonzero(policies == policy)
        columns[rows] = of_policy.columns[owners[rows], places[rows]]
        scores[rows] = of_policy.scores[owners[rows], places[rows]]
    scores[policies == POPULAR] = -places[policies == POPULAR]
    cluster_ids = recommender.table.cluster_ids
    is_novel = policies == NOVEL
    table_ranks = pa.array(upcoming.ranks[owners, np.where(is_novel, columns, 0)], mask=~is_novel)
    arrays = [
        users.ids.take(pa.array(owners)),
        pa.array((ranks + 1).astype(np.int32)),
        recommender.ranker.item_ids.take(pa.array(items)),
        cluster_ids.take(pa.array(recommender.item_clusters[items])),
        pa.array(POLICIES).take(pa.array(policies)),
        pa.array(scores.astype(np.float32)),
        _context_texts(contexts, cluster_ids).take(pa.array(owners)),
        table_ranks,
        _journey_ids(users, familiar, owners, columns, policies == FAMILIAR),
        pa.array(users.hashes[owners]),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=RECOMMENDATIONS.arrow)


def _context_texts(contexts: Codes, cluster_ids: pa.StringArray) -> pa.StringArray:
    """Format contexts; missing places are left out."""
    present = contexts != NO_CLUSTER
    ids = cluster_ids.take(pa.array(contexts[present]))
    return pc.binary_join(list_array(list_offsets(present.sum(axis=1)), ids), SEPARATOR)


def _journey_ids(
    users: Users,
    familiar: FamiliarClusters,
    owners: npt.NDArray[np.intp],
    columns: npt.NDArray[np.int64],
    is_familiar: npt.NDArray[np.bool_],
) -> pa.Array:
    """Return the journey that each familiar item continues; null for others."""
    if users.journeys is None or not users.journeys.num_rows:
        return pa.nulls(len(owners), pa.string())
    sources = familiar.sources[owners, np.where(is_familiar, columns, 0)]
    return users.journeys["journey_id"].take(pa.array(sources, mask=~is_familiar | (sources < 0)))
