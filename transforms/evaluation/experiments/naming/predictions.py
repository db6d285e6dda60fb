"""Held-out examples and a way -> the names that it gives them, as they are judged: no name is replaced by another."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import NAMING_EXAMPLES
from transforms.columnar import concatenate, stable_hash
from transforms.evaluation.experiments.naming.config import NamingMethod
from transforms.language_models.generate import PROMPTS, distinct_generations
from transforms.language_models.interface import Completion
from transforms.naming.assignment import (
    Journey,
    NamingContext,
    NamingRequest,
    build_prompt,
    request_hash,
    selected_texts,
)
from transforms.naming.example_journeys import example_journeys
from transforms.naming.salient_name import salient_name
from transforms.naming.validation import validate_name

HELD_OUT = "test"
FEWEST = 2
"""Examples that it takes to compare: a name must find its journey among others."""


class PredictedNames(NamedTuple):
    """The names of one way, one for each example.

    Attributes:
        names: cleaned as `name` cleans what a model says; empty where there is none.
        refusals: why `name` would not take it, in one word; empty: it would.
    """

    names: list[str]
    refusals: list[str]


class TestSample(NamedTuple):
    """Examples that are judged.

    Attributes:
        rows: rows of `naming_examples`, by `example_id`.
        held_out: how many there are of which these are a sample.
    """

    rows: pa.RecordBatch
    held_out: int


def test_sample(batches: Iterable[pa.RecordBatch], most: int) -> TestSample:
    """At most so many held-out examples: those whose ids have the smallest hashes.

    Args:
        batches: rows of `naming_examples` in any order, perhaps with further columns.
        most: how many.

    Raises:
        ValueError: when there are too few to compare.
    """
    names = NAMING_EXAMPLES.arrow.names
    parts = (rows.select(names).filter(pc.equal(rows["split"], HELD_OUT)) for rows in batches)
    rows = concatenate((part.cast(NAMING_EXAMPLES.arrow) for part in parts), NAMING_EXAMPLES.arrow)
    if rows.num_rows < FEWEST:
        raise ValueError(f"naming is judged on at least {FEWEST} held-out examples, got {rows.num_rows}")
    rows = rows.take(pc.sort_indices(rows["example_id"]))
    chosen = np.argsort(stable_hash(rows["example_id"]), kind="stable")[:most]
    return TestSample(rows.take(pa.array(np.sort(chosen))), rows.num_rows)


def prompts_of_method(examples: pa.RecordBatch, way: NamingMethod) -> pa.RecordBatch:
    """Rows of `PROMPTS`: what a way asks its model about examples; none where there is nothing that could be told."""
    context = _context(way)
    generation = [NamingRequest(journey) for journey in example_journeys(examples, way.naming)]
    rows = [
        {"content_hash": request_hash(each, context), "prompt": question}
        for each in generation
        if (question := build_prompt(each, way.naming))
    ]
    return pa.RecordBatch.from_pylist(rows, PROMPTS)


def completions_by_hash(batches: Iterable[pa.RecordBatch]) -> dict[str, list[Completion]]:
    """Return the completions of models, in the order of ranks, by the hash of the prompt."""
    completions: dict[str, list[Completion]] = {}
    for row in distinct_generations(batches).to_pylist():
        completions.setdefault(row["content_hash"], []).append(Completion(row["text"], row["log_prob"]))
    return completions


def predict_names(
    way: NamingMethod,
    examples: pa.RecordBatch,
    answers: Mapping[str, Sequence[Completion]],
    medoids: Sequence[int | None] = (),
) -> PredictedNames:
    """The names that a way gives to examples.

    Args:
        way: the way.
        examples: rows of `naming_examples`, by `example_id`.
        answers: what models said, by the hash of the question; those of all ways.
        medoids: which of `titles_of` each example is nearest to the mean of all; for `medoid_title`.
    """
    journeys, context = example_journeys(examples, way.naming), _context(way)
    texts = _texts(way, examples, journeys, answers, medoids)
    told = zip(texts, journeys, strict=True)
    results = [validate_name(text, journey.titles, way.naming, context.instructions) for text, journey in told]
    return PredictedNames([result.name for result in results], [result.rejection for result in results])


def titles_of(examples: pa.RecordBatch) -> list[list[str]]:
    """The titles of each example that say something."""
    return [[title for title in titles if title and title.strip()] for titles in examples["titles"].to_pylist()]


def _texts(
    way: NamingMethod,
    examples: pa.RecordBatch,
    journeys: Sequence[Journey],
    answers: Mapping[str, Sequence[Completion]],
    medoids: Sequence[int | None],
) -> list[str | None]:
    """What a way says of each example; None: nothing."""
    match way.kind:
        case "reference":
            references: list[str | None] = examples["name"].to_pylist()
            return references
        case "salient":
            return [
                salient_name(journey.terms, journey.weights, journey.titles, journey.rank, way.naming)
                for journey in journeys
            ]
        case "first_title":
            return [titles[0] if titles else None for titles in titles_of(examples)]
        case "medoid_title":
            places = zip(titles_of(examples), medoids, strict=True)
            return [None if place is None else titles[place] for titles, place in places]
        case _:
            context = _context(way)
            requests = [NamingRequest(journey) for journey in journeys]
            texts = selected_texts(requests, answers, context)
            return [texts.get(request_hash(each, context)) for each in requests]


def _context(way: NamingMethod) -> NamingContext:
    return NamingContext(way.naming, way.model, selector=way.selector)
