"""Scores of the names of several methods, as rows of `metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from transforms.batching import Vectors
from transforms.encoders.text import TEXTS
from transforms.evaluation.bootstrap import (
    Counts,
    Floats,
    Interval,
    mean_interval,
    paired_difference,
    score_difference,
    score_interval,
)
from transforms.evaluation.experiments.naming.bleurt import Bleurt
from transforms.evaluation.experiments.naming.config import NamingExperimentConfig, NamingMethod
from transforms.evaluation.experiments.naming.overlap import OVERLAPS, Overlap, overlap_counts, overlap_score
from transforms.evaluation.experiments.naming.predictions import (
    Completions,
    PredictedNames,
    predict_names,
    prompts_of_method,
    titles_of,
)
from transforms.evaluation.experiments.naming.quality import mean_idf, safe, safe_fractions, uniqueness, word_rarity
from transforms.evaluation.experiments.naming.retrieval import cosines, mean_vectors, medoids, retrieve_own
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.language_models.token_counts import count_prompt_tokens
from transforms.naming.name_extraction import clean_line
from transforms.naming.safety.word_lists import SafetyFilter, WordLists


class TextVectors:
    """Vectors by text.

    Args:
        encoded: record batches of (`item_id`, `vector`), a text being its own id.
    """

    def __init__(self, encoded: Iterable[pa.RecordBatch]) -> None:
        batches = list(encoded)
        texts = [text for rows in batches for text in rows["item_id"].to_pylist()]
        self._indices = {text: index for index, text in enumerate(texts)}
        dimensions = batches[0]["vector"].type.list_size if batches else 0
        flat = [rows["vector"].flatten().to_numpy().reshape(-1, dimensions) for rows in batches]
        self._vectors = np.concatenate([*flat, np.zeros((1, dimensions), np.float32)])

    def lookup(self, texts: Sequence[str]) -> Vectors:
        """Return the vector of each text, shape (texts, dimensions), dtype float32; zeros for an empty text.

        Raises:
            KeyError: for a text that was not encoded.
        """
        return np.asarray(self._vectors[[self._indices[text] if text else -1 for text in texts]], np.float32)


class ScoringInputs(NamedTuple):
    """Names and the data to score them.

    Attributes:
        examples: rows of `naming_examples`, sorted by `example_id`.
        predictions: names of all methods without vectors, by label.
        vectors: of all texts of `texts_to_encode`; None: no measure needs them.
        bleurt: the checkpoint that scores names; None: no such score.
        safety: decides which names are safe.
    """

    examples: pa.RecordBatch
    predictions: Mapping[str, PredictedNames]
    vectors: TextVectors | None = None
    bleurt: Bleurt | None = None
    safety: SafetyFilter = WordLists()


class NameScores(NamedTuple):
    """Scores of the names of one method.

    Attributes:
        counts: for each overlap the counts of `overlap_counts`.
        values: for each other measure the value of each name, shape (names,).
        rejections: as in `PredictedNames`.
    """

    counts: dict[Overlap, Counts]
    values: dict[str, Floats]
    rejections: list[str]


def predict_all(
    examples: pa.RecordBatch, completions: Completions, methods: Iterable[NamingMethod]
) -> dict[str, PredictedNames]:
    """Predict the names of all methods that need no vectors, by label."""
    return {
        method.label: predict_names(method, examples, completions)
        for method in methods
        if method.kind != "medoid_title"
    }


def texts_to_encode(
    examples: pa.RecordBatch, predictions: Mapping[str, PredictedNames], methods: Iterable[NamingMethod]
) -> pa.RecordBatch:
    """Return rows of `TEXTS`, a text being its own id: titles, references and names, each once, sorted.

    Args:
        examples: rows of `naming_examples`, sorted by `example_id`.
        predictions: names by label.
        methods: the methods. The title that `medoid_title` selects depends on vectors, so all are among the texts.
    """
    titles = [title for of_one in titles_of(examples) for title in of_one]
    texts = {*titles, *examples["name"].to_pylist()}
    for names, _ in predictions.values():
        texts.update(names)
    if any(method.kind == "medoid_title" for method in methods):
        texts.update(map(clean_line, titles))
    column = pa.array(sorted(texts - {""}), pa.string())
    return pa.RecordBatch.from_arrays([column, column], schema=TEXTS)


class NameScorer:
    """Scores the names of one method after another, all of the same examples.

    Args:
        inputs: the examples and the data to score names.
    """

    def __init__(self, inputs: ScoringInputs) -> None:
        self._inputs = inputs
        self._references: list[str] = inputs.examples["name"].to_pylist()
        titles = titles_of(inputs.examples)
        texts = ([reference, *of_one] for reference, of_one in zip(self._references, titles, strict=True))
        self._rarity = word_rarity(list(texts))
        self._medoids: list[int | None] = []
        if inputs.vectors is not None:
            self._reference_vectors = inputs.vectors.lookup(self._references)
            title_vectors = inputs.vectors.lookup([title for of_one in titles for title in of_one])
            offsets = np.concatenate([[0], np.cumsum([len(of_one) for of_one in titles])])
            self._journey_vectors = mean_vectors(title_vectors, offsets)
            self._medoids = medoids(title_vectors, offsets)

    def score(self, method: NamingMethod) -> NameScores:
        """Compute all scores of a method."""
        inputs = self._inputs
        predicted = inputs.predictions.get(method.label)
        if predicted is None:
            predicted = predict_names(method, inputs.examples, {}, self._medoids)
        names = predicted.names
        counts = {overlap: overlap_counts(overlap, names, self._references) for overlap in OVERLAPS}
        values = {
            "mean_idf": mean_idf(names, self._rarity),
            "safe": safe(names, inputs.safety),
            "uniqueness": uniqueness(names),
            "well_formed": np.array([float(not rejection) for rejection in predicted.rejections]),
        }
        if inputs.vectors is not None:
            values |= self._scores_by_vectors(inputs.vectors.lookup(names))
        if inputs.bleurt is not None:
            values["bleurt"] = inputs.bleurt.score(self._references, names)
        if method.generation is not None and method.generation.model.kind != "endpoint":
            prompts = prompts_of_method(inputs.examples, method)["prompt"].to_pylist()
            values["prompt_tokens"] = count_prompt_tokens(method.generation, prompts).astype(np.float64)
        return NameScores(counts, values, predicted.rejections)

    def _scores_by_vectors(self, names: Vectors) -> dict[str, Floats]:
        retrieval = retrieve_own(names, self._journey_vectors)
        return {
            "similarity": cosines(names, self._reference_vectors),
            "recall_at_1": retrieval.recall,
            "mrr": retrieval.reciprocal_rank,
            "over_broadness": retrieval.over_broadness,
        }


def score_methods(inputs: ScoringInputs, config: NamingExperimentConfig) -> pa.RecordBatch:
    """Compute rows of `metrics` of all methods.

    `naming_<measure>` is sliced by `method`; `naming_<measure>_difference` has the first method as `baseline`;
    `naming_rejected`, sliced by `method` and `reason`, is the fraction of names that `name` rejects for the reason.
    `naming_safe_titles` is about the examples; `naming_example_set`, sliced by `set`, is their number, if they stand
    for a set.

    Args:
        inputs: the examples and the data to score names.
        config: the methods, and the random seed of the intervals.
    """
    scorer = NameScorer(inputs)
    scores = {method.label: scorer.score(method) for method in config.methods}
    first, *others = scores
    rows = [row for label, each in scores.items() for row in _rows(label, each, config.seed)]
    for label in others:
        differences = _differences(scores[label], scores[first], config.seed)
        rows += [
            metric_row(f"naming_{measure}_difference", interval, method=label, baseline=first)
            for measure, interval in differences.items()
        ]
    titles_safe = safe_fractions(titles_of(inputs.examples), inputs.safety)
    rows.append(metric_row("naming_safe_titles", mean_interval(titles_safe, config.seed)))
    if config.example_set:
        rows.append(metric_row("naming_example_set", point(inputs.examples.num_rows), set=config.example_set))
    return metric_batch(rows)


def _rows(label: str, scores: NameScores, seed: int) -> list[dict[str, Any]]:
    intervals: dict[str, Interval] = {
        overlap: score_interval(counts, overlap_score(overlap), seed) for overlap, counts in scores.counts.items()
    }
    intervals |= {measure: mean_interval(values, seed) for measure, values in scores.values.items()}
    rows = [metric_row(f"naming_{measure}", interval, method=label) for measure, interval in intervals.items()]
    for reason in sorted(set(scores.rejections) - {""}):
        is_rejected = [rejection == reason for rejection in scores.rejections]
        rows.append(metric_row("naming_rejected", mean_interval(is_rejected, seed), method=label, reason=reason))
    return rows


def _differences(scores: NameScores, other: NameScores, seed: int) -> dict[str, Interval]:
    intervals: dict[str, Interval] = {
        overlap: score_difference(counts, other.counts[overlap], overlap_score(overlap), seed)
        for overlap, counts in scores.counts.items()
    }
    for measure in scores.values.keys() & other.values.keys():
        intervals[measure] = paired_difference(scores.values[measure], other.values[measure], seed)
    return intervals
