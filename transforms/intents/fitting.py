"""Fit a model of exploration intent to examples in time order, and measure it on later ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score

from transforms.intents.calibration import Flags, Floats, expected_calibration_error
from transforms.intents.config import IntentConfig
from transforms.intents.exploration_models import ExplorationModel, fit_exploration_model
from transforms.intents.features import INTENTS, Labels, Rows
from transforms.recommendation.histories import Integers

_SMALLEST = 1e-6


class Periods(NamedTuple):
    """Examples before the validation period, in it, and after it.

    Attributes:
        before: the examples to fit to.
        validation: later ones.
        test: the last ones.
    """

    before: Rows
    validation: Rows
    test: Rows


class Measured(NamedTuple):
    """Measures of the probabilities of one intent.

    Attributes:
        intent: one of `INTENTS`.
        auc: area under the ROC curve; NaN if all labels are equal.
        log_loss: mean negative log-likelihood of the labels, in nats.
        calibration_error: expected calibration error.
        positive: fraction of positive labels.
        examples: number of examples.
    """

    intent: str
    auc: float
    log_loss: float
    calibration_error: float
    positive: float
    examples: int


class FittedIntents(NamedTuple):
    """A model that is fitted to all examples, and measures of one that was fitted before the test period.

    Attributes:
        model: the model to serve.
        measured: by intent.
        example_count: number of examples.
    """

    model: ExplorationModel
    measured: tuple[Measured, ...]
    example_count: int


def split_periods(rows: Rows, times: Integers, config: IntentConfig) -> Periods:
    """Divide examples by two times, so that the last ones are the test and the validation period.

    Args:
        rows: the examples, by time.
        times: int64, shape (examples,), ascending.
        config: the fractions.
    """
    last = config.test_fraction, config.test_fraction + config.validation_fraction
    test, validation = (_first_after(times, fraction) for fraction in last)
    return Periods(*(_slice(rows, part) for part in (slice(validation), slice(validation, test), slice(test, None))))


def _first_after(times: Integers, fraction: float) -> int:
    """Return the first example of the last `fraction`, moved back so that no time is on both sides."""
    if not len(times):
        return 0
    place = min(round(len(times) * (1 - fraction)), len(times))
    return len(times) if place == len(times) else int(np.searchsorted(times, times[place]))


def _slice(rows: Rows, part: slice) -> Rows:
    return Rows(rows.features[part], rows.labels[part])


def fit_intents(rows: Rows, times: Integers, config: IntentConfig) -> FittedIntents:
    """Measure a model that is fitted before the test period, and fit one to all examples.

    Args:
        rows: the examples, by time.
        times: int64, shape (examples,), ascending.
        config: the model and the periods.

    Raises:
        ValueError: when there are too few examples.
    """
    periods = split_periods(rows, times, config)
    earlier = fit_exploration_model(config.intent_model, periods.before, periods.validation, config.seed)
    measured = tuple(measure_intents(earlier.predict(periods.test.features), periods.test))
    last = _first_after(times, config.validation_fraction)
    model = fit_exploration_model(
        config.intent_model, _slice(rows, slice(last)), _slice(rows, slice(last, None)), config.seed
    )
    return FittedIntents(model, measured, len(times))


def measure_intents(probabilities: Floats, rows: Rows) -> Iterator[Measured]:
    """Measure the probabilities of each intent that has labels.

    Args:
        probabilities: float64, shape (examples, intents).
        rows: the examples.
    """
    for place, intent in enumerate(INTENTS):
        predicted, labels = labelled(probabilities[:, place], rows.labels[:, place])
        if not len(labels):
            continue
        yield Measured(
            intent,
            float(roc_auc_score(labels, predicted)) if labels.any() and not labels.all() else float("nan"),
            float(log_loss(labels, np.clip(predicted, _SMALLEST, 1 - _SMALLEST), labels=[False, True])),
            expected_calibration_error(predicted, labels),
            float(labels.mean()),
            len(labels),
        )


def labelled(probabilities: Floats, labels: Labels) -> tuple[Floats, Flags]:
    """Return the probabilities and the labels of the examples whose label is known."""
    kept = labels >= 0
    return probabilities[kept], labels[kept] == 1
