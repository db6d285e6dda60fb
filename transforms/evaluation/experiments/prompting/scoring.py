"""Scores of the names that each scope of prompting gives to the journeys of histories, as rows of `metrics`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from transforms.batching import Vectors
from transforms.evaluation.bootstrap import (
    Counts,
    Floats,
    Interval,
    mean_interval,
    mean_of_groups,
    paired_difference,
    score_difference,
    score_interval,
)
from transforms.evaluation.experiments.naming.bleurt import Bleurt
from transforms.evaluation.experiments.naming.overlap import OVERLAPS, Overlap, overlap_counts, overlap_score
from transforms.evaluation.experiments.naming.scoring import TextVectors
from transforms.evaluation.experiments.prompting.config import SCOPES, Scope
from transforms.evaluation.experiments.prompting.histories import History
from transforms.evaluation.experiments.prompting.matching import match_names, soft_scores
from transforms.evaluation.metric_rows import metric_batch, metric_row, point

Row = dict[str, Any]

BASELINE: Scope = "one prompt a journey"
"""The scope that the others are compared with."""
ALL = "all"
"""The value of `k` in the slice of a mean over all k."""


class ScopeScores(NamedTuple):
    """Scores of one scope.

    Attributes:
        counts: for each overlap the counts of `overlap_counts`, summed over the references of each history.
        values: for each other measure the value of each history, shape (histories,).
    """

    counts: dict[Overlap, Counts]
    values: dict[str, Floats]


def unit_vectors(vectors: Vectors) -> Floats:
    """Scale rows to length 1, float64; rows of zeros stay zero."""
    doubles = np.asarray(vectors, np.float64)
    lengths = np.linalg.norm(doubles, axis=1, keepdims=True)
    return np.asarray(doubles / np.where(lengths > 0, lengths, 1))


def score_scope(
    histories: Sequence[History], names: Sequence[Sequence[str]], vectors: TextVectors, bleurt: Bleurt | None = None
) -> ScopeScores:
    """Score the names of one scope against the names of the collections of each history.

    Names are assigned to references by the cosines of their vectors. A reference without a name is compared with an
    empty text in SacreBLEU, chrF and BLEURT.

    Args:
        histories: the histories.
        names: the names for each history, each once.
        vectors: of all names and references.
        bleurt: the checkpoint that scores names; None: no such score.
    """
    measured: list[dict[str, float]] = []
    matched: list[str] = []
    for history, given in zip(histories, names, strict=True):
        references = unit_vectors(vectors.lookup(history.names))
        matching = match_names(references @ unit_vectors(vectors.lookup(given)).T)
        recall, precision, f1 = soft_scores(matching, len(given))
        matched += [given[index] if index >= 0 else "" for index in matching.names.tolist()]
        measured.append(
            {
                "similarity_f1": f1,
                "similarity_recall": recall,
                "similarity_precision": precision,
                "names": float(len(given)),
                "count_error": float(abs(len(given) - history.k)),
            }
        )
    values = {measure: np.array([each[measure] for each in measured]) for measure in measured[0]}
    references_of_all = [name for history in histories for name in history.names]
    starts = np.cumsum([0, *(history.k for history in histories)])[:-1]
    counts = {
        overlap: np.add.reduceat(overlap_counts(overlap, matched, references_of_all), starts, axis=0)
        for overlap in OVERLAPS
    }
    if bleurt is not None:
        sizes = np.array([history.k for history in histories])
        values["bleurt"] = np.add.reduceat(bleurt.score(references_of_all, matched), starts) / sizes
    return ScopeScores(counts, values)


def prompting_metrics(
    histories: Sequence[History], scores: Mapping[Scope, ScopeScores], journeys: Sequence[int], seed: int
) -> pa.RecordBatch:
    """Compute rows of `metrics`: `prompting_<measure>` by `scope` and k, and differences to one prompt a journey.

    `k=all` is the mean over all k, each with the same weight, of measures; of SacreBLEU and chrF it is the score of
    all histories.

    Args:
        histories: the histories.
        scores: the scores of each scope.
        journeys: number of extracted journeys of each history.
        seed: random seed of the intervals.
    """
    ks = np.array([history.k for history in histories])
    rows: list[Row] = [metric_row("prompting_histories", point(len(histories)))]
    rows.append(metric_row("prompting_journeys", mean_interval(journeys, seed)))
    for scope in SCOPES:
        for k, inside in _slices(ks):
            rows += _rows(scores[scope], ks, inside, seed, scope=scope, k=k)
            if scope != BASELINE:
                rows += _difference_rows(scores[scope], scores[BASELINE], ks, inside, seed, scope=scope, k=k)
    return metric_batch(rows)


def _slices(ks: Counts) -> list[tuple[str, Any]]:
    return [*((str(k), ks == k) for k in np.unique(ks).tolist()), (ALL, np.full(len(ks), True))]


def _rows(scores: ScopeScores, ks: Counts, inside: Any, seed: int, **parts: object) -> Iterator[Row]:
    intervals: dict[str, Interval] = {
        overlap: score_interval(counts[inside], overlap_score(overlap), seed)
        for overlap, counts in scores.counts.items()
    }
    intervals |= {
        measure: mean_of_groups(values[inside], ks[inside], seed) for measure, values in scores.values.items()
    }
    for measure, interval in intervals.items():
        yield metric_row(f"prompting_{measure}", interval, **parts)


def _difference_rows(
    scores: ScopeScores, other: ScopeScores, ks: Counts, inside: Any, seed: int, **parts: object
) -> Iterator[Row]:
    intervals: dict[str, Interval] = {
        overlap: score_difference(counts[inside], other.counts[overlap][inside], overlap_score(overlap), seed)
        for overlap, counts in scores.counts.items()
    }
    for measure, values in scores.values.items():
        intervals[measure] = paired_difference(values[inside], other.values[measure][inside], seed, ks[inside])
    for measure, interval in intervals.items():
        yield metric_row(f"prompting_{measure}_difference", interval, **parts, baseline=BASELINE)
