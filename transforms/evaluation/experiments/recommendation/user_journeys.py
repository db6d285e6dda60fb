"""The journeys of users before the date, as contexts of the lookup table and as what recommendations are compared with.

They are formed here from what is before the date alone: journeys that `extract` wrote for the whole log would know
what follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.evaluation.bootstrap import mean_interval, paired_difference
from transforms.evaluation.experiments.recommendation.lists import rank_in_clusters
from transforms.evaluation.experiments.recommendation.measured import MeasuredUsers
from transforms.evaluation.experiments.recommendation.methods import LIST_SIZE, OURS, Choices, FittedMethods
from transforms.evaluation.experiments.recommendation.table import TableClusters, fit_table
from transforms.evaluation.experiments.recommendation.training import Training
from transforms.evaluation.metric_rows import metric_row, point
from transforms.exploration.fitted_sources import BLEND
from transforms.exploration.transitions import NO_CLUSTER, Codes
from transforms.journeys.bayesian import cluster_histories
from transforms.journeys.config import BayesianConfig
from transforms.journeys.form_journeys import journeys_from_labels
from transforms.recommendation.histories import Integers
from transforms.recommendation.measures import MEASURES
from transforms.recommendation.protocol import take_users

Row = dict[str, Any]

MIN_SIZE = 2
"""Minimum number of distinct items of a journey; lower than that of `extract`, because half of a log is short."""

MAX_HISTORY = 1000
"""Number of interactions of a user from which journeys are formed, the latest ones."""

_MEASURES = ("novel_recall", "novel_ndcg", "novel_hit_rate", "novel_cluster_recall", "novel_cluster_hit_rate")


class UserJourneys(NamedTuple):
    """The journeys of some users, by user, the most recently active one last.

    Attributes:
        offsets: int64, shape (users + 1,).
        clusters: int32, shape (journeys,): the most frequent cluster of its items; ties: the lower code.
        centroids: float32, shape (journeys, dimensions): the mean direction of its items, unit rows.
    """

    offsets: Integers
    clusters: Codes
    centroids: npt.NDArray[np.float32]


def user_journeys(training: Training, users: Integers) -> UserJourneys:
    """Form the journeys of some users by the vectors of items, as `extract` does.

    Args:
        training: what is before the date.
        users: int64, shape (users,).
    """
    past, catalogue = take_users(training.past, users), training.catalogue
    starts = np.maximum(past.offsets[:-1], past.offsets[1:] - MAX_HISTORY)
    kept = np.concatenate([np.arange(start, end) for start, end in zip(starts, past.offsets[1:], strict=True)])
    items, times = past.items[kept], past.times[kept]
    offsets = np.concatenate([[0], np.cumsum(past.offsets[1:] - starts)]).astype(np.int64)
    labels = cluster_histories(offsets, items, catalogue.vectors, BayesianConfig())
    found = journeys_from_labels(offsets, items, labels, catalogue.item_count, MIN_SIZE)
    rows = np.repeat(np.arange(len(found.users)), np.diff(found.member_offsets))
    members = items[found.members]
    counts = np.zeros((len(found.users), catalogue.cluster_count), np.int64)
    np.add.at(counts, (rows, catalogue.item_clusters[members]), 1)
    sums = np.zeros((len(found.users), catalogue.vectors.shape[1]), np.float32)
    np.add.at(sums, rows, _unit(catalogue.vectors[members]))
    last = np.zeros(len(found.users), np.int64)
    np.maximum.at(last, rows, times[found.members])
    order = np.lexsort((np.arange(len(last)), last, found.users))
    lengths = np.bincount(found.users, minlength=len(users))
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return UserJourneys(ends, counts[order].argmax(axis=1).astype(np.int32), _unit(sums[order]))


def _unit(vectors: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    values = vectors.astype(np.float64)
    lengths = np.sqrt((values**2).sum(axis=1, keepdims=True))
    return (values / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)


def journey_contexts(journeys: UserJourneys, size: int) -> Codes:
    """Return the clusters of the journeys that were active last, int32, shape (users, size), the last one last.

    Several journeys with one cluster count as one; `NO_CLUSTER` in the first places of shorter contexts.
    """
    contexts = np.full((len(journeys.offsets) - 1, size), NO_CLUSTER, np.int32)
    for user, (start, end) in enumerate(zip(journeys.offsets[:-1], journeys.offsets[1:], strict=True)):
        latest = list(dict.fromkeys(journeys.clusters[start:end][::-1].tolist()))[:size][::-1]
        if latest:
            contexts[user, size - len(latest) :] = latest
    return contexts


def compare_contexts(
    methods: FittedMethods,
    choices: Choices,
    measured: MeasuredUsers,
    journeys: UserJourneys,
    size: int,
    seed: int,
) -> Iterator[Row]:
    """Compare contexts of the most recent clusters with those of journeys, on users with a journey.

    Args:
        methods: fitted methods.
        choices: the recommender, and the allocation of the lookup table.
        measured: the users and their targets.
        journeys: the journeys of these users.
        size: number of clusters of a context, K.
        seed: random seed.
    """
    has_journey = np.diff(journeys.offsets) > 0
    if not has_journey.any():
        return
    training, recommender = methods.training, methods.recommender(choices.recommender)
    fitted = fit_table(training, size, seed)
    recent = TableClusters.from_recent(fitted, training, size)
    contexts = recent.contexts.copy()
    contexts[measured.users] = journey_contexts(journeys, size)
    tables = {"recent clusters": recent, "clusters of journeys": TableClusters(fitted.by_name[BLEND], contexts)}
    allocation = choices.allocations[OURS][LIST_SIZE - 1]
    values = {}
    for name, table in tables.items():
        lists = rank_in_clusters(table, recommender, training, measured.users, allocation, LIST_SIZE)
        values[name] = measured.measure(lists)[has_journey]
    different = (recent.contexts[measured.users] != contexts[measured.users]).any(axis=1)[has_journey]
    yield metric_row("recommendation_other_context", point(float(different.mean()), int(has_journey.sum())))
    for measure in _MEASURES:
        first, second = (found[:, MEASURES.index(measure)] for found in values.values())
        defined = ~np.isnan(first) & ~np.isnan(second)
        if not defined.any():
            continue
        for name, own in zip(values, (first, second), strict=True):
            yield metric_row(f"recommendation_context_{measure}", mean_interval(own[defined], seed), context=name)
        gain = paired_difference(second[defined], first[defined], seed)
        yield metric_row("recommendation_context_difference", gain, measure=measure)
