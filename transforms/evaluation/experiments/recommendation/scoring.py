"""All measurements of the experiment, from a log as arrays to rows of `metrics`."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from transforms.evaluation.experiments.recommendation.allocations import compare_allocations, compare_familiar
from transforms.evaluation.experiments.recommendation.comparison import compare_methods
from transforms.evaluation.experiments.recommendation.config import RecommendationConfig
from transforms.evaluation.experiments.recommendation.context_sizes import compare_context_sizes
from transforms.evaluation.experiments.recommendation.measured import (
    MeasuredUsers,
    choose,
    earlier_training,
    measured_after,
)
from transforms.evaluation.experiments.recommendation.methods import Choices, fit_methods
from transforms.evaluation.experiments.recommendation.rolling import back_test, schedule
from transforms.evaluation.experiments.recommendation.sample import RecommendationLog, recommendation_log
from transforms.evaluation.experiments.recommendation.similarity import compare_similarity
from transforms.evaluation.experiments.recommendation.training import training_before
from transforms.evaluation.experiments.recommendation.user_journeys import compare_contexts, user_journeys
from transforms.evaluation.log_and_tree import Batches
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.exploration.transitions import split_times
from transforms.progress import Progress
from transforms.recommendation.breadth_measures import DAY

Row = dict[str, Any]

COMPARISONS_COUNTER, NUM_COMPARISONS = "comparisons", 8
"""The name of comparisons in the progress, and how many there are: the choices, six comparisons, the last weeks."""


@dataclasses.dataclass(frozen=True)
class EvaluateRecommendation:
    """Computes rows of `metrics`, as `EvaluateLogAndTree` calls it; no columns of items are used.

    Attributes:
        config: configuration of the experiment.
        progress: counts comparisons.
    """

    config: RecommendationConfig
    progress: Progress

    def __call__(
        self, rows: pa.RecordBatch, clusters: Batches, item_clusters: Batches, items: Batches, vectors: Batches
    ) -> pa.RecordBatch:
        log = recommendation_log(rows, clusters, item_clusters, vectors, self.config.level)
        return evaluate_recommendation(log, self.config, self.progress)


def evaluate_recommendation(
    log: RecommendationLog, config: RecommendationConfig, progress: Progress | None = None
) -> pa.RecordBatch:
    """Compare all methods on the test period of a log; rows of `metrics`.

    Args:
        log: the log.
        config: configuration of the experiment.
        progress: counts comparisons; None: nothing counts them.

    Raises:
        ValueError: when no user has interactions before and after the date, with items that are new to the user.
    """
    transitions, seed = config.transitions, config.seed
    boundaries = split_times(log.histories.times, transitions)
    training = training_before(log.histories, log.catalogue, *boundaries)
    measured = measured_after(training, log.histories, config.measured_users, seed)
    if not len(measured.users):
        raise ValueError("no user has interactions before the test period and new items in it; nothing can be measured")
    size = transitions.context_size
    earlier = earlier_training(training, transitions.validation_fraction / (1 - transitions.test_fraction))
    choices = choose(fit_methods(earlier, size, seed), training, seed)
    methods, journeys = fit_methods(training, size, seed), user_journeys(training, measured.users)
    rows = list(_amount_rows(log, measured))

    def add(found: Iterable[Row]) -> None:
        rows.extend(found)
        (progress or Progress()).add(COMPARISONS_COUNTER, 1)

    add(_choice_rows(choices, log.catalogue.cluster_count))
    add(compare_methods(methods, choices, measured, seed))
    add(compare_allocations(methods, choices, measured, seed))
    add(compare_familiar(methods, choices, measured, seed))
    add(compare_context_sizes(methods, choices, measured, seed))
    add(compare_contexts(methods, choices, measured, journeys, size, seed))
    add(compare_similarity(methods, choices, measured, journeys, seed))
    add(_back_test(log, config))
    return metric_batch(rows)


def _back_test(log: RecommendationLog, config: RecommendationConfig) -> Iterator[Row]:
    """Serve the last weeks of the log one after another, with choices from before the first of them."""
    transitions, seed = config.transitions, config.seed
    fraction = transitions.validation_fraction / (1 - transitions.test_fraction)
    weeks = schedule(log.histories, config.rolling_weeks, fraction)
    if not len(weeks.dates):
        return
    training = training_before(log.histories, log.catalogue, weeks.validation, int(weeks.dates[0]))
    earlier = fit_methods(earlier_training(training, fraction), transitions.context_size, seed)
    choices = choose(earlier, training, seed)
    yield from back_test(log.histories, log.catalogue, weeks, choices, transitions.context_size, seed)


def _amount_rows(log: RecommendationLog, measured: MeasuredUsers) -> Iterator[Row]:
    targets, training = measured.targets, measured.training
    new_items = np.setdiff1d(targets.items, training.past.items)
    amounts = {
        "users": log.histories.user_count,
        "measured_users": len(measured.users),
        "items": log.catalogue.item_count,
        "clusters": log.catalogue.cluster_count,
        "interactions": len(log.histories.items),
        "unclustered_interactions": log.unclustered,
        "targets": len(targets.items),
        "novel_targets": int(targets.is_novel.sum()),
        "new_item_targets": int(np.isin(targets.items, new_items).sum()),
        "training_days": (training.date - int(log.histories.times.min())) / DAY,
        "test_days": (int(log.histories.times.max()) - training.date) / DAY,
    }
    for name, value in amounts.items():
        yield metric_row(f"recommendation_{name}", point(value))


def _choice_rows(choices: Choices, cluster_count: int) -> Iterator[Row]:
    """Return the recommender, and the number of clusters and the power of their scores of each method."""
    chosen = choices.recommender
    yield metric_row("recommendation_popularity_weight", point(chosen.weight), base=chosen.base)
    for method, allocations in choices.allocations.items():
        for slots, allocation in enumerate(allocations, 1):
            parts = {"method": method, "slots": slots, "power": allocation.power_name}
            clusters = point(min(allocation.clusters, cluster_count))
            yield metric_row("recommendation_allocated_clusters", clusters, **parts)
