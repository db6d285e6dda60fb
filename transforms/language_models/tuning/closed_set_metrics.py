"""Metrics of a model that is tuned to generate members of a closed set, such as descriptions of clusters.

The match rate and the recall are those of 2405.16363 (offline metrics): how often the model generates a member of the
set without a constraint, and how often the completion of a validation pair is among the first k members.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.diversity import coverage, effective_number, gini
from transforms.language_models.constraint import ClosedSet
from transforms.language_models.tuning.config import ClosedSetThresholds, TrainingExample

if TYPE_CHECKING:
    from transforms.language_models.transformers_model import TransformersModel

CUTOFFS = (1, 5, 10)

SUFFICIENT_MATCH_RATE = 0.99
"""Evaluations of at least this match rate are compared by their recall, others by their match rate."""


class ClosedSetExamples(NamedTuple):
    """Validation examples of a task with a closed set of completions.

    Attributes:
        outputs: the members of the set.
        prompts: the prompts.
        completions: int64, shape (prompts,): index of the expected member.
        excluded: bool, shape (prompts, members): members that are not valid after a prompt.
        weights: float64, shape (prompts,): weights in all metrics.
    """

    outputs: tuple[str, ...]
    prompts: tuple[str, ...]
    completions: npt.NDArray[np.int64]
    excluded: npt.NDArray[np.bool_]
    weights: npt.NDArray[np.float64]


class ClosedSetMetrics(NamedTuple):
    """Metrics of a model, weighted means over prompts.

    Attributes:
        match_rate: how often the most probable completion, without a constraint, is a member of the set.
        valid_rate: how often it is a member that is not excluded for the prompt.
        recall_1: how often the expected completion is the first member that is not excluded.
        recall_5: how often it is among the first five.
        recall_10: how often it is among the first ten.
        chance_10: the expected `recall_10` of a random order.
        gini: Gini coefficient of the distribution of the first member over the set.
        coverage: fraction of the members that are first for some prompt.
        effective_number: effective number of the members that are first.
    """

    match_rate: float
    valid_rate: float
    recall_1: float
    recall_5: float
    recall_10: float
    chance_10: float
    gini: float
    coverage: float
    effective_number: float


def closed_set_examples(validation: Sequence[TrainingExample], outputs: Sequence[str]) -> ClosedSetExamples:
    """Prepare validation examples for `measure_closed_set`.

    Args:
        validation: the examples.
        outputs: the members of the set, among them all completions.

    Raises:
        ValueError: without examples.
    """
    if not validation:
        raise ValueError("there are no validation pairs, so match rate and recall cannot be measured")
    index = {output: member for member, output in enumerate(outputs)}
    excluded = np.zeros((len(validation), len(outputs)), bool)
    for row, example in enumerate(validation):
        excluded[row, [index[text] for text in example.excluded or () if text in index]] = True
    return ClosedSetExamples(
        tuple(outputs),
        tuple(example.prompt for example in validation),
        np.array([index[example.completion] for example in validation], np.int64),
        excluded,
        np.array([example.weight for example in validation], np.float64),
    )


def measure_closed_set(model: TransformersModel, examples: ClosedSetExamples) -> ClosedSetMetrics:
    """Measure a model on validation examples.

    Args:
        model: the model; its decoding is greedy and has no constraint.
        examples: the examples.
    """
    generated = [nbest.completions[0].text if nbest.completions else "" for nbest in model.generate(examples.prompts)]
    scores = model.rank(examples.prompts, ClosedSet(examples.outputs), examples.excluded)
    return metrics_of(generated, scores, examples)


def metrics_of(
    generated: Sequence[str], scores: npt.NDArray[np.float64], examples: ClosedSetExamples
) -> ClosedSetMetrics:
    """Compute the metrics of what a model generates and of its scores.

    Args:
        generated: the most probable completion of each prompt, without a constraint.
        scores: shape (prompts, members): log-probabilities, minus infinity where a member is excluded.
        examples: the examples.
    """
    members = {output: member for member, output in enumerate(examples.outputs)}
    codes = np.array([members.get(text, -1) for text in generated])
    matched = codes >= 0
    valid = matched & ~examples.excluded[np.arange(len(codes)), codes]
    expected = np.take_along_axis(scores, examples.completions[:, None], axis=1)
    earlier = np.arange(scores.shape[1]) < examples.completions[:, None]  # ties are ranked by the index of the member
    ranks = ((scores > expected) | ((scores == expected) & earlier)).sum(axis=1) + 1
    candidates = (~examples.excluded).sum(axis=1)
    first = np.bincount(scores.argmax(axis=1), examples.weights, minlength=len(examples.outputs))

    def mean(values: npt.ArrayLike) -> float:
        return float(np.average(np.asarray(values, np.float64), weights=examples.weights))

    recall_1, recall_5, recall_10 = (mean(ranks <= cutoff) for cutoff in CUTOFFS)
    return ClosedSetMetrics(
        mean(matched),
        mean(valid),
        recall_1,
        recall_5,
        recall_10,
        mean(np.minimum(CUTOFFS[-1] / candidates, 1)),
        gini(first),
        coverage(first),
        effective_number(first),
    )


def score_of(metrics: ClosedSetMetrics) -> float:
    """Compute the score by which evaluations are compared: the recall of those with a sufficient match rate.

    Returns:
        `recall_10`, if the match rate is at least `SUFFICIENT_MATCH_RATE`; otherwise the match rate minus 1, so that
        any evaluation that reaches it has a higher score than any that does not.
    """
    return metrics.recall_10 if metrics.match_rate >= SUFFICIENT_MATCH_RATE else metrics.match_rate - 1


def failed_thresholds(metrics: ClosedSetMetrics, thresholds: ClosedSetThresholds) -> list[str]:
    """Return the thresholds that a model does not pass, as text with the value and what is required; empty: none."""
    least = thresholds.min_recall_ratio * metrics.chance_10
    failures = []
    if metrics.match_rate < thresholds.min_match_rate:
        failures.append(f"match rate {metrics.match_rate:.3f} is below min_match_rate = {thresholds.min_match_rate:g}")
    if metrics.recall_10 < least:
        failures.append(
            f"recall@10 {metrics.recall_10:.3f} is below {least:.3f}, which is min_recall_ratio = "
            f"{thresholds.min_recall_ratio:g} times chance"
        )
    if thresholds.max_gini is not None and metrics.gini > thresholds.max_gini:
        failures.append(
            f"Gini coefficient {metrics.gini:.3f} of first ranks is above max_gini = {thresholds.max_gini:g}"
        )
    return failures
