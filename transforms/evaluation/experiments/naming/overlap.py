"""Overlap of names with references, in words and in characters: SacreBLEU and chrF.

Both are computed from counts that are summed over all names. The counts are kept for each name, so that intervals are
fast (`bootstrap.score_interval`); the formulas are those of the package sacrebleu.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from transforms.evaluation.bootstrap import Counts, Score

if TYPE_CHECKING:
    from sacrebleu.metrics.base import Metric

Overlap = Literal["bleu", "chrf"]
OVERLAPS: tuple[Overlap, ...] = get_args(Overlap)


def overlap_counts(overlap: Overlap, names: Sequence[str], references: Sequence[str]) -> Counts:
    """Compute the counts of each name.

    Args:
        overlap: the score.
        names: predicted names; may be empty texts.
        references: the reference of each.

    Returns:
        Shape (names, counts), dtype int64. Of `bleu`: lengths, and the numbers of correct and of all word n-grams; of
        `chrf`: the numbers of character n-grams of both sides and of common ones.

    Raises:
        ValueError: when there are no names, or the numbers of names and references differ.
    """
    if not names or len(names) != len(references):
        raise ValueError(f"each name needs one reference, got {len(names)} names and {len(references)} references")
    return np.array(_metric(overlap)._extract_corpus_statistics(names, [references]), np.int64)


def overlap_score(overlap: Overlap) -> Score:
    """Return the function that computes a score in [0, 100] from sums of `overlap_counts`."""
    metric = _metric(overlap)

    def score(sums: Sequence[int]) -> float:
        return float(metric._compute_score_from_stats(list(sums)).score)

    return score


def signature(overlap: Overlap) -> str:
    """Return the signature of sacrebleu for a score: `nrefs:1|case:mixed|...|version:2.6.0`."""
    metric = _metric(overlap)
    metric.corpus_score(["a name"], [["a name"]])  # counts the references, which are part of a signature
    return str(metric.get_signature().format())


def _metric(overlap: Overlap) -> Metric:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return BLEU() if overlap == "bleu" else CHRF()
