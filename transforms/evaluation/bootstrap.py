"""95 % intervals by the percentile bootstrap: what is measured is drawn again, many times, with replacement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
Score = Callable[[Sequence[int]], float]
"""Makes one figure of sums of counts."""

RESAMPLES = 2000
_MAX_UNITS = 2000
_ENDS = (0.025, 0.975)


class Interval(NamedTuple):
    """A figure and how sure it is.

    Attributes:
        value: the figure, of all observations.
        low: lower end of its 95 % interval.
        high: upper end.
        n: number of observations.
    """

    value: float
    low: float
    high: float
    n: int


def mean_interval(values: npt.ArrayLike, seed: int) -> Interval:
    """The mean of observations.

    Args:
        values: shape (observations,), in an order that does not depend on how they were computed.
        seed: of the draws. Figures of the same observations with the same seed are drawn alike.

    Raises:
        ValueError: when there are no observations.
    """
    numbers = np.asarray(values, np.float64)
    return ratio_interval(numbers, np.ones(len(numbers)), seed)


def paired_difference(
    first: npt.ArrayLike, second: npt.ArrayLike, seed: int, groups: npt.ArrayLike | None = None
) -> Interval:
    """The mean of `first - second`, where both were measured on the same things, in the same order.

    Args:
        first: shape (observations,).
        second: shape (observations,).
        seed: of the draws.
        groups: as for `mean_of_groups`; None: all are one group.

    Raises:
        ValueError: when there are no observations, or not as many of the one as of the other.
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if one.shape != other.shape:
        raise ValueError(f"paired observations must be as many, got {len(one)} and {len(other)}")
    return mean_of_groups(one - other, np.zeros(len(one)) if groups is None else groups, seed)


def mean_of_groups(values: npt.ArrayLike, groups: npt.ArrayLike, seed: int) -> Interval:
    """The mean of the groups' means, so that each group counts the same; draws are made inside each.

    Args:
        values: shape (observations,).
        groups: shape (observations,): equal for observations of one group.
        seed: of the draws.

    Raises:
        ValueError: when there are no observations.
    """
    numbers = np.asarray(values, np.float64)
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    random = np.random.default_rng(seed)
    parts = [numbers[codes == code] for code in range(len(labels))]
    draws = [_resampled(part, np.ones(len(part)), random) for part in parts]
    if not parts:
        raise ValueError("there are no observations, so there is no mean")
    return _interval(float(np.mean([part.mean() for part in parts])), np.mean(draws, axis=0), len(numbers))


def ratio_interval(numerators: npt.ArrayLike, denominators: npt.ArrayLike, seed: int) -> Interval:
    """`sum(numerators) / sum(denominators)`, where a unit brings both: a mean over what users have, by user.

    Of more than 2,000 units, neighbours are put together until so many are left: it says the same of a mean, and takes
    bounded time.

    Args:
        numerators: shape (units,).
        denominators: shape (units,), not negative.
        seed: of the draws.

    Returns:
        The interval; its `n` is the sum of the denominators.

    Raises:
        ValueError: when the denominators sum to 0.
    """
    above, below = np.asarray(numerators, np.float64), np.asarray(denominators, np.float64)
    if not below.sum() > 0:
        raise ValueError("there are no observations, so there is no mean")
    draws = _resampled(above, below, np.random.default_rng(seed))
    return _interval(float(above.sum() / below.sum()), draws, round(float(below.sum())))


def score_interval(counts: npt.ArrayLike, score: Score, seed: int) -> Interval:
    """A score that is made of sums of counts over all observations, as that of a corpus is of those of its sentences.

    Args:
        counts: shape (observations, counts), whole numbers.
        score: takes the sums, shape (counts,).
        seed: of the draws. With the same seed the same observations are drawn as for means.

    Raises:
        ValueError: when there are no observations.
    """
    numbers = _as_counts(counts)
    return _interval(score(numbers.sum(axis=0).tolist()), _scores(numbers, score, seed), len(numbers))


def score_difference(first: npt.ArrayLike, second: npt.ArrayLike, score: Score, seed: int) -> Interval:
    """The score of `first` less that of `second`, of the same things in the same order, which are drawn alike.

    Args:
        first: shape (observations, counts), whole numbers.
        second: of the same shape.
        score: as for `score_interval`.
        seed: of the draws.

    Raises:
        ValueError: when there are no observations, or not as many of the one as of the other.
    """
    one, other = _as_counts(first), _as_counts(second)
    if one.shape != other.shape:
        raise ValueError(f"paired observations must be as many, got {one.shape} and {other.shape}")
    value = score(one.sum(axis=0).tolist()) - score(other.sum(axis=0).tolist())
    return _interval(value, _scores(one, score, seed) - _scores(other, score, seed), len(one))


def resampled_sums(counts: npt.ArrayLike, seed: int) -> Counts:
    """The sums of counts in each of `RESAMPLES` draws of observations, shape (draws, counts).

    Args:
        counts: shape (observations, counts), whole numbers, at least one observation.
        seed: of the draws.
    """
    pieces = _put_together(_as_counts(counts).astype(np.float64))
    drawn = np.random.default_rng(seed).integers(len(pieces), size=(RESAMPLES, len(pieces)))
    times = np.stack([np.bincount(each, minlength=len(pieces)) for each in drawn]).astype(np.float64)
    # Whole numbers below 2**53, so that the product is exact in whatever order it is summed.
    return np.rint(times @ pieces).astype(np.int64)


def _as_counts(counts: npt.ArrayLike) -> Counts:
    numbers = np.asarray(counts, np.int64)
    if numbers.ndim != 2 or not len(numbers):
        raise ValueError(f"counts must have the shape (observations, counts) and not be empty, got {numbers.shape}")
    return numbers


def _scores(counts: Counts, score: Score, seed: int) -> Floats:
    return np.array([score(sums) for sums in resampled_sums(counts, seed).tolist()])


def _resampled(above: Floats, below: Floats, random: np.random.Generator) -> Floats:
    """The ratio in each of `RESAMPLES` draws; draws in which the denominators sum to 0 are left out."""
    above, below = _put_together(above), _put_together(below)
    drawn = random.integers(len(above), size=(RESAMPLES, len(above)))
    tops, bottoms = above[drawn].sum(axis=1), below[drawn].sum(axis=1)
    return tops[bottoms > 0] / bottoms[bottoms > 0]


def _put_together(values: Floats) -> Floats:
    if len(values) <= _MAX_UNITS:
        return values
    return np.add.reduceat(values, np.arange(_MAX_UNITS) * len(values) // _MAX_UNITS)


def _interval(value: float, draws: Floats, count: int) -> Interval:
    low, high = np.quantile(draws, _ENDS)
    return Interval(value, float(low), float(high), count)
