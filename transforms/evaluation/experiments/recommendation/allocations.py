"""Allocations of places to the clusters of the lookup table: hits of lists of novel items by each of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from transforms.evaluation.bootstrap import mean_interval
from transforms.evaluation.experiments.recommendation.lists import rank_in_clusters
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

Row = dict[str, Any]

COMPARED_SLOTS = (5, LIST_SIZE)
"""Numbers of novel items of the lists; `recommend` lists five by default."""

CHOSEN = "recommender"
"""The items of the lists are ranked by the recommender that was chosen."""

_MEASURES = ("novel_hit_rate", "novel_ndcg", "novel_cluster_hit_rate")


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
    rankers = {
        CHOSEN: methods.recommender(choices.recommender),
        SHIPPED: Recommender(methods.items[SHIPPED], methods.items[RECENT], 0.0),
    }
    table, training = methods.clusters[OURS], methods.training
    for items, ranker in rankers.items():
        for allocation in ALLOCATIONS:
            lists = rank_in_clusters(table, ranker, training, measured.users, allocation, LIST_SIZE)
            parts = {"items": items, "clusters": allocation.clusters_name, "power": allocation.power_name}
            for slots in COMPARED_SLOTS:
                yield from _measure_rows(measured.measure(lists[:, :slots]), seed, slots=slots, **parts)


def _measure_rows(values: Floats, seed: int, **parts: object) -> Iterator[Row]:
    for measure in _MEASURES:
        own = values[:, MEASURES.index(measure)]
        if not np.isnan(own).all():
            yield metric_row(f"recommendation_allocation_{measure}", mean_interval(own[~np.isnan(own)], seed), **parts)
