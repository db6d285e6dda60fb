"""A back-test over time: train on what is before a week, recommend for it, and go on to the next week."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from transforms.diversity import effective_number
from transforms.evaluation.bootstrap import ratio_interval
from transforms.evaluation.experiments.recommendation.lists import Allocation, rank_in_clusters, rank_items
from transforms.evaluation.experiments.recommendation.measured import MeasuredUsers, limit_users, measured_at
from transforms.evaluation.experiments.recommendation.methods import (
    LIST_SIZE,
    OURS,
    RANDOM,
    RANDOM_ALLOCATION,
    RECENT,
    UNRESTRICTED,
    Choices,
    fit_item_scorer,
)
from transforms.evaluation.experiments.recommendation.recommender import ComputedScores, Recommender
from transforms.evaluation.experiments.recommendation.rivals.clusters import RandomClusters
from transforms.evaluation.experiments.recommendation.table import TableClusters
from transforms.evaluation.experiments.recommendation.training import (
    Catalogue,
    ClusterScorer,
    Floats,
    Training,
    training_before,
)
from transforms.evaluation.metric_rows import metric_row, point
from transforms.exploration.blending import BlendParameters, fit_blend, tune_blend
from transforms.exploration.count_models import Source
from transforms.exploration.training_counts import count_training, training_periods
from transforms.exploration.transitions import SplitTimes, recent_contexts
from transforms.exploration.validation import count_slices
from transforms.recommendation.breadth_measures import DAY, UCI_WINDOW, engagements, window_breadth
from transforms.recommendation.histories import Codes, Integers, ItemHistories
from transforms.recommendation.measures import MEASURES
from transforms.recommendation.protocol import between, users_of_rows

Row = dict[str, Any]

WEEK = 7 * DAY
REFRESHES = {"weekly": 1, "monthly": 4, "never": 1 << 30}
"""Every how many weeks the table is computed again."""

FIRST_FRACTION = 0.4
"""Fraction of the interactions, the earliest ones, before the first week that is served."""

WEEK_USERS = 2000
"""Maximum number of users who are measured in a week; fewer for a large catalogue."""

WEEK_MEASURES = ("novelty_ratio", "novel_hit_rate", "novel_cluster_hit_rate", "hit_rate")
UCI_LEVELS = (2, 5, 10)


class Schedule(NamedTuple):
    """The weeks of a back-test.

    Attributes:
        dates: int64, shape (weeks,): the dates at which methods are fitted; each is followed by the week that is
            served.
        validation: start of the validation period before the first date.
    """

    dates: Integers
    validation: int


def schedule(histories: ItemHistories, limit: int, validation_fraction: float) -> Schedule:
    """Return the last complete weeks of a log, at most `limit`, that have enough interactions before them."""
    ordered = np.sort(histories.times)
    earliest = int(ordered[int(len(ordered) * FIRST_FRACTION)])
    end = int(ordered[-1]) + 1
    weeks = min(int((end - earliest) // WEEK), limit)
    dates = end - WEEK * np.arange(weeks, 0, -1, dtype=np.int64)
    if not weeks:
        return Schedule(dates, end)
    before = ordered[ordered < dates[0]]
    return Schedule(dates, int(before[len(before) - round(len(before) * validation_fraction) - 1]))


def back_test(
    histories: ItemHistories,
    catalogue: Catalogue,
    weeks: Schedule,
    choices: Choices,
    size: int,
    seed: int,
) -> Iterator[Row]:
    """Serve each week with what was fitted before it; the targets are what users consume in that week.

    Args:
        histories: the interactions of all users.
        catalogue: the items.
        weeks: the weeks.
        choices: the recommender and the allocations, chosen before the first date.
        size: number of clusters of a context, K.
        seed: random seed of random clusters, of the choice of users, and of intervals.
    """
    sums: dict[str, tuple[Floats, Floats]] = {}
    tables: dict[str, Source] = {}
    parameters: BlendParameters | None = None
    limit = limit_users(WEEK_USERS, catalogue.item_count)
    for number, date in enumerate(weeks.dates.tolist()):
        training = training_before(histories, catalogue, min(weeks.validation, date), date)
        if parameters is None:
            parameters = _tune(training, size)
        fresh = _fit(training, parameters, size)
        tables = {name: fresh if number % every == 0 else tables[name] for name, every in REFRESHES.items()}
        measured = measured_at(training, histories, date + WEEK, limit, seed)
        yield from _log_rows(histories, catalogue, date, number)
        if not len(measured.users):
            continue
        for name, lists in _week_lists(training, measured, tables, choices, size, seed).items():
            values = measured.measure(lists)
            for measure in WEEK_MEASURES:
                own = values[:, MEASURES.index(measure)]
                defined = ~np.isnan(own)
                if defined.any():
                    mean = point(float(own[defined].mean()), int(defined.sum()))
                    yield metric_row(f"recommendation_week_{measure}", mean, method=name, week=number)
                total, count = sums.setdefault(f"{measure}/{name}", _zeros(histories))
                np.add.at(total, measured.users[defined], own[defined])
                np.add.at(count, measured.users[defined], 1.0)
            yield metric_row("recommendation_week_breadth", point(_breadth(lists, catalogue)), method=name, week=number)
    for key, (total, count) in sums.items():
        measure, _, name = key.partition("/")
        served = count > 0
        if served.any():
            interval = ratio_interval(total[served], count[served], seed)
            yield metric_row(f"recommendation_weeks_{measure}", interval, method=name)


def _zeros(histories: ItemHistories) -> tuple[Floats, Floats]:
    return np.zeros(histories.user_count), np.zeros(histories.user_count)


def _breadth(lists: Codes, catalogue: Catalogue) -> float:
    clusters = catalogue.item_clusters[lists[lists >= 0]]
    return effective_number(np.bincount(clusters, minlength=catalogue.cluster_count))


def _tune(training: Training, size: int) -> BlendParameters:
    first, count = training.first, training.catalogue.cluster_count
    slices = count_slices(first, count, size, SplitTimes(training.validation, training.date))
    return tune_blend(slices, training.catalogue.centroids)


def _fit(training: Training, parameters: BlendParameters, size: int) -> Source:
    first = training.first
    counted = count_training(
        first, training.catalogue.cluster_count, size, training_periods(first.times, training.date)
    )
    return fit_blend(counted, parameters, training.catalogue.centroids)


def _week_lists(
    training: Training,
    measured: MeasuredUsers,
    tables: dict[str, Source],
    choices: Choices,
    size: int,
    seed: int,
) -> dict[str, Codes]:
    """List novel items by the table of each age, at random, and by the recommender without a table."""
    popularity = fit_item_scorer(RECENT, training, seed)
    base = fit_item_scorer(choices.recommender.base, training, seed)
    recommender = ComputedScores.of(Recommender(base, popularity, choices.recommender.weight), measured.users)
    contexts = recent_contexts(training.past.offsets, training.clusters, size)
    choosers: dict[str, tuple[ClusterScorer, Allocation]] = {
        f"{OURS}, refreshed {name}": (TableClusters(table, contexts), choices.allocations[OURS][LIST_SIZE - 1])
        for name, table in tables.items()
    }
    choosers[RANDOM] = (RandomClusters(training.catalogue.cluster_count, seed), RANDOM_ALLOCATION)
    lists = {
        name: rank_in_clusters(chooser, recommender, training, measured.users, allocation, LIST_SIZE)
        for name, (chooser, allocation) in choosers.items()
    }
    novel = (measured.consumed == 0).astype(np.float64)
    lists[f"{UNRESTRICTED}, novel items"] = rank_items(recommender, training, measured.users, novel, LIST_SIZE)
    lists[UNRESTRICTED] = rank_items(recommender, training, measured.users, np.ones_like(novel), LIST_SIZE)
    return lists


def _log_rows(histories: ItemHistories, catalogue: Catalogue, date: int, number: int) -> Iterator[Row]:
    """Describe what users did in the week from a date on, and how many of them are active in the week after it."""
    week, following = between(histories, date, date + WEEK), between(histories, date + WEEK, date + 2 * WEEK)
    clusters = catalogue.item_clusters[week.items]
    ends = np.array([date + UCI_WINDOW])
    breadth = window_breadth(engagements(users_of_rows(week), clusters, week.times, ends))
    active = np.diff(week.offsets) > 0
    values = {"active_users": float(active.sum()), "engaged_pairs": breadth.engaged_pairs(0)}
    values |= {f"uci_{level}": breadth.uci(0, level) for level in UCI_LEVELS}
    for name, value in values.items():
        yield metric_row(f"recommendation_week_{name}", point(value), week=number)
    if active.any() and date + 2 * WEEK <= int(histories.times.max()) + 1:
        returned = float((np.diff(following.offsets)[active] > 0).mean())
        yield metric_row("recommendation_week_returning", point(returned, int(active.sum())), week=number)
