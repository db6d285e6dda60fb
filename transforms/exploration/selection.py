"""Selection of transitions for tuning, balanced by label (2405.16363, fine-tuning data).

Frequent clusters are the next cluster of many transitions. A model tuned with the most frequent transitions generates
little else, so the same number of contexts is selected for each next cluster.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.columnar import run_offsets
from transforms.exploration.transitions import TransitionCounts, take_counts
from transforms.hashing import mix_bits


def select_balanced(counts: TransitionCounts, per_label: int) -> TransitionCounts:
    """Select the most frequent contexts of each next cluster, the label.

    Args:
        counts: counts of one split.
        per_label: number of contexts per label; labels with fewer have all of theirs.

    Returns:
        Rows by label, the most frequent first; ties: more users, then in an order of contexts that is the same for
        all labels but does not depend on their clusters, so that labels share contexts.
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
        Rows, the most frequent first; ties: more users, then as for `select_balanced`, then the lower label.
    """
    keys: list[npt.NDArray[np.integer]] = [counts.next_clusters, *_by_context(counts), -counts.users, -counts.counts]
    return take_counts(counts, np.lexsort(keys)[:size])


def _by_context(counts: TransitionCounts) -> list[npt.NDArray[np.integer]]:
    """Return keys of `lexsort`, which sorts by the last key first: the hash of a context, then its places."""
    hashes = np.zeros(len(counts.contexts), np.uint64)
    for place in counts.contexts.T:
        hashes = mix_bits(hashes ^ (place.astype(np.uint64) + np.uint64(1)))
    return [*counts.contexts.T[::-1], hashes]
