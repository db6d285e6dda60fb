"""Pairwise character n-gram F-scores (chrF) of names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_MAX_LENGTH = 6
_RECALL_WEIGHT = 4
"""Weight of recall relative to precision: the square of chrF's beta, 2."""


def pairwise_chrf(names: Sequence[str]) -> Floats:
    """Compute chrF of each name against each other name as the reference (Popović 2015).

    Precision and recall are means over the n-gram lengths 1 to 6 (characters without white space) that both names have.

    Args:
        names: at least one.

    Returns:
        Shape (names, names), values in [0, 1]: row i scores name i against each name as the reference.
    """
    texts = [re.sub(r"\s+", "", name) for name in names]
    precision, recall, lengths = np.zeros((3, len(texts), len(texts)))
    for length in range(1, _MAX_LENGTH + 1):
        counts = _counts(texts, length)
        totals = counts.sum(axis=1)
        both = (totals[:, None] > 0) & (totals[None] > 0)
        shared = np.minimum(counts[:, None], counts[None]).sum(axis=2)
        precision += np.divide(shared, totals[:, None], out=np.zeros(shared.shape), where=both)
        recall += np.divide(shared, totals[None], out=np.zeros(shared.shape), where=both)
        lengths += both
    some = np.maximum(lengths, 1)
    precision, recall = precision / some, recall / some
    weighted = _RECALL_WEIGHT * precision + recall
    return np.divide(
        (1 + _RECALL_WEIGHT) * precision * recall, weighted, out=np.zeros(weighted.shape), where=weighted > 0
    )


def _counts(texts: Sequence[str], length: int) -> Floats:
    """Count the n-grams of one length in each text, shape (texts, n-grams)."""
    columns: dict[str, int] = {}
    found = [Counter(text[at : at + length] for at in range(len(text) - length + 1)) for text in texts]
    for each in found:
        for gram in each:
            columns.setdefault(gram, len(columns))
    counts = np.zeros((len(texts), len(columns)))
    for row, each in enumerate(found):
        counts[row, [columns[gram] for gram in each]] = list(each.values())
    return counts
