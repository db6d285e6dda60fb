"""What names share with those that people gave, word by word and letter by letter: SacreBLEU and chrF.

Both are made of counts that are summed over all names before one figure is made of them. These counts are kept for each
name, so that intervals take a moment (`bootstrap.score_interval`); the formulas are those of the package sacrebleu.
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
    """What each name adds to a score.

    Args:
        overlap: which score.
        names: those that are judged; may be empty texts.
        references: the name that each of them should be.

    Returns:
        Shape (names, counts), dtype int64. Of `bleu` lengths, and n-grams of words that are right and that there are;
        of `chrf` n-grams of characters of both sides and those that they share.

    Raises:
        ValueError: when there are no names, or not as many references.
    """
    if not names or len(names) != len(references):
        raise ValueError(f"each name needs one reference, got {len(names)} names and {len(references)} references")
    return np.array(_metric(overlap)._extract_corpus_statistics(names, [references]), np.int64)


def overlap_score(overlap: Overlap) -> Score:
    """What makes a score in [0, 100] of sums of `overlap_counts`."""
    metric = _metric(overlap)

    def score(sums: Sequence[int]) -> float:
        return float(metric._compute_score_from_stats(list(sums)).score)

    return score


def signature(overlap: Overlap) -> str:
    """How a score is computed, in sacrebleu's words: `nrefs:1|case:mixed|...|version:2.6.0`."""
    metric = _metric(overlap)
    metric.corpus_score(["a name"], [["a name"]])  # counts the references, which a signature tells
    return str(metric.get_signature().format())


def _metric(overlap: Overlap) -> Metric:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    return BLEU() if overlap == "bleu" else CHRF()
