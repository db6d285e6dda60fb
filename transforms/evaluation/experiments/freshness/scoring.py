"""Freshness: drift of successors, recent successors as predictions, and recall of a table that is refreshed in part."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.evaluation.bootstrap import Interval, ratio_interval
from transforms.evaluation.experiments.freshness.config import FreshnessConfig
from transforms.evaluation.exploration_sample import ExplorationSample, counts_before, tuned_parameters
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.exploration.blending import fit_blend
from transforms.exploration.blocks import Block, contexts_of
from transforms.exploration.count_models import Source
from transforms.exploration.freshness import (
    Drift,
    PartlyRefreshed,
    Successors,
    changed_contexts,
    drift,
    recent_successors,
    top_successors,
)
from transforms.exploration.recall import ranks_of_next
from transforms.exploration.training_counts import RECENT_FRACTIONS, training_periods
from transforms.exploration.transitions import (
    NO_CLUSTER,
    TEST,
    Codes,
    Flags,
    Integers,
    TransitionCounts,
    Transitions,
    count_transitions,
    take_transitions,
    transitions_of,
    transitions_of_split,
)

ALL_USERS, OTHER_USERS, SAME_PERIOD = "next period", "next period, other half", "same period, other half"
THRESHOLDS = (0.0, 0.3, 0.5, 0.7, 1.0)
"""Contexts with a Jaccard index below the threshold are ranked again."""

CUTOFF = 10


def evaluate_freshness(sample: ExplorationSample, config: FreshnessConfig) -> pa.RecordBatch:
    """Measure drift, recent successors and refreshed tables; rows of `metrics`.

    Raises:
        ValueError: when there are no transitions in the test period.
    """
    test = transitions_of_split(sample.first, sample.context_size, sample.boundaries, TEST)
    if not len(test.users):
        raise ValueError("there are no transitions in the test period, so nothing can be measured")
    days = (sample.end - int(sample.first.times.min())) / 86_400e6 / config.drift_periods
    rows = [
        metric_row("freshness_users", point(sample.user_count)),
        metric_row("freshness_period_days", point(days)),
    ]
    for size in range(1, sample.context_size + 1):
        rows += _drift_rows(sample, size, config)
        rows += _recent_rows(sample, size, config.seed)
    return metric_batch(rows + _refresh_rows(sample, test, config.seed))


def _drift_rows(sample: ExplorationSample, size: int, config: FreshnessConfig) -> list[dict[str, Any]]:
    transitions = transitions_of(sample.first, size)
    periods = equal_periods(sample.first.times, transitions.times, config.drift_periods)
    random = np.random.default_rng(config.seed)
    is_second = random.permutation(np.arange(sample.user_count) % 2 == 1)[transitions.users]
    users = (np.ones(len(is_second), bool), ~is_second, is_second)
    parts = [
        [_successors(sample, take_transitions(transitions, (periods == period) & chosen)) for chosen in users]
        for period in range(config.drift_periods)
    ]
    every, first, second = range(3)
    pairs = list(itertools.pairwise(parts))
    compared = {
        ALL_USERS: [(old[every], new[every]) for old, new in pairs],
        OTHER_USERS: [(old[first], new[second]) for old, new in pairs],
        SAME_PERIOD: [(own[first], own[second]) for own in parts],
    }
    rows = []
    for name, given in compared.items():
        found = [drift(old, new, sample.cluster_count, config.min_context_users) for old, new in given]
        rows += _jaccard_rows(found, len(transitions.users), config.seed, size=size, compared=name)
    return rows


def _jaccard_rows(found: Sequence[Drift], total: int, seed: int, **parts: object) -> list[dict[str, Any]]:
    jaccard = np.concatenate([each.jaccard for each in found])
    users = np.concatenate([each.users for each in found])
    rows = [metric_row("freshness_contexts", point(len(jaccard)), **parts)]
    if len(jaccard):
        rows.append(metric_row("freshness_jaccard", ratio_interval(jaccard * users, users, seed), **parts))
        rows.append(metric_row("freshness_traffic", point(users.sum() / total), **parts))
    return rows


def equal_periods(all_times: Integers, times: Integers, number: int) -> npt.NDArray[np.intp]:
    """Return the period of each time, from 0; the periods have equal numbers of `all_times`, but for ties.

    Args:
        all_times: int64, shape (occurrences,), in any order.
        times: int64, shape (rows,).
        number: number of periods, at least 1.
    """
    ordered = np.sort(all_times)
    starts = ordered[len(ordered) * np.arange(1, number) // number]
    return np.searchsorted(starts, times, side="right")


def _counts(sample: ExplorationSample, transitions: Transitions) -> TransitionCounts:
    return count_transitions(transitions, np.zeros(len(transitions.users), np.int8), sample.cluster_count)


def _successors(sample: ExplorationSample, transitions: Transitions) -> Successors:
    return top_successors(_counts(sample, transitions), sample.cluster_count)


def _recent_rows(sample: ExplorationSample, size: int, seed: int) -> list[dict[str, Any]]:
    """Measure how often the next cluster is the most frequent successor of its context in a recent period.

    All are measured on the transitions whose context has a successor in the shortest period.
    """
    test = transitions_of_split(sample.first, size, sample.boundaries, TEST)
    transitions = transitions_of(sample.first, size)
    before = training_periods(sample.first.times, sample.boundaries.test)
    starts = dict(zip(RECENT_FRACTIONS, before.recent, strict=True)) | {1.0: int(sample.first.times.min())}
    predicted = {}
    for fraction, start in starts.items():
        recent = take_transitions(transitions, (transitions.times >= start) & (transitions.times < before.end))
        predicted[fraction] = recent_successors(test.contexts, _successors(sample, recent), sample.cluster_count)
    covered = predicted[min(starts)] != NO_CLUSTER
    rows = [metric_row("freshness_recent_coverage", point(float(covered.mean())), size=size)] if len(covered) else []
    for fraction, clusters in predicted.items():
        if covered.any():
            hits = _mean_by_user(test.users, clusters == test.next_clusters, covered, seed)
            rows.append(metric_row("freshness_recent_hits", hits, size=size, fraction=fraction))
    return rows


def _mean_by_user(users: Integers, values: Flags, chosen: Flags, seed: int) -> Interval:
    """Return the mean of the chosen rows, with an interval by bootstrap over users."""
    _, codes = np.unique(users, return_inverse=True)
    return ratio_interval(np.bincount(codes, values & chosen), np.bincount(codes, chosen), seed)


def _refresh_rows(sample: ExplorationSample, test: Transitions, seed: int) -> list[dict[str, Any]]:
    """Measure tables that were computed before the validation period, and refreshed before the test period."""
    count, size = sample.cluster_count, sample.context_size
    old_counts, new_counts = (counts_before(sample, end) for end in sample.boundaries)
    parameters = tuned_parameters(sample)
    stored, fresh = (fit_blend(counts, parameters, sample.centroids) for counts in (old_counts, new_counts))
    old, new = (top_successors(counts.orders[size], count) for counts in (old_counts, new_counts))
    rows = [
        metric_row("freshness_refresh_contexts", point(len(new.contexts))),
        metric_row("freshness_refresh_days", point((sample.boundaries.test - sample.boundaries.validation) / 86_400e6)),
        *_table_rows(sample, stored, np.zeros((0, size), np.int32), test, seed, threshold="none"),
    ]
    for threshold in THRESHOLDS:
        changed = changed_contexts(old, new, count, threshold)
        refreshed = PartlyRefreshed(stored, fresh, changed)
        rows += _table_rows(sample, refreshed, changed, test, seed, threshold=threshold)
    everything = contexts_of(Block(size, 0, count**size), count)
    return rows + _table_rows(sample, fresh, everything, test, seed, threshold="all")


def _table_rows(
    sample: ExplorationSample, source: Source, changed: Codes, test: Transitions, seed: int, **parts: object
) -> list[dict[str, Any]]:
    every = np.ones(len(test.users), bool)
    hits = ranks_of_next(source, test, sample.first) <= CUTOFF
    traffic = PartlyRefreshed(source, source, changed).is_changed(test.contexts)
    return [
        metric_row("freshness_refreshed", point(len(changed)), **parts),
        metric_row("freshness_refreshed_traffic", point(float(traffic.mean())), **parts),
        metric_row("freshness_recall", _mean_by_user(test.users, hits, every, seed), **parts),
    ]
