"""95 % intervals by the percentile bootstrap: observations are resampled with replacement."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Score = Callable[[Sequence[int]], float]
"""Computes a score from sums of counts."""

RESAMPLES = 2000
_AUC_RESAMPLES = 200
_MAX_UNITS = 2000
_ENDS = (0.025, 0.975)


class Interval(NamedTuple):
    """A value and its 95 % interval.

    Attributes:
        value: the value over all observations.
        low: lower end of its 95 % interval.
        high: upper end.
        n: number of observations.
    """

    value: float
    low: float
    high: float
    n: int


def mean_interval(values: npt.ArrayLike, seed: int) -> Interval:
    """Compute the mean of observations.

    Args:
        values: shape (observations,), in a deterministic order.
        seed: random seed of resampling. The same seed resamples the same observations equally.

    Raises:
        ValueError: when there are no observations.
    """
    numbers = np.asarray(values, np.float64)
    return ratio_interval(numbers, np.ones(len(numbers)), seed)


def paired_difference(
    first: npt.ArrayLike, second: npt.ArrayLike, seed: int, groups: npt.ArrayLike | None = None
) -> Interval:
    """Compute the mean of `first - second`, measured on the same objects in the same order.

    Args:
        first: shape (observations,).
        second: shape (observations,).
        seed: random seed of resampling.
        groups: as for `mean_of_groups`; None: all are one group.

    Raises:
        ValueError: when there are no observations, or the shapes differ.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"paired observations must have the same shape, got {one.shape} and {other.shape}")
    return mean_of_groups(one - other, np.zeros(len(one)) if groups is None else groups, seed)


def mean_of_groups(values: npt.ArrayLike, groups: npt.ArrayLike, seed: int) -> Interval:
    """Compute the mean of the groups' means, so that each group has the same weight; each group is resampled by itself.

    Args:
        values: shape (observations,).
        groups: shape (observations,): the group of each observation.
        seed: random seed of resampling.

    Raises:
        ValueError: when there are no observations.
    """
    numbers = np.asarray(values, np.float64)
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    random = np.random.default_rng(seed)
    parts = [numbers[codes == code] for code in range(len(labels))]
    resamples = [_resampled(part, np.ones(len(part)), random) for part in parts]
    if not parts:
        raise ValueError("there are no observations, so there is no mean")
    return _interval(float(np.mean([part.mean() for part in parts])), np.mean(resamples, axis=0), len(numbers))


def ratio_interval(numerators: npt.ArrayLike, denominators: npt.ArrayLike, seed: int) -> Interval:
    """Compute `sum(numerators) / sum(denominators)` over units with both, such as a mean over journeys by user.

    More than 2,000 units are merged with their neighbours into 2,000, which bounds the time and keeps the mean.

    Args:
        numerators: shape (units,).
        denominators: shape (units,), not negative.
        seed: random seed of resampling.

    Returns:
        The interval; its `n` is the sum of the denominators.

    Raises:
        ValueError: when the denominators sum to 0.
    """
    above, below = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if not below.sum() > 0:
        raise ValueError("there are no observations, so there is no mean")
    resamples = _resampled(above, below, np.random.default_rng(seed))
    return _interval(float(above.sum() / below.sum()), resamples, round(float(below.sum())))


def score_interval(counts: npt.ArrayLike, score: Score, seed: int) -> Interval:
    """Compute a score of sums of counts over all observations, such as a corpus score of counts of sentences.

    Args:
        counts: shape (observations, counts), integers.
        score: computes the score from the sums, shape (counts,).
        seed: random seed of resampling; the observations are resampled as for means.

    Raises:
        ValueError: when there are no observations.
    """
    numbers = _as_counts(counts)
    return _interval(score(numbers.sum(axis=0).tolist()), _scores(numbers, score, seed), len(numbers))


def score_difference(first: npt.ArrayLike, second: npt.ArrayLike, score: Score, seed: int) -> Interval:
    """Compute the score of `first` minus that of `second`, of the same objects in the same order, resampled equally.

    Args:
        first: shape (observations, counts), integers.
        second: of the same shape.
        score: as for `score_interval`.
        seed: random seed of resampling.

    Raises:
        ValueError: when there are no observations, or the shapes differ.
    """
    one, other = _as_counts(first), _as_counts(second)
    if one.shape != other.shape:
        raise ValueError(f"paired observations must have the same shape, got {one.shape} and {other.shape}")
    value = score(one.sum(axis=0).tolist()) - score(other.sum(axis=0).tolist())
    return _interval(value, _scores(one, score, seed) - _scores(other, score, seed), len(one))


def auc_interval(scores: npt.NDArray[np.floating], labels: npt.NDArray[np.bool_], users: Counts, seed: int) -> Interval:
    """Compute the area under the ROC curve and its 95 % interval, by 200 resamples of users.

    Args:
        scores: shape (examples,), higher for examples that are rather positive.
        labels: bool, shape (examples,), not all equal.
        users: int64, shape (examples,): the user of each example.
        seed: random seed of resampling.

    Returns:
        The interval; equal scores of a positive and a negative example count half.
    """
    distinct, levels = np.unique(scores, return_inverse=True)
    _, codes = np.unique(users, return_inverse=True)
    count, random = int(codes.max()) + 1, np.random.default_rng(seed)

    def area(weights: npt.NDArray[np.integer]) -> float:
        """Compute the area with a weight for each example; NaN without a positive or a negative one."""
        above, below = (np.bincount(levels, weights * of, len(distinct)) for of in (labels, ~labels))
        pairs = above.sum() * below.sum()
        lower = np.cumsum(below) - below / 2
        return float((above * lower).sum() / pairs) if pairs > 0 else math.nan

    resampled = (random.integers(count, size=count) for _ in range(_AUC_RESAMPLES))
    found = np.array([area(np.bincount(chosen, minlength=count)[codes]) for chosen in resampled])
    low, high = np.nanquantile(found, _ENDS)
    return Interval(area(np.ones(len(labels), np.int64)), float(low), float(high), len(labels))


def resampled_sums(counts: npt.ArrayLike, seed: int) -> Counts:
    """Compute the sums of counts in each of `RESAMPLES` resamples, shape (resamples, counts).

    Args:
        counts: shape (observations, counts), integers, at least one observation.
        seed: random seed of resampling.
    """
    units = _merge_units(_as_counts(counts).astype(np.float64))
    chosen = np.random.default_rng(seed).integers(len(units), size=(RESAMPLES, len(units)))
    times = np.stack([np.bincount(each, minlength=len(units)) for each in chosen]).astype(np.float64)
    # Integers below 2**53, so that the product is exact in any order of summation.
    return np.rint(times @ units).astype(np.int64)


def _as_counts(counts: npt.ArrayLike) -> Counts:
    numbers = np.asarray(counts, np.int64)
    if numbers.ndim != 2 or not len(numbers):
        raise ValueError(f"counts must have the shape (observations, counts) and not be empty, got {numbers.shape}")
    return numbers


def _scores(counts: Counts, score: Score, seed: int) -> Floats:
    return np.array([score(sums) for sums in resampled_sums(counts, seed).tolist()])


def _resampled(above: Floats, below: Floats, random: np.random.Generator) -> Floats:
    """Compute the ratio in each of `RESAMPLES` resamples; those whose denominators sum to 0 are left out."""
    above, below = _merge_units(above), _merge_units(below)
    chosen = random.integers(len(above), size=(RESAMPLES, len(above)))
    tops, bottoms = above[chosen].sum(axis=1), below[chosen].sum(axis=1)
    return tops[bottoms > 0] / bottoms[bottoms > 0]


def _merge_units(values: Floats) -> Floats:
    if len(values) <= _MAX_UNITS:
        return values
    return np.add.reduceat(values, np.arange(_MAX_UNITS) * len(values) // _MAX_UNITS)


def _interval(value: float, resamples: Floats, count: int) -> Interval:
    low, high = np.quantile(resamples, _ENDS)
    return Interval(value, float(low), float(high), count)
