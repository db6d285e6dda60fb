"""Names that a method predicts for examples, without a fallback to another method."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import NAMING_EXAMPLES
from transforms.columnar import concatenate
from transforms.evaluation.experiments.naming.config import NamingMethod
from transforms.hashing import stable_hash
from transforms.language_models.generate import PROMPTS, distinct_generations
from transforms.language_models.interface import Completion
from transforms.naming.assignment import (
    Journey,
    NamingContext,
    NamingRequest,
    prompt_row,
    request_hash,
    selected_texts,
)
from transforms.naming.example_journeys import example_journeys
from transforms.naming.salient_name import salient_name
from transforms.naming.validation import validate_name

TEST_SPLIT = "test"
MIN_EXAMPLES = 2
"""A name must retrieve its journey among others."""

Completions = Mapping[str, Sequence[Completion]]
"""Completions of language models, in the order of ranks, by the hash of the prompt."""


class PredictedNames(NamedTuple):
    """The names of one method, one for each example.

    Attributes:
        names: cleaned as `name` cleans the output of a model; empty where there is none.
        rejections: the reason for which `name` rejects it; empty: it is accepted.
    """

    names: list[str]
    rejections: list[str]


class ExampleSample(NamedTuple):
    """Examples that are named.

    Attributes:
        rows: rows of `naming_examples`, sorted by `example_id`.
        available: number of examples of the test split.
    """

    rows: pa.RecordBatch
    available: int


def sample_examples(batches: Iterable[pa.RecordBatch], max_examples: int) -> ExampleSample:
    """Sample examples of the test split: those whose ids have the smallest hashes.

    Args:
        batches: rows of `naming_examples` in any order, perhaps with further columns.
        max_examples: maximum number of examples.

    Raises:
        ValueError: when there are too few to compare.
    """
    names = NAMING_EXAMPLES.arrow.names
    of_split = (rows.select(names).filter(pc.equal(rows["split"], TEST_SPLIT)) for rows in batches)
    rows = concatenate((each.cast(NAMING_EXAMPLES.arrow) for each in of_split), NAMING_EXAMPLES.arrow)
    if rows.num_rows < MIN_EXAMPLES:
        raise ValueError(f"naming needs at least {MIN_EXAMPLES} examples of the test split, got {rows.num_rows}")
    rows = rows.take(pc.sort_indices(rows["example_id"]))
    chosen = np.argsort(stable_hash(rows["example_id"]), kind="stable")[:max_examples]
    return ExampleSample(rows.take(pa.array(np.sort(chosen))), rows.num_rows)


def prompts_of_method(examples: pa.RecordBatch, method: NamingMethod) -> pa.RecordBatch:
    """Build the prompts of a method, rows of `PROMPTS`; none for an example without titles and terms."""
    context = _context(method)
    requests = [NamingRequest(journey) for journey in example_journeys(examples, method.naming)]
    rows = [row for request in requests if (row := prompt_row(request, context))["prompt"]]
    return pa.RecordBatch.from_pylist(rows, PROMPTS)


def completions_by_hash(batches: Iterable[pa.RecordBatch]) -> dict[str, list[Completion]]:
    """Convert rows of `generations` to completions in the order of ranks, by the hash of the prompt."""
    completions: dict[str, list[Completion]] = {}
    for row in distinct_generations(batches).to_pylist():
        completions.setdefault(row["content_hash"], []).append(Completion(row["text"], row["log_prob"]))
    return completions


def predict_names(
    method: NamingMethod, examples: pa.RecordBatch, completions: Completions, medoids: Sequence[int | None] = ()
) -> PredictedNames:
    """Predict the names of examples.

    Args:
        method: the method.
        examples: rows of `naming_examples`, sorted by `example_id`.
        completions: those of all methods.
        medoids: index in `titles_of` of the title nearest to the mean, for each example; for `medoid_title`.
    """
    journeys, context = example_journeys(examples, method.naming), _context(method)
    texts = _texts(method, examples, journeys, completions, medoids)
    results = [
        validate_name(text, journey.titles, method.naming, context.instructions, journey.terms)
        for text, journey in zip(texts, journeys, strict=True)
    ]
    return PredictedNames([result.name for result in results], [result.rejection for result in results])


def titles_of(examples: pa.RecordBatch) -> list[list[str]]:
    """Return the titles of each example that are not blank."""
    return [[title for title in titles if title and title.strip()] for titles in examples["titles"].to_pylist()]


def _texts(
    method: NamingMethod,
    examples: pa.RecordBatch,
    journeys: Sequence[Journey],
    completions: Completions,
    medoids: Sequence[int | None],
) -> list[str | None]:
    """Return the text that a method gives for each example; None: none."""
    match method.kind:
        case "reference":
            references: list[str | None] = examples["name"].to_pylist()
            return references
        case "salient":
            return [
                salient_name(journey.terms, journey.weights, journey.titles, journey.rank, method.naming)
                for journey in journeys
            ]
        case "first_title":
            return [titles[0] if titles else None for titles in titles_of(examples)]
        case "medoid_title":
            indices = zip(titles_of(examples), medoids, strict=True)
            return [None if index is None else titles[index] for titles, index in indices]
        case _:
            context = _context(method)
            requests = [NamingRequest(journey) for journey in journeys]
            texts = selected_texts(requests, completions, context)
            return [texts.get(request_hash(request, context)) for request in requests]


def _context(method: NamingMethod) -> NamingContext:
    return NamingContext(method.naming, method.model, selector=method.selector)
