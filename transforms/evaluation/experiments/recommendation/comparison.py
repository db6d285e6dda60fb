"""Comparison of all methods: their own lists, and mixtures of familiar items with their novel ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from transforms.evaluation.bootstrap import mean_interval, paired_difference
from transforms.evaluation.experiments.recommendation.lists import Allocation, mix_lists
from transforms.evaluation.experiments.recommendation.measured import MeasuredUsers
from transforms.evaluation.experiments.recommendation.methods import (
    LIST_SIZE,
    OURS,
    UNRESTRICTED,
    Choices,
    FittedMethods,
    familiar_lists,
    novel_lists,
    own_lists,
)
from transforms.evaluation.experiments.recommendation.training import Floats
from transforms.evaluation.metric_rows import metric_row, point
from transforms.recommendation.breadth_measures import count_codes, list_diversity
from transforms.recommendation.histories import NO_ITEM, Codes
from transforms.recommendation.measures import MEASURES

Row = dict[str, Any]

FRACTIONS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""Fractions of novel items of the lists that are compared."""

OWN = "own"
"""The slice of a method's own list, of all clusters."""

COMPARED = ("novel_hit_rate", "novel_ndcg", "novel_cluster_hit_rate", "hit_rate", "ndcg")
"""The measures by which the lookup table is compared with each rival, user by user."""


class Compared(NamedTuple):
    """Lists of one method and their measures.

    Attributes:
        lists: int32, shape (users, k).
        values: float64, shape (users, measures).
    """

    lists: Codes
    values: Floats


def method_names(methods: FittedMethods) -> list[str]:
    """Return the names of all methods: the lookup table, the unrestricted recommender, and all others."""
    return list(dict.fromkeys((OURS, UNRESTRICTED, *methods.items, *methods.clusters)))


def mixed_lists(
    methods: FittedMethods, choices: Choices, name: str, measured: MeasuredUsers, familiar: Codes
) -> dict[float, Codes]:
    """Mix the familiar lists with the novel items of a method, by fraction of novel items.

    A list has at most that fraction of novel items. It is shorter than ten items where a user has too few familiar
    ones.
    """
    mixed = {0.0: familiar}
    found: dict[Allocation | None, Codes] = {}
    for fraction in FRACTIONS:
        slots = round(fraction * LIST_SIZE)
        if not slots:
            continue
        allocation = choices.allocations[name][slots - 1] if name in methods.clusters else None
        if allocation not in found:
            found[allocation] = novel_lists(methods, choices, name, measured.users, slots)
        novel = np.where(np.arange(LIST_SIZE) < slots, found[allocation], NO_ITEM)
        mixed[fraction] = mix_lists(familiar, novel, fraction)
    return mixed


def compare_methods(methods: FittedMethods, choices: Choices, measured: MeasuredUsers, seed: int) -> Iterator[Row]:
    """Measure all methods on the same users.

    Args:
        methods: methods that are fitted to what is before the date.
        choices: what was chosen on the validation period.
        measured: the users and their targets.
        seed: random seed of intervals.
    """
    familiar = familiar_lists(methods, choices, measured.users)
    ours: dict[str, Compared] = {}
    for name in method_names(methods):
        lists: dict[str, Codes] = {
            str(fraction): found for fraction, found in mixed_lists(methods, choices, name, measured, familiar).items()
        }
        if name not in methods.clusters:
            lists[OWN] = own_lists(methods, choices, name, measured.users)
        compared = {part: Compared(found, measured.measure(found)) for part, found in lists.items()}
        if name == OURS:
            ours = compared
        for part, found in compared.items():
            yield from _measure_rows(found, measured, seed, method=name, novel=part)
            if name != OURS and part != OWN:
                yield from _difference_rows(ours[part].values, found.values, seed, method=name, novel=part)


def _measure_rows(found: Compared, measured: MeasuredUsers, seed: int, **parts: object) -> Iterator[Row]:
    for place, measure in enumerate(MEASURES):
        values = found.values[:, place]
        defined = values[~np.isnan(values)]
        if len(defined):
            yield metric_row(f"recommendation_{measure}", mean_interval(defined, seed), **parts)
    catalogue = measured.training.catalogue
    of_items = list_diversity(count_codes(found.lists, catalogue.item_count))
    clusters = np.where(found.lists == NO_ITEM, -1, catalogue.item_clusters[found.lists])
    of_clusters = list_diversity(count_codes(clusters, catalogue.cluster_count))
    variety = {
        "coverage": of_items.coverage,
        "gini": of_items.gini,
        "effective_items": of_items.effective,
        "effective_clusters": of_clusters.effective,
    }
    for name, value in variety.items():
        yield metric_row(f"recommendation_{name}", point(value, len(found.lists)), **parts)


def _difference_rows(ours: Floats, rival: Floats, seed: int, **parts: object) -> Iterator[Row]:
    """Return the measures of the lookup table minus those of a rival, resampled by the same users."""
    for measure in COMPARED:
        place = MEASURES.index(measure)
        defined = ~np.isnan(ours[:, place]) & ~np.isnan(rival[:, place])
        if defined.any():
            difference = paired_difference(ours[defined, place], rival[defined, place], seed)
            yield metric_row("recommendation_difference", difference, measure=measure, **parts)
