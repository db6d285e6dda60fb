"""How much names have in common, letter by letter."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_LONGEST = 6
_RECALL = 4
"""By how much what is found of a name counts more than what is right in the other: the square of chrF's beta, 2."""


def pairwise_chrf(names: Sequence[str]) -> Floats:
    """ChrF of each name as it would be judged if another were the right one (Popović 2015).

    An F-score of precision and recall, each the mean over n-grams of 1 to 6 characters without white space, of those
    lengths that both names have.

    Args:
        names: at least one.

    Returns:
        Shape (names, names): row i is name i, judged by each of the others; in [0, 1].
    """
    texts = [re.sub(r"\s+", "", name) for name in names]
    precision, recall, lengths = np.zeros((3, len(texts), len(texts)))
    for length in range(1, _LONGEST + 1):
        counts = _counts(texts, length)
        totals = counts.sum(axis=1)
        there = (totals[:, None] > 0) & (totals[None] > 0)
        shared = np.minimum(counts[:, None], counts[None]).sum(axis=2)
        precision += np.divide(shared, totals[:, None], out=np.zeros(shared.shape), where=there)
        recall += np.divide(shared, totals[None], out=np.zeros(shared.shape), where=there)
        lengths += there
    some = np.maximum(lengths, 1)
    precision, recall = precision / some, recall / some
    weighed = _RECALL * precision + recall
    return np.divide((1 + _RECALL) * precision * recall, weighed, out=np.zeros(weighed.shape), where=weighed > 0)


def _counts(texts: Sequence[str], length: int) -> Floats:
    """How often each text has each n-gram of one length, shape (texts, n-grams)."""
    places: dict[str, int] = {}
    found = [Counter(text[at : at + length] for at in range(len(text) - length + 1)) for text in texts]
    for each in found:
        for gram in each:
            places.setdefault(gram, len(places))
    counts = np.zeros((len(texts), len(places)))
    for row, each in enumerate(found):
        counts[row, [places[gram] for gram in each]] = list(each.values())
    return counts
