"""Allocations of places to clusters: hits of the items of the lookup table, and of familiar items, by each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from transforms.evaluation.bootstrap import mean_interval
from transforms.evaluation.experiments.recommendation.lists import rank_in_clusters, rank_items
from transforms.evaluation.experiments.recommendation.measured import MeasuredUsers
from transforms.evaluation.experiments.recommendation.methods import (
    ALLOCATIONS,
    LIST_SIZE,
    OURS,
    RECENT,
    SHIPPED,
    Choices,
    FittedMethods,
)
from transforms.evaluation.experiments.recommendation.recommender import Recommender
from transforms.evaluation.experiments.recommendation.training import Floats
from transforms.evaluation.metric_rows import metric_row
from transforms.recommendation.measures import MEASURES
from transforms.recommendation.policies import cluster_weights

Row = dict[str, Any]

COMPARED_SLOTS = (5, LIST_SIZE)
"""Numbers of novel items of the lists; `recommend` lists five by default."""

CHOSEN = "recommender"
"""The items of the lists are ranked by the recommender that was chosen."""

FAMILIAR_POWERS = (0.0, 0.25, 0.5, 1.0, 2.0)
"""Compared powers of the number of interactions of a user with a familiar cluster."""

_NOVEL = ("novel_hit_rate", "novel_ndcg", "novel_cluster_hit_rate")
_FAMILIAR = ("familiar_hit_rate", "familiar_ndcg", "familiar_recall", "calibration")


def compare_allocations(methods: FittedMethods, choices: Choices, measured: MeasuredUsers, seed: int) -> Iterator[Row]:
    """Measure lists of novel items of the lookup table by each allocation, with two rankers of items.

    The rankers are the recommender that was chosen, and the default ranker of `recommend`, whose scores are scaled to
    [0, 1] for each user.

    Args:
        methods: fitted methods.
        choices: the recommender.
        measured: the users and their targets.
        seed: random seed of intervals.
    """
    table, training = methods.clusters[OURS], methods.training
    for items, ranker in _rankers(methods, choices).items():
        for allocation in ALLOCATIONS:
            lists = rank_in_clusters(table, ranker, training, measured.users, allocation, LIST_SIZE)
            parts = {"items": items, "clusters": allocation.clusters_name, "power": allocation.power_name}
            for slots in COMPARED_SLOTS:
                values = measured.measure(lists[:, :slots])
                yield from _rows("recommendation_allocation", _NOVEL, values, seed, slots=slots, **parts)


def compare_familiar(methods: FittedMethods, choices: Choices, measured: MeasuredUsers, seed: int) -> Iterator[Row]:
    """Measure lists of familiar items whose scores are multiplied by the consumption of their cluster to a power.

    Arguments as for `compare_allocations`; the same two rankers.
    """
    training, users = methods.training, measured.users
    consumed = training.consumed[users]
    for items, ranker in _rankers(methods, choices).items():
        for power in FAMILIAR_POWERS:
            weights = np.where(consumed > 0, cluster_weights(consumed, power), 0.0)
            lists = rank_items(ranker, training, users, weights, LIST_SIZE)
            for slots in COMPARED_SLOTS:
                values = measured.measure(lists[:, :slots])
                yield from _rows(
                    "recommendation_familiar_list", _FAMILIAR, values, seed, items=items, power=power, slots=slots
                )


def _rankers(methods: FittedMethods, choices: Choices) -> dict[str, Recommender]:
    return {
        CHOSEN: methods.recommender(choices.recommender),
        SHIPPED: Recommender(methods.items[SHIPPED], methods.items[RECENT], 0.0),
    }


def _rows(name: str, measures: Iterable[str], values: Floats, seed: int, **parts: object) -> Iterator[Row]:
    for measure in measures:
        own = values[:, MEASURES.index(measure)]
        if not np.isnan(own).all():
            yield metric_row(f"{name}_{measure}", mean_interval(own[~np.isnan(own)], seed), **parts)
