"""Fitting and calibration of a salience model on labelled pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.salience.features import Pairs
from transforms.salience.model import SalienceModel, rounded, sigmoid
from transforms.salience.term_table import Floats, Integers

Labels = npt.NDArray[np.bool_]

_RIDGE = 1.0
_STEPS = 50
_TOLERANCE = 1e-9
_BINS = 10


class LabelledPairs(NamedTuple):
    """Pairs of item and term on which a model is trained or tested.

    Attributes:
        pairs: the pairs, by item.
        kinds: int64, shape (pairs,): index into `KINDS`.
        elsewhere: bool, shape (pairs,): whether the term is neither in the text nor near.
        weights: float64, shape (pairs,): number of pairs of its kind that each represents.
    """

    pairs: Pairs
    kinds: Integers
    elsewhere: npt.NDArray[np.bool_]
    weights: Floats

    @property
    def fits(self) -> npt.NDArray[np.bool_]:
        """Whether the term was given to the item, bool, shape (pairs,)."""
        return self.kinds == 0

    @property
    def matched(self) -> npt.NDArray[np.bool_]:
        """Whether the term was given to the item or to another one, bool, shape (pairs,)."""
        return self.kinds <= 1


KINDS = ("given to the item", "given to another item", "in the text, not given", "near, not given")
"""Sources of the term of a pair. The first are positive, the others negative, with at most as many of each kind."""


class Fitted(NamedTuple):
    """A fitted model and its calibration error.

    Attributes:
        model: the model; its weights include the calibration.
        error_before: expected calibration error before calibration, on one half of the held-out fold.
        error_after: expected calibration error on the same half, after calibration on the other half.
        pairs: number of labelled pairs in the fit.
        held_out: number of pairs of the held-out fold.
    """

    model: SalienceModel
    error_before: float
    error_after: float
    pairs: int
    held_out: int


def logistic_regression(
    features: Floats, labels: Labels, counts: Floats | None = None, ridge: float = _RIDGE
) -> tuple[Floats, float]:
    """Fit a ridge logistic regression by Newton's method from zero; return weights and intercept.

    Args:
        features: float64, shape (rows, features).
        labels: bool, shape (rows,).
        counts: number of rows that each row represents, shape (rows,); None: one.
        ridge: strength of the regularisation of the weights of standardised features, in rows.

    Raises:
        ValueError: if all labels are equal.
    """
    if labels.all() or not labels.any():
        raise ValueError(f"a model needs positive and negative pairs, got {labels.sum()} positive of {len(labels)}")
    counts = np.ones(len(features)) if counts is None else counts
    centre = np.average(features, axis=0, weights=counts)
    spread = np.sqrt(np.average((features - centre) ** 2, axis=0, weights=counts))
    spread = np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(features)), (features - centre) / spread])
    penalty = np.full(design.shape[1], ridge)
    penalty[0] = 0.0
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        probability = sigmoid(design @ found)
        gradient = design.T @ (counts * (labels - probability)) - penalty * found
        curvature = (
            design * (counts * np.maximum(probability * (1 - probability), 1e-9))[:, None]
        ).T @ design + np.diag(penalty + 1e-9)
        step = np.linalg.solve(curvature, gradient)
        found = found + step
        if np.abs(step).max() < _TOLERANCE:
            break
    weights = found[1:] / spread
    return weights, float(found[0] - weights @ centre)


def expected_calibration_error(probabilities: Floats, labels: Labels, bins: int = _BINS) -> float:
    """Compute the mean absolute difference of predicted and observed frequency, over bins with equal numbers of rows.

    Args:
        probabilities: shape (rows,).
        labels: bool, shape (rows,).
        bins: number of bins.

    Raises:
        ValueError: if there are no rows.
    """
    if not len(probabilities):
        raise ValueError("there are no rows, so there is no calibration error")
    order = np.argsort(probabilities, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [abs(probabilities[part].mean() - labels[part].mean()) * len(part) for part in parts]
    return float(np.sum(gaps) / len(probabilities))


def fit(features: Floats, labelled: LabelledPairs, held_out: Labels) -> Fitted:
    """Fit a model to some pairs and calibrate it on others, by Platt scaling of its logits.

    Terms that are neither in the text nor near occur in the pairs only as labels, of the item and of others. Their
    sampling is absorbed by a separate intercept, which the model does not keep: it is applied only to terms that are in
    the text or near. The calibration compares terms given to the item with as many given to other items, so that a
    salience is the probability that the term belongs to this item and not to another one.

    Args:
        features: float64, shape (pairs, features).
        labelled: the pairs.
        held_out: bool, shape (pairs,): pairs of the fold for calibration.

    Raises:
        ValueError: if one of the folds has no positive or no negative pairs.
    """
    design = np.column_stack([features, labelled.elsewhere])
    own = ~held_out
    weights, intercept = logistic_regression(design[own], labelled.fits[own], labelled.weights[own])
    weights = weights[:-1]
    calibration = held_out & labelled.matched
    logits, truth = features[calibration] @ weights + intercept, labelled.fits[calibration]
    halves = np.arange(len(logits)) % 2 == 0
    slope, shift = _platt(logits[halves], truth[halves])
    before = expected_calibration_error(sigmoid(logits[~halves]), truth[~halves])
    after = expected_calibration_error(sigmoid(slope * logits[~halves] + shift), truth[~halves])
    slope, shift = _platt(logits, truth)
    model = rounded(slope * weights, slope * intercept + shift)
    return Fitted(model, before, after, int(own.sum()), int(calibration.sum()))


def _platt(logits: Floats, labels: Labels) -> tuple[float, float]:
    """Fit the slope and the shift of Platt scaling."""
    slope, shift = logistic_regression(logits[:, None], labels)
    return float(slope[0]), shift
