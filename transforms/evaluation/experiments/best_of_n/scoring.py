"""Best-of-n: quality of alignment models on held-out returns, and the curve of novelty against satisfaction."""

from __future__ import annotations

import itertools
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy.stats import rankdata

from transforms.columnar import run_offsets
from transforms.evaluation.bootstrap import Interval, ratio_interval
from transforms.evaluation.experiments.best_of_n.config import BestOfNConfig
from transforms.evaluation.exploration_sample import ExplorationSample, counts_before, tuned_parameters
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.exploration.alignment import AlignmentModel, fit_alignment, rate_model, unit_centroids
from transforms.exploration.best_of_n import BestOfN
from transforms.exploration.blending import fit_blend
from transforms.exploration.count_models import Source, top_clusters
from transforms.exploration.feedback import (
    Outcomes,
    Period,
    aggregate,
    candidate_rates,
    drop_few_users,
    outcomes_of,
)
from transforms.exploration.recall import breadth, ranks_of_next
from transforms.exploration.transitions import (
    NO_CLUSTER,
    TEST,
    Codes,
    FirstOccurrences,
    Flags,
    Integers,
    SplitTimes,
    Transitions,
    context_keys,
    transitions_of,
    transitions_of_split,
)

Floats = npt.NDArray[np.float64]

RATE = "rate of the candidate"
SCORERS = ("pointwise", "pairwise", RATE)
GREEDY = "best of the source"
"""The source without sampling and without an alignment model."""

CUTOFFS = (1, 5)
_FEEDBACK_CONTEXT = 1  # clusters; few pairs of longer contexts and candidates have enough users


class Periods(NamedTuple):
    """The periods of feedback.

    Attributes:
        training: what the alignment models are fitted to: all before the test period.
        test: what they are measured on.
    """

    training: Period
    test: Period


def feedback_periods(first: FirstOccurrences, boundaries: SplitTimes, end: int, return_fraction: float) -> Periods:
    """Return the periods of feedback, with equal horizons.

    Args:
        first: the first occurrences of all periods.
        boundaries: boundaries of the splits.
        end: first time after all first interactions.
        return_fraction: the horizon as a fraction of the test period.
    """
    horizon = max(round(return_fraction * (end - min(boundaries.test, end))), 1)
    start = int(first.times.min())
    return Periods(Period(start, min(boundaries.test, end), horizon), Period(boundaries.test, end, horizon))


def evaluate_best_of_n(sample: ExplorationSample, config: BestOfNConfig) -> pa.RecordBatch:
    """Fit the source and the alignment models before the test period, and measure them in it; rows of `metrics`.

    Raises:
        ValueError: when there are no transitions in the test period, or there is not enough feedback before it.
    """
    test = transitions_of_split(sample.first, sample.context_size, sample.boundaries, TEST)
    if not len(test.users):
        raise ValueError("there are no transitions in the test period, so nothing can be measured")
    periods = feedback_periods(sample.first, sample.boundaries, sample.end, config.return_fraction)
    models, rows = _fit_models(sample, periods.training, config)
    rows += _held_out_rows(models, sample, periods.test, config.seed)
    before_test = counts_before(sample, sample.boundaries.test)
    source = fit_blend(before_test, tuned_parameters(sample), sample.centroids)
    curve = _Curve(sample, test, periods.test, config.seed)
    rows += curve.rows(source, GREEDY, 0)
    for scorer, model in models.items():
        for number in config.candidate_numbers:
            chosen = BestOfN(source, model, number, config.seed, config.temperature)
            rows += curve.rows(chosen, scorer, number)
    return metric_batch(rows)


def _fit_models(
    sample: ExplorationSample, training: Period, config: BestOfNConfig
) -> tuple[dict[str, AlignmentModel], list[dict[str, Any]]]:
    count = sample.cluster_count
    transitions = transitions_of(sample.first, _FEEDBACK_CONTEXT)
    collected = aggregate(outcomes_of(transitions, sample.return_times, training), count)
    feedback = drop_few_users(collected, config.min_feedback_users)
    models = {
        "pointwise": fit_alignment(feedback, sample.centroids, "pointwise"),
        "pairwise": fit_alignment(feedback, sample.centroids, "pairwise"),
        RATE: rate_model(candidate_rates(sample.first, sample.return_times, training, count)),
    }
    counted = {
        "users": sample.user_count,
        "horizon_days": training.horizon / 86_400e6,
        "feedback_rows": len(feedback.users),
        "feedback_users": feedback.users.sum(),
        "training_return_rate": collected.returned.sum() / max(collected.users.sum(), 1),
    }
    return models, [metric_row(f"best_of_n_{name}", point(float(value))) for name, value in counted.items()]


def _held_out_rows(
    models: dict[str, AlignmentModel], sample: ExplorationSample, test: Period, seed: int
) -> list[dict[str, Any]]:
    """Measure how well scores separate the users of the test period who came back from the others."""
    outcomes = outcomes_of(transitions_of(sample.first, _FEEDBACK_CONTEXT), sample.return_times, test)
    if outcomes.returned.all() or not outcomes.returned.any():
        return []
    every = np.zeros(len(outcomes.returned), np.int64)
    contexts = context_keys(outcomes.transitions.contexts, sample.cluster_count)
    rows = [metric_row("best_of_n_test_return_rate", _share_by_user(outcomes, seed))]
    for scorer, model in models.items():
        scores = scores_of(model, outcomes.transitions)
        area = ordered_pairs_by_group(scores, outcomes.returned, every)
        within = ordered_pairs_by_group(scores, outcomes.returned, contexts)
        rows.append(metric_row("best_of_n_auc", point(float(area[0].sum() / area[1].sum())), scorer=scorer))
        if within[1].sum():
            rows.append(metric_row("best_of_n_accuracy", _ratio(*within, seed), scorer=scorer))
    return rows


def scores_of(model: AlignmentModel, transitions: Transitions) -> Floats:
    """Return the score of the next cluster of each transition, float64, shape (rows,)."""
    size = len(model.pair_scores)
    keys, inverse = np.unique(context_keys(transitions.contexts, size), return_inverse=True)
    rows = np.zeros(len(keys), np.intp)
    rows[inverse] = np.arange(len(inverse))
    scores: Floats = model.scores(transitions.contexts[rows])[inverse, transitions.next_clusters]
    return scores


def ordered_pairs_by_group(scores: Floats, positive: Flags, groups: Integers) -> tuple[Floats, Floats]:
    """Count pairs of a positive and another row of one group that scores put into the right order; ties count half.

    Args:
        scores: float64, shape (rows,).
        positive: bool, shape (rows,).
        groups: int64, shape (rows,).

    Returns:
        Pairs in the right order and all pairs, by group, float64: their ratio of sums is the area under the ROC curve
        within groups.
    """
    order = np.argsort(groups, kind="stable")
    offsets = run_offsets(groups[order])
    right, pairs = np.zeros(len(offsets) - 1), np.zeros(len(offsets) - 1)
    for group, (start, stop) in enumerate(itertools.pairwise(offsets.tolist())):
        rows = order[start:stop]
        found = positive[rows]
        number = int(found.sum())
        right[group] = rankdata(scores[rows])[found].sum() - number * (number + 1) / 2
        pairs[group] = number * (len(rows) - number)
    return right, pairs


def _share_by_user(outcomes: Outcomes, seed: int) -> Interval:
    _, codes = np.unique(outcomes.transitions.users, return_inverse=True)
    return _ratio(np.bincount(codes, outcomes.returned), np.bincount(codes), seed)


def _ratio(numerators: npt.ArrayLike, denominators: npt.ArrayLike, seed: int) -> Interval:
    """Return the ratio of sums over units with its interval; not a number without any."""
    if not np.asarray(denominators).sum() > 0:
        return Interval(float("nan"), float("nan"), float("nan"), 0)
    return ratio_interval(numerators, denominators, seed)


class _Curve:
    """Measures sources on the transitions of the test period."""

    def __init__(self, sample: ExplorationSample, test: Transitions, period: Period, seed: int) -> None:
        self.sample = sample
        self.test = test
        self.period = period
        self.seed = seed
        returned = period.counts(test.times) & period.returns(test.times, sample.return_times[test.positions])
        self.returned = returned.astype(np.float64)
        self.every = np.ones(len(returned))
        _, self.users = np.unique(test.users, return_inverse=True)
        unit = unit_centroids(sample.centroids)
        self.cosines = np.einsum("id,jd->ij", unit, unit, optimize=False)

    def rows(self, source: Source, scorer: str, number: int) -> list[dict[str, Any]]:
        parts = {"scorer": scorer, "candidates": number}
        first = top_clusters(source, self.test.contexts, 1)[0][:, 0]
        novelty = 1 - mean_cosines(self.cosines, self.test.contexts, first)
        traffic = np.bincount(first, minlength=self.sample.cluster_count)
        ranks = ranks_of_next(source, self.test, self.sample.first)
        rows = [
            metric_row("best_of_n_novelty", self._by_user(novelty, self.every), **parts),
            metric_row("best_of_n_satisfaction", satisfaction(self.sample, self.period, traffic, self.seed), **parts),
            metric_row("best_of_n_effective_clusters", point(breadth(source, self.test.contexts, 1)), **parts),
        ]
        for k in CUTOFFS:
            hits = (ranks <= k).astype(np.float64)
            rows.append(metric_row("best_of_n_recall", self._by_user(hits, self.every), k=k, **parts))
            if self.returned.any():
                returned = self._by_user(hits * self.returned, self.returned)
                rows.append(metric_row("best_of_n_returned_recall", returned, k=k, **parts))
        return rows

    def _by_user(self, values: Floats, weights: Floats) -> Interval:
        """Return the mean of values with weights 0 or 1, with an interval by bootstrap over users."""
        return _ratio(np.bincount(self.users, values), np.bincount(self.users, weights), self.seed)


def satisfaction(sample: ExplorationSample, period: Period, traffic: Integers, seed: int) -> Interval:
    """Compute the mean return rate of recommended clusters, as observed for all users who consumed them in a period.

    Each first interaction with a cluster weighs by how often the cluster is recommended, divided by the number of first
    interactions with it. The interval therefore includes the uncertainty of the rates; by bootstrap over users.

    Args:
        sample: the sample of users.
        period: the period.
        traffic: int64, shape (C,): how often each cluster is recommended.
        seed: random seed of resampling.
    """
    first = sample.first
    counted = np.flatnonzero(period.counts(first.times))
    clusters = first.clusters[counted]
    consumed = np.bincount(clusters, minlength=len(traffic))
    weights = traffic[clusters] / consumed[clusters]
    weights *= len(counted) / weights.sum() if weights.any() else 1.0
    returned = period.returns(first.times[counted], sample.return_times[counted])
    owners = np.repeat(np.arange(sample.user_count), np.diff(first.offsets))[counted]
    _, users = np.unique(owners, return_inverse=True)
    return _ratio(np.bincount(users, weights * returned), np.bincount(users, weights), seed)


def mean_cosines(cosines: Floats, contexts: Codes, clusters: Codes) -> Floats:
    """Compute the mean cosine of a cluster and the clusters of its context.

    Args:
        cosines: float64, shape (C, C).
        contexts: int32, shape (rows, K), each of at least one cluster.
        clusters: int32, shape (rows,).

    Returns:
        float64, shape (rows,), in [-1, 1].
    """
    given = contexts != NO_CLUSTER
    return np.where(given, cosines[contexts, clusters[:, None]], 0.0).sum(axis=1) / given.sum(axis=1)
