"""Measures of diversity of a distribution over categories, such as interest clusters."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def gini(traffic: npt.ArrayLike) -> float:
    """Compute the Gini coefficient of a distribution over categories.

    Args:
        traffic: shape (C,), not negative.

    Returns:
        From 0, all equal, to `1 - 1 / C`, all traffic in one category; 0 without traffic.
    """
    ordered = np.sort(np.asarray(traffic, np.float64))
    total, count = ordered.sum(), len(ordered)
    if not total > 0:
        return 0.0
    weights = 2 * np.arange(1, count + 1) - count - 1
    return float((weights * ordered).sum() / (count * total))


def coverage(traffic: npt.ArrayLike) -> float:
    """Compute the fraction of categories with traffic; 0 without categories."""
    values = np.asarray(traffic)
    return float((values > 0).mean()) if len(values) else 0.0


def effective_number(traffic: npt.ArrayLike) -> float:
    """Compute the effective number of categories: the exponential of the entropy of their distribution.

    Args:
        traffic: shape (C,), not negative.

    Returns:
        From 1, all traffic in one category, to C, all equal; 0 without traffic.
    """
    values = np.asarray(traffic, np.float64)
    values = values[values > 0]
    if not len(values):
        return 0.0
    fractions = values / values.sum()
    return float(np.exp(-(fractions * np.log(fractions)).sum()))
