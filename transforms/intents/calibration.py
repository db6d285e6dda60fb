"""Calibration of probabilities, and its measures."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

BINS = 15
"""Number of bins of equal numbers of examples, of which the expected calibration error is computed."""

_SMALLEST = 1e-6
_MIN_EXAMPLES = 100
_PARTS = 4


class BetaCalibration(NamedTuple):
    """The map `sigmoid(a log(p) - b log(1 - p) + c)` of probabilities (Kull, Silva Filho and Flach 2017).

    Attributes:
        first: a.
        second: b.
        constant: c.
    """

    first: float = 1.0
    second: float = 1.0
    constant: float = 0.0

    def apply(self, probabilities: Floats) -> Floats:
        """Return calibrated probabilities, of the same shape."""
        logs = _logs(probabilities)
        return 1 / (1 + np.exp(-(self.first * logs[:, 0] + self.second * logs[:, 1] + self.constant)))


def fit_calibration(probabilities: Floats, labels: Flags) -> BetaCalibration:
    """Fit a calibration to predictions and what happened, if it is of use; otherwise return the identity.

    It is of use if one that is fitted to the examples before each of the last three quarters lowers the log-loss of
    that quarter: a few days of a log often differ more from the next ones than the model does.

    Args:
        probabilities: float64, shape (examples,), in time order.
        labels: bool, shape (examples,).
    """
    ends = np.arange(1, _PARTS + 1) * len(labels) // _PARTS
    for start, end in itertools.pairwise(ends):
        tried = _fit(probabilities[:start], labels[:start])
        part, happened = probabilities[start:end], labels[start:end]
        if tried is None or _log_loss(tried.apply(part), happened) >= _log_loss(part, happened):
            return BetaCalibration()
    return _fit(probabilities, labels) or BetaCalibration()


def _fit(probabilities: Floats, labels: Flags) -> BetaCalibration | None:
    """Fit a calibration; None below 100 examples, or if all labels are equal."""
    if len(labels) < _MIN_EXAMPLES or labels.all() or not labels.any():
        return None
    columns = [0, 1]
    # A coefficient below 0 would turn the order round: the fit is repeated without that column (section 4).
    while True:
        with threadpool_limits(1):
            fitted = LogisticRegression(C=1e4, max_iter=1000).fit(_logs(probabilities)[:, columns], labels)
        if (fitted.coef_[0] >= 0).all() or len(columns) == 1:
            break
        columns = [columns[int(fitted.coef_[0].argmax())]]
    slopes = np.zeros(2)
    slopes[columns] = np.maximum(fitted.coef_[0], 0)
    return BetaCalibration(float(slopes[0]), float(slopes[1]), float(fitted.intercept_[0]))


def _log_loss(probabilities: Floats, labels: Flags) -> float:
    logs = _logs(probabilities)
    return float(np.where(labels, -logs[:, 0], logs[:, 1]).mean())


def _logs(probabilities: Floats) -> Floats:
    clipped = np.clip(probabilities, _SMALLEST, 1 - _SMALLEST)
    return np.column_stack([np.log(clipped), -np.log1p(-clipped)])


class CalibrationBin(NamedTuple):
    """Examples with neighbouring probabilities.

    Attributes:
        predicted: their mean probability.
        observed: the fraction of them that are positive.
        examples: their number.
    """

    predicted: float
    observed: float
    examples: int


def calibration_curve(probabilities: Floats, labels: Flags, bins: int = BINS) -> list[CalibrationBin]:
    """Divide examples into bins of equal numbers by probability.

    Args:
        probabilities: float64, shape (examples,).
        labels: bool, shape (examples,).
        bins: number of bins. Equal probabilities are in one bin, so that there may be fewer.
    """
    if not len(labels):
        return []
    edges = np.unique(np.quantile(probabilities, np.arange(1, bins) / bins, method="higher"))
    codes = np.searchsorted(edges, probabilities, side="right")
    found = []
    for code in np.unique(codes):
        chosen = codes == code
        found.append(
            CalibrationBin(float(probabilities[chosen].mean()), float(labels[chosen].mean()), int(chosen.sum()))
        )
    return found


def expected_calibration_error(probabilities: Floats, labels: Flags) -> float:
    """Compute the mean distance of predicted and observed probabilities over bins, weighted by their numbers.

    Raises:
        ValueError: when there are no examples.
    """
    curve = calibration_curve(probabilities, labels)
    if not curve:
        raise ValueError("there are no examples, so there is no calibration error")
    total = sum(each.examples for each in curve)
    return sum(each.examples * abs(each.predicted - each.observed) for each in curve) / total
