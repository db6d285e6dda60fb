"""The names of several ways -> how good they are, as rows of `metrics`."""

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
from transforms.evaluation.experiments.naming.predictions import predict_names, prompts_of_method, titles_of
from transforms.evaluation.experiments.naming.quality import mean_idf, safe, uniqueness, word_rarity
from transforms.evaluation.experiments.naming.retrieval import cosines, mean_vectors, medoids, retrieve_own
from transforms.evaluation.figures import metric_batch, metric_row
from transforms.language_models.interface import Completion
from transforms.language_models.token_counts import count_prompt_tokens
from transforms.naming.safety.word_lists import SafetyFilter, WordLists
from transforms.naming.validation import clean_output

PREFIX = "naming_"
"""Of all metrics of names."""


class TextVectors:
    """Vectors of texts, to be looked up.

    Args:
        encoded: record batches of (`item_id`, `vector`), a text being its own id.
    """

    def __init__(self, encoded: Iterable[pa.RecordBatch]) -> None:
        batches = list(encoded)
        texts = [text for rows in batches for text in rows["item_id"].to_pylist()]
        self._places = {text: place for place, text in enumerate(texts)}
        dimensions = batches[0]["vector"].type.list_size if batches else 0
        flat = [rows["vector"].flatten().to_numpy().reshape(-1, dimensions) for rows in batches]
        self._vectors = np.concatenate([*flat, np.zeros((1, dimensions), np.float32)])

    def of(self, texts: Sequence[str]) -> Vectors:
        """The vector of each text, shape (texts, dimensions), dtype float32; all zeros for one that is empty.

        Raises:
            KeyError: for a text that was not encoded.
        """
        return np.asarray(self._vectors[[self._places[text] if text else -1 for text in texts]], np.float32)


class ScoringInputs(NamedTuple):
    """What names are judged by.

    Attributes:
        examples: rows of `naming_examples`, by `example_id`.
        answers: what models said, by the hash of the question.
        vectors: of all texts that `texts_to_encode` gives; None: what needs vectors is not measured.
        bleurt: the checkpoint that scores names; None: it is not measured.
        safety: what decides whether a name may be written.
    """

    examples: pa.RecordBatch
    answers: Mapping[str, Sequence[Completion]]
    vectors: TextVectors | None = None
    bleurt: Bleurt | None = None
    safety: SafetyFilter = WordLists()


class NameScores(NamedTuple):
    """What was measured of the names of one way.

    Attributes:
        counts: for each overlap what `overlap_counts` gives.
        values: for each other measure a figure for each name, shape (names,).
        refusals: as in `PredictedNames`.
    """

    counts: dict[Overlap, Counts]
    values: dict[str, Floats]
    refusals: list[str]


def texts_to_encode(
    examples: pa.RecordBatch, answers: Mapping[str, Sequence[Completion]], ways: Iterable[NamingMethod]
) -> pa.RecordBatch:
    """Rows of `TEXTS`, a text being its own id: titles, references and names, each once, sorted.

    Args:
        examples: rows of `naming_examples`, by `example_id`.
        answers: what models said, by the hash of the question.
        ways: the ways. Which title `medoid_title` takes is not known yet: all are there as it would give them.
    """
    titles = [title for of_one in titles_of(examples) for title in of_one]
    texts = {*titles, *examples["name"].to_pylist()}
    for way in ways:
        texts.update(
            map(clean_output, titles) if way.kind == "medoid_title" else predict_names(way, examples, answers).names
        )
    column = pa.array(sorted(texts - {""}), pa.string())
    return pa.RecordBatch.from_arrays([column, column], schema=TEXTS)


class NameScorer:
    """Measures the names of one way after another, all of the same examples.

    Args:
        told: the examples, and what is known of them.
    """

    def __init__(self, told: ScoringInputs) -> None:
        self._told = told
        self._references: list[str] = told.examples["name"].to_pylist()
        titles = titles_of(told.examples)
        texts = ([reference, *of_one] for reference, of_one in zip(self._references, titles, strict=True))
        self._rarity = word_rarity(list(texts))
        self._medoids: list[int | None] = []
        if told.vectors is not None:
            self._of_references = told.vectors.of(self._references)
            of_titles = told.vectors.of([title for of_one in titles for title in of_one])
            offsets = np.concatenate([[0], np.cumsum([len(of_one) for of_one in titles])])
            self._of_journeys = mean_vectors(of_titles, offsets)
            self._medoids = medoids(of_titles, offsets)

    def measure(self, way: NamingMethod) -> NameScores:
        """All that is measured of a way."""
        named = predict_names(way, self._told.examples, self._told.answers, self._medoids)
        counts = {overlap: overlap_counts(overlap, named.names, self._references) for overlap in OVERLAPS}
        values = {
            "interestingness": mean_idf(named.names, self._rarity),
            "safe": safe(named.names, self._told.safety),
            "distinct": uniqueness(named.names),
            "well_formed": np.array([float(not refusal) for refusal in named.refusals]),
        }
        if self._told.vectors is not None:
            values |= self._by_vectors(self._told.vectors.of(named.names))
        if self._told.bleurt is not None:
            values["bleurt"] = self._told.bleurt.score(self._references, named.names)
        if way.generation is not None and way.generation.model.kind != "endpoint":
            questions = prompts_of_method(self._told.examples, way)["prompt"].to_pylist()
            values["prompt_tokens"] = count_prompt_tokens(way.generation, questions).astype(np.float64)
        return NameScores(counts, values, named.refusals)

    def _by_vectors(self, names: Vectors) -> dict[str, Floats]:
        found = retrieve_own(names, self._of_journeys)
        return {
            "similarity": cosines(names, self._of_references),
            "recall_at_1": found.recall,
            "mrr": found.reciprocal_rank,
            "over_broadness": found.over_broadness,
        }


def score_methods(told: ScoringInputs, config: NamingExperimentConfig) -> pa.RecordBatch:
    """Rows of `metrics`: `naming_<measure>` by way, and `naming_<measure>_difference` by `<way> - <first way>`.

    `naming_refused` by `<way>/<reason>` is the share of names that `name` would not have taken for that reason.

    Args:
        told: the examples, and what is known of them.
        config: the ways, and the seed of the intervals.
    """
    judge = NameScorer(told)
    measured = {way.label: judge.measure(way) for way in config.ways}
    first, *others = measured
    rows = [row for label, found in measured.items() for row in _figures(label, found, config.seed)]
    for label in others:
        rows += _differences(f"{label} - {first}", measured[label], measured[first], config.seed)
    return metric_batch(rows)


def _figures(label: str, found: NameScores, seed: int) -> list[dict[str, Any]]:
    intervals: dict[str, Interval] = {
        overlap: score_interval(counts, overlap_score(overlap), seed) for overlap, counts in found.counts.items()
    }
    intervals |= {measure: mean_interval(values, seed) for measure, values in found.values.items()}
    rows = [metric_row(f"{PREFIX}{measure}", label, interval) for measure, interval in intervals.items()]
    for reason in sorted(set(found.refusals) - {""}):
        refused = [refusal == reason for refusal in found.refusals]
        rows.append(metric_row(f"{PREFIX}refused", f"{label}/{reason}", mean_interval(refused, seed)))
    return rows


def _differences(slice_: str, found: NameScores, other: NameScores, seed: int) -> list[dict[str, Any]]:
    intervals: dict[str, Interval] = {
        overlap: score_difference(counts, other.counts[overlap], overlap_score(overlap), seed)
        for overlap, counts in found.counts.items()
    }
    for measure in found.values.keys() & other.values.keys():
        intervals[measure] = paired_difference(found.values[measure], other.values[measure], seed)
    return [metric_row(f"{PREFIX}{measure}_difference", slice_, interval) for measure, interval in intervals.items()]
