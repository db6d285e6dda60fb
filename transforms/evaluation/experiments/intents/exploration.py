"""Exploration intent: models are compared on the last part of the examples, and features with published signs."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np

from transforms.evaluation.bootstrap import auc_interval, ratio_interval
from transforms.evaluation.experiments.intents.sample import IntentsLog
from transforms.evaluation.metric_rows import metric_row, point
from transforms.intents.calibration import Flags, Floats, calibration_curve, expected_calibration_error
from transforms.intents.config import ExplorationModelName, IntentConfig
from transforms.intents.exploration_models import LinearModel, fit_exploration_model
from transforms.intents.features import FEATURES, INTENTS, Rows, cluster_fractions, compute_examples
from transforms.intents.fitting import Periods, labelled, split_periods
from transforms.recommendation.histories import Integers
from transforms.recommendation.protocol import users_of_rows

Row = dict[str, Any]

MODELS: tuple[ExplorationModelName, ...] = ("boosted_trees", "cross_network", "logistic_regression", "base_rate")
_RIVALS = ("base_rate", "logistic_regression")
_SMALLEST = 1e-6


def compare_exploration(log: IntentsLog, now: int, config: IntentConfig, seed: int) -> Iterator[Row]:
    """Compare models of exploration intent.

    Args:
        log: the log.
        now: the time when it ends.
        config: configuration of features and periods.
        seed: random seed of models and intervals.
    """
    examples = compute_examples(log.events, cluster_fractions(log.item_clusters, log.cluster_count), now, config)
    times = log.events.histories.times
    chosen = np.flatnonzero(examples.has_past)
    chosen = chosen[np.argsort(times[chosen], kind="stable")]
    rows = Rows(examples.features[chosen], examples.labels[chosen])
    periods = split_periods(rows, times[chosen], config)
    users = users_of_rows(log.events.histories)[chosen][-len(periods.test.labels) :]
    predicted = {
        name: fit_exploration_model(name, periods.before, periods.validation, seed).predict(periods.test.features)
        for name in MODELS
        if name != "cross_network" or importlib.util.find_spec("torch") is not None
    }
    for place, intent in enumerate(INTENTS):
        labels = periods.test.labels[:, place]
        if len(np.unique(labels[labels >= 0])) == 2:
            of_intent = {name: found[:, place] for name, found in predicted.items()}
            yield from _compare(intent, of_intent, labels >= 0, labels == 1, users, seed)
    yield from _sign_rows(periods, rows)


def _compare(
    intent: str,
    predicted: dict[ExplorationModelName, Floats],
    has_label: Flags,
    labels: Flags,
    users: Integers,
    seed: int,
) -> Iterator[Row]:
    """Return the measures of all models on one intent."""
    users, labels = users[has_label], labels[has_label]
    yield metric_row("intents_positive", ratio_interval(*_by_user(labels, users), seed), intent=intent)
    losses: dict[str, Floats] = {}
    for name, found in predicted.items():
        probabilities = found[has_label]
        parts = {"model": name, "intent": intent}
        losses[name] = _losses(probabilities, labels)
        yield metric_row("intents_auc", auc_interval(probabilities, labels, users, seed), **parts)
        yield metric_row("intents_log_loss", ratio_interval(*_by_user(losses[name], users), seed), **parts)
        error = point(expected_calibration_error(probabilities, labels), len(labels))
        yield metric_row("intents_calibration_error", error, **parts)
        for place, each in enumerate(calibration_curve(probabilities, labels), 1):
            yield metric_row("intents_calibration_predicted", point(each.predicted, each.examples), bin=place, **parts)
            yield metric_row("intents_calibration_observed", point(each.observed, each.examples), bin=place, **parts)
    for model, own in losses.items():
        for rival in _RIVALS:
            if model != rival and model != "base_rate":
                difference = ratio_interval(*_by_user(own - losses[rival], users), seed)
                yield metric_row("intents_log_loss_difference", difference, model=model, rival=rival, intent=intent)


def _by_user(values: Floats | Flags, users: Integers) -> tuple[Floats, Floats]:
    """Return the sums of values and the numbers of examples of each user who has any."""
    _, codes = np.unique(users, return_inverse=True)
    return np.bincount(codes, values).astype(np.float64), np.bincount(codes).astype(np.float64)


def _losses(probabilities: Floats, labels: Flags) -> Floats:
    clipped = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return -np.where(labels, np.log(clipped), np.log1p(-clipped))


def _sign_rows(periods: Periods, rows: Rows) -> Iterator[Row]:
    """Return the correlation of each feature with exploration, and its coefficient in the logistic regression."""
    model = LinearModel.fit(periods.before)
    for place, intent in enumerate(INTENTS):
        for column, feature in enumerate(FEATURES):
            values, labels = labelled(rows.features[:, column].astype(np.float64), rows.labels[:, place])
            if not len(labels) or not values.std() > 0 or labels.all() or not labels.any():
                continue
            parts = {"feature": feature.name, "published": feature.published_sign, "intent": intent}
            correlation = float(np.corrcoef(values, labels)[0, 1])
            yield metric_row("intents_correlation", point(correlation, len(labels)), **parts)
            yield metric_row("intents_coefficient", point(float(model.coefficients[place, column])), **parts)
