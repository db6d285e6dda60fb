"""Intervals of differences of values that were measured before, from their intervals alone."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from transforms.evaluation.bootstrap import Interval

_NORMAL_QUANTILE = 1.959963984540054
"""The 97.5 % quantile of the standard normal distribution."""


def has_interval(value: Interval) -> bool:
    """Whether both ends of the interval are known."""
    return not (math.isnan(value.low) or math.isnan(value.high))


def independent_difference(first: Interval, second: Interval) -> Interval:
    """Compute `first - second` of two independent values from their intervals (Zou and Donner 2008, MOVER).

    The distances of each value to the ends of its interval are added as lengths of orthogonal vectors. For values
    that were measured on the same objects and rise together, the interval is wider than necessary.

    Args:
        first: a value with its 95 % interval.
        second: another one.

    Returns:
        The difference; its `n` is the smaller one. Its ends are NaN where an interval is missing.
    """
    difference = first.value - second.value
    low = difference - math.hypot(first.value - first.low, second.high - second.value)
    high = difference + math.hypot(first.high - first.value, second.value - second.low)
    return Interval(difference, low, high, min(first.n, second.n))


def proportion_interval(count: float, total: int) -> Interval:
    """Compute the 95 % interval of a proportion (Wilson 1927).

    Args:
        count: number of objects that have a property, in [0, total].
        total: number of objects, at least 1.

    Raises:
        ValueError: when the numbers are out of range.
    """
    if total < 1 or not 0 <= count <= total:
        raise ValueError(f"a proportion needs 0 <= count <= total and total >= 1, got {count} of {total}")
    squared = _NORMAL_QUANTILE**2
    value = count / total
    centre = (value + squared / (2 * total)) / (1 + squared / total)
    half = (
        _NORMAL_QUANTILE
        * math.sqrt(value * (1 - value) / total + squared / (4 * total * total))
        / (1 + squared / total)
    )
    return Interval(value, min(centre - half, value), max(centre + half, value), total)


def seed_difference(first: Mapping[str, float], second: Mapping[str, float]) -> Interval:
    """Compute the mean of `first - second` over the seeds of both, with the 95 % interval of Student's t.

    Args:
        first: values by seed.
        second: values by seed.

    Returns:
        The difference; its `n` is the number of seeds. Its ends are NaN with fewer than two seeds.

    Raises:
        ValueError: when no seed is in both.
    """
    from scipy.stats import t

    seeds = sorted(first.keys() & second.keys())
    if not seeds:
        raise ValueError("the two have no seed in common, so there is no difference")
    values = np.array([first[seed] - second[seed] for seed in seeds])
    mean = float(values.mean())
    if len(values) < 2:
        return Interval(mean, math.nan, math.nan, len(values))
    half = float(t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
    return Interval(mean, mean - half, mean + half, len(values))


def distance_to(value: Interval, target: float) -> Interval:
    """Shift a value and its interval so that `target` becomes 0."""
    return Interval(value.value - target, value.low - target, value.high - target, value.n)


def negated(value: Interval) -> Interval:
    """Return the value with the opposite sign."""
    return Interval(-value.value, -value.high, -value.low, value.n)
