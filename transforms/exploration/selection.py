"""Selection of transitions for tuning, balanced by label, and measures of diversity (2405.16363, fine-tuning data).

Frequent clusters are the next cluster of many transitions. A model tuned with the most frequent transitions generates
little else, so the same number of contexts is selected for each next cluster.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.columnar import run_offsets
from transforms.exploration.transitions import Integers, TransitionCounts, take_counts


def select_balanced(counts: TransitionCounts, per_label: int) -> TransitionCounts:
    """Select the most frequent contexts of each next cluster, the label.

    Args:
        counts: counts of one split.
        per_label: number of contexts per label; labels with fewer have all of theirs.

    Returns:
        Rows by label, the most frequent first; ties: more users, then the lower context.
    """
    keys: list[npt.NDArray[np.integer]] = [*_by_context(counts), -counts.users, -counts.counts, counts.next_clusters]
    order = np.lexsort(keys)
    starts = run_offsets(counts.next_clusters[order])
    ranks = np.arange(len(order)) - np.repeat(starts[:-1], np.diff(starts))
    return take_counts(counts, order[ranks < per_label])


def select_frequent(counts: TransitionCounts, size: int) -> TransitionCounts:
    """Select the most frequent transitions, whatever their label: the baseline of `select_balanced`.

    Args:
        counts: counts of one split.
        size: number of transitions.

    Returns:
        Rows, the most frequent first; ties: more users, then the lower context, then the lower label.
    """
    keys: list[npt.NDArray[np.integer]] = [counts.next_clusters, *_by_context(counts), -counts.users, -counts.counts]
    return take_counts(counts, np.lexsort(keys)[:size])


def _by_context(counts: TransitionCounts) -> list[npt.NDArray[np.integer]]:
    """Return the places of contexts as keys of `lexsort`, which sorts by the last key first."""
    return list(counts.contexts.T[::-1])


def label_distribution(counts: TransitionCounts, cluster_count: int) -> Integers:
    """Count the rows of each label, int64, shape (C,)."""
    return np.bincount(counts.next_clusters, minlength=cluster_count)


def gini(traffic: npt.ArrayLike) -> float:
    """Compute the Gini coefficient of a distribution over clusters.

    Args:
        traffic: shape (C,), not negative.

    Returns:
        From 0, all equal, to `1 - 1 / C`, all traffic in one cluster; 0 without traffic.
    """
    ordered = np.sort(np.asarray(traffic, np.float64))
    total, count = ordered.sum(), len(ordered)
    if not total > 0:
        return 0.0
    weights = 2 * np.arange(1, count + 1) - count - 1
    return float((weights * ordered).sum() / (count * total))


def coverage(traffic: npt.ArrayLike) -> float:
    """Compute the fraction of clusters with traffic; 0 without clusters."""
    values = np.asarray(traffic)
    return float((values > 0).mean()) if len(values) else 0.0


def effective_number(traffic: npt.ArrayLike) -> float:
    """Compute the effective number of clusters: the exponential of the entropy of their distribution.

    Args:
        traffic: shape (C,), not negative.

    Returns:
        From 1, all traffic in one cluster, to C, all equal; 0 without traffic.
    """
    values = np.asarray(traffic, np.float64)
    values = values[values > 0]
    if not len(values):
        return 0.0
    fractions = values / values.sum()
    return float(np.exp(-(fractions * np.log(fractions)).sum()))
