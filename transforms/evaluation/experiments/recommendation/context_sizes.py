"""Contexts of one, two and three clusters: hits on novel items, and the breadth that users would reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from transforms.evaluation.bootstrap import mean_interval
from transforms.evaluation.experiments.recommendation.lists import rank_in_clusters
from transforms.evaluation.experiments.recommendation.measured import MeasuredUsers
from transforms.evaluation.experiments.recommendation.methods import (
    LIST_SIZE,
    OURS,
    UNRESTRICTED,
    Choices,
    FittedMethods,
    own_lists,
)
from transforms.evaluation.experiments.recommendation.table import TableClusters, fit_table
from transforms.evaluation.metric_rows import metric_row, point
from transforms.recommendation.breadth_measures import UCI_WINDOW
from transforms.recommendation.histories import Codes
from transforms.recommendation.measures import MEASURES, Flags
from transforms.recommendation.protocol import between, consumed_clusters, take_users

Row = dict[str, Any]

SIZES = (1, 2, 3)
UCI_LEVELS = (1, 2, 3, 5, 10, 20)
"""The values of N of UCI@N."""

_MEASURES = ("novel_recall", "novel_ndcg", "novel_hit_rate", "novel_cluster_recall", "novel_cluster_hit_rate")


def compare_context_sizes(
    methods: FittedMethods, choices: Choices, measured: MeasuredUsers, seed: int
) -> Iterator[Row]:
    """Measure lists of novel items after contexts of one, two and three clusters, on users with at least three.

    UCI@N is computed on the clusters that these users consumed in the seven days before the date, and those of the
    list that they consumed after it: what users would reach in a week if they consumed the hits.

    Args:
        methods: fitted methods.
        choices: the recommender, and the allocation of the lookup table, which is the same for all sizes.
        measured: the users and their targets.
        seed: random seed.
    """
    enough = (measured.consumed > 0).sum(axis=1) >= max(SIZES)
    if not enough.any():
        return
    training, recommender = methods.training, methods.recommender(choices.recommender)
    allocation = choices.allocations[OURS][LIST_SIZE - 1]
    lists: dict[str, Codes] = {}
    for size in SIZES:
        table = TableClusters.from_recent(fit_table(training, size, seed), training, size)
        lists[f"K={size}"] = rank_in_clusters(table, recommender, training, measured.users, allocation, LIST_SIZE)
    lists[UNRESTRICTED] = own_lists(methods, choices, UNRESTRICTED, measured.users)
    for name, found in lists.items():
        values = measured.measure(found)[enough]
        for measure in _MEASURES:
            own = values[:, MEASURES.index(measure)]
            if not np.isnan(own).all():
                interval = mean_interval(own[~np.isnan(own)], seed)
                yield metric_row(f"recommendation_size_{measure}", interval, lists=name)
    yield from _uci_rows(lists, measured, enough)


def _uci_rows(lists: Mapping[str, Codes], measured: MeasuredUsers, chosen: Flags) -> Iterator[Row]:
    recent = recent_clusters(measured)
    reached = {"no list": recent} | {name: recent | hit_clusters(found, measured) for name, found in lists.items()}
    for name, clusters in reached.items():
        counts = clusters[chosen].sum(axis=1)
        for level in UCI_LEVELS:
            value = point(int((counts >= level).sum()), int(chosen.sum()))
            yield metric_row("recommendation_uci", value, lists=name, at_least=level)


def recent_clusters(measured: MeasuredUsers) -> Flags:
    """Return what users consumed in the seven days before the date, bool, shape (users, C)."""
    training = measured.training
    recent = between(training.past, training.date - UCI_WINDOW, training.date)
    own = take_users(recent, measured.users)
    return consumed_clusters(own, training.catalogue.item_clusters, training.catalogue.cluster_count) > 0


def hit_clusters(lists: Codes, measured: MeasuredUsers) -> Flags:
    """Return the clusters of lists that the users consumed after the date, bool, shape (users, C)."""
    of_items = measured.training.catalogue.item_clusters
    listed, wanted = np.zeros(measured.consumed.shape, bool), np.zeros(measured.consumed.shape, bool)
    rows = np.broadcast_to(np.arange(len(lists))[:, None], lists.shape)
    present = lists >= 0
    listed[rows[present], of_items[lists[present]]] = True
    users = np.repeat(np.arange(len(lists)), np.diff(measured.targets.offsets))
    wanted[users, of_items[measured.targets.items]] = True
    return listed & wanted
