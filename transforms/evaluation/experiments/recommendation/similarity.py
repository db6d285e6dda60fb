"""Similarity of recommended items to the journeys of their user, at rising thresholds (2305.15498, RQ6)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from transforms.evaluation.bootstrap import mean_interval, paired_difference
from transforms.evaluation.experiments.recommendation.lists import rank_in_turn, rank_items
from transforms.evaluation.experiments.recommendation.measured import MeasuredUsers
from transforms.evaluation.experiments.recommendation.methods import LIST_SIZE, Choices, FittedMethods
from transforms.evaluation.experiments.recommendation.training import Floats
from transforms.evaluation.experiments.recommendation.user_journeys import UserJourneys, journey_contexts
from transforms.evaluation.metric_rows import metric_row
from transforms.recommendation.histories import Codes

Row = dict[str, Any]

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Cosines from which an item counts as similar to a journey."""

AWARE, EXISTING = "journey-aware", "unaware of journeys"
_JOURNEYS = 5


def compare_similarity(
    methods: FittedMethods, choices: Choices, measured: MeasuredUsers, journeys: UserJourneys, seed: int
) -> Iterator[Row]:
    """Measure the fraction of listed items that are similar to any journey of the user, and the gap by threshold.

    The journey-aware list consists of the best items of the recommender in the clusters of the user's five most
    recently active journeys, one of each cluster in turn; the other list of its best items of all clusters.

    Args:
        methods: fitted methods.
        choices: the recommender.
        measured: the users; those without a journey are left out.
        journeys: their journeys.
        seed: random seed of intervals.
    """
    has_journey = np.diff(journeys.offsets) > 0
    if not has_journey.any():
        return
    training, recommender = methods.training, methods.recommender(choices.recommender)
    clusters = journey_contexts(journeys, _JOURNEYS)[:, ::-1].copy()
    everything = np.ones_like(measured.consumed)
    lists = {
        AWARE: rank_in_turn(clusters, recommender, training, measured.users, LIST_SIZE),
        EXISTING: rank_items(recommender, training, measured.users, everything, LIST_SIZE),
    }
    similar = {name: journey_similarities(found, journeys, training.catalogue.vectors) for name, found in lists.items()}
    compared = has_journey & np.logical_and.reduce([~np.isnan(found).all(axis=1) for found in similar.values()])
    if not compared.any():
        return
    for threshold in THRESHOLDS:
        fractions = {name: _fraction(found[compared], threshold) for name, found in similar.items()}
        for name, values in fractions.items():
            interval = mean_interval(values, seed)
            yield metric_row("recommendation_similarity", interval, lists=name, threshold=threshold)
        gap = paired_difference(fractions[AWARE], fractions[EXISTING], seed)
        yield metric_row("recommendation_similarity_gap", gap, threshold=threshold)


def journey_similarities(lists: Codes, journeys: UserJourneys, vectors: npt.NDArray[np.int8]) -> Floats:
    """Compute the highest cosine of each listed item with a journey of its user.

    Args:
        lists: int32, shape (users, k): items, -1 in missing places.
        journeys: the journeys of the same users.
        vectors: int8, shape (items, dimensions): the vectors of items.

    Returns:
        float64, shape (users, k): NaN in missing places, and for users without a journey.
    """
    found = np.full(lists.shape, np.nan)
    for user, (start, end) in enumerate(zip(journeys.offsets[:-1], journeys.offsets[1:], strict=True)):
        listed = lists[user] >= 0
        if start == end or not listed.any():
            continue
        own = vectors[lists[user][listed]].astype(np.float64)
        lengths = np.sqrt((own**2).sum(axis=1, keepdims=True))
        cosines = (own / np.where(lengths > 0, lengths, 1.0)) @ journeys.centroids[start:end].T.astype(np.float64)
        found[user, listed] = cosines.max(axis=1)
    return found


def _fraction(similarities: Floats, threshold: float) -> Floats:
    listed = ~np.isnan(similarities)
    reached = listed & (np.where(listed, similarities, -1.0) >= threshold)
    return reached.sum(axis=1) / listed.sum(axis=1)
