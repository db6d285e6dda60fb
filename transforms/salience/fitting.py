"""Fitting a model of salience to labelled pairs, and how well its probabilities are calibrated."""

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
    """Pairs of item and term that a model learns from, or is tested on.

    Attributes:
        pairs: the pairs, by item.
        kinds: int64, shape (pairs,): index into `KINDS`.
        elsewhere: bool, shape (pairs,): whether the term neither stands in the text nor is near.
        weights: float64, shape (pairs,): for how many pairs of its kind each stands.
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
"""Where the term of a pair comes from. The first fit, the others do not, and are at most as many of each kind."""


class Fitted(NamedTuple):
    """A model, and how far its probabilities were off.

    Attributes:
        model: with the calibration in its weights.
        error_before: the expected calibration error on the held-out fold before calibration.
        error_after: and after; on one half of the fold, where calibration was fitted on the other.
        pairs: number of labelled pairs it was fitted to.
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
    """Weights and intercept of a ridge logistic regression, by Newton's method from zero.

    Args:
        features: float64, shape (rows, features).
        labels: bool, shape (rows,).
        counts: for how many rows each stands, shape (rows,); None: for one.
        ridge: strength of the pull of the weights of standardised features to zero, in rows.

    Raises:
        ValueError: when all labels are equal.
    """
    if labels.all() or not labels.any():
        raise ValueError(f"a model needs terms that fit and terms that do not, got {labels.sum()} of {len(labels)}")
    counts = np.ones(len(features)) if counts is None else counts
    centre = np.average(features, axis=0, weights=counts)
    spread = np.sqrt(np.average((features - centre) ** 2, axis=0, weights=counts))
    spread = np.where(spread > 0, spread, 1.0)
    design = np.column_stack([np.ones(len(features)), (features - centre) / spread])
    pull = np.full(design.shape[1], ridge)
    pull[0] = 0.0
    found = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        chance = sigmoid(design @ found)
        gradient = design.T @ (counts * (labels - chance)) - pull * found
        curvature = (design * (counts * np.maximum(chance * (1 - chance), 1e-9))[:, None]).T @ design + np.diag(
            pull + 1e-9
        )
        step = np.linalg.solve(curvature, gradient)
        found = found + step
        if np.abs(step).max() < _TOLERANCE:
            break
    weights = found[1:] / spread
    return weights, float(found[0] - weights @ centre)


def expected_calibration_error(chances: Floats, labels: Labels, bins: int = _BINS) -> float:
    """The mean distance between what was said and what was so, over bins of equally many rows.

    Args:
        chances: probabilities, shape (rows,).
        labels: bool, shape (rows,).
        bins: number of bins.

    Raises:
        ValueError: when there are no rows.
    """
    if not len(chances):
        raise ValueError("there are no rows, so there is no calibration error")
    order = np.argsort(chances, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    gaps = [abs(chances[part].mean() - labels[part].mean()) * len(part) for part in parts]
    return float(np.sum(gaps) / len(chances))


def fit(features: Floats, labelled: LabelledPairs, held_out: Labels) -> Fitted:
    """Fits a model to some pairs and calibrates it on others, by Platt's scaling of its logits.

    Terms that are neither in the text nor near come into the pairs only as labels, of the item and of others. How they
    are drawn is taken up by an intercept of their own, which the model does not keep: it is asked about terms that are
    in the text or near. The calibration is on terms given to the item against as many given to other items, so that a
    salience is the chance that the term is this item's and not another's.

    Args:
        features: float64, shape (pairs, features).
        labelled: what is known of the pairs.
        held_out: bool, shape (pairs,): pairs of the fold for calibration.

    Raises:
        ValueError: when one of the folds has no term that fits, or none that does not.
    """
    design = np.column_stack([features, labelled.elsewhere])
    own = ~held_out
    weights, intercept = logistic_regression(design[own], labelled.fits[own], labelled.weights[own])
    weights = weights[:-1]
    judged = held_out & labelled.matched
    logits, truth = features[judged] @ weights + intercept, labelled.fits[judged]
    halves = np.arange(len(logits)) % 2 == 0
    slope, shift = _platt(logits[halves], truth[halves])
    before = expected_calibration_error(sigmoid(logits[~halves]), truth[~halves])
    after = expected_calibration_error(sigmoid(slope * logits[~halves] + shift), truth[~halves])
    slope, shift = _platt(logits, truth)
    model = rounded(slope * weights, slope * intercept + shift)
    return Fitted(model, before, after, int(own.sum()), int(judged.sum()))


def _platt(logits: Floats, labels: Labels) -> tuple[float, float]:
    slope, shift = logistic_regression(logits[:, None], labels)
    return float(slope[0]), shift
