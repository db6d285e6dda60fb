"""The confidence of a journey: the probability that a random item of it belongs to the journey's topic.

It is a logistic regression on what `journeys` holds: the coherence of the journey, its size, and their product. It was
fitted to journeys that were formed from mixtures of collections with noise: there, the topic of a journey is the
collection of most of its items, and an item of another collection, or of none, does not belong to it. `evaluate
--suites=confidence` fits it again on one half of the sources, and measures these constants on the other half.

Coherence by vectors and by terms are different numbers, so each has its own constants.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np

from transforms.lifecycle.rhythm import Floats, Integers

Features = Literal["vectors", "terms"]
"""The features of items by which journeys were formed, and from which their coherence is computed."""

NAMES = ("constant", "coherence", "log_size", "coherence_log_size")
"""The names of the coefficients."""

MAX_SIZE = 30
"""Larger journeys count as this size: mixtures have few of them, and beyond it the fitted product would let confidence
fall as coherence rises."""

_DIGITS = 3


class ConfidenceModel(NamedTuple):
    """The coefficients of the logistic regression.

    Attributes:
        constant: of 1.
        coherence: of the coherence.
        log_size: of the natural logarithm of the number of distinct items, at most `MAX_SIZE`.
        coherence_log_size: of the product of both.
    """

    constant: float
    coherence: float
    log_size: float
    coherence_log_size: float


MODELS: Mapping[Features, ConfidenceModel] = {
    "vectors": ConfidenceModel(-12.248, 27.234, 3.763, -7.205),
    "terms": ConfidenceModel(-1.971, 29.697, 0.878, -8.464),
}
"""Fitted by `evaluate --suites=confidence`; see docs/lifecycle.md."""


def confidence_features(coherence: Floats, sizes: Integers) -> Floats:
    """Return the features of the regression without the constant, float64, shape (journeys, 3).

    Args:
        coherence: float64, shape (journeys,), in [0, 1]; NaN counts as 0.
        sizes: int64, shape (journeys,): number of distinct items, at least 1.
    """
    defined, logs = np.nan_to_num(coherence), np.log(np.minimum(sizes, MAX_SIZE))
    return np.stack([defined, logs, defined * logs], axis=1)


def confidences(coherence: Floats, sizes: Integers, model: ConfidenceModel) -> Floats:
    """Compute the confidence of journeys, float64, shape (journeys,), in [0, 1].

    Three digits are kept: the last digits of logarithm and exponential differ between processors.

    Args:
        coherence: as for `confidence_features`.
        sizes: as for `confidence_features`.
        model: the coefficients.
    """
    features = confidence_features(coherence, sizes)
    linear = np.full(len(features), model.constant)
    for column, coefficient in enumerate(model[1:]):
        linear += coefficient * features[:, column]
    return np.round(1 / (1 + np.exp(-linear)), _DIGITS)
