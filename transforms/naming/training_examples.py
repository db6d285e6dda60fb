"""Tuning pairs of naming: prompts about named collections, with the name as the completion."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import NAMING_EXAMPLES, TUNING_PAIRS
from transforms.columnar import concatenate, split_by_size
from transforms.naming.assignment import NamingRequest, build_prompt
from transforms.naming.config import NamingConfig
from transforms.naming.example_journeys import example_journeys
from transforms.naming.prompt import render_prompt, select_fields
from transforms.shuffle import CoGroupByBucket

TASK = "naming"
"""The value of `task` in `tuning_pairs`."""

MIN_TITLES = 3
"""Minimum number of titles in a prompt for training, if the example has as many."""

_TAKEN_PROBABILITY = 0.1
_MAX_TAKEN = 3


def tuning_pairs(examples: pa.RecordBatch, config: NamingConfig, passes: int, seed: int) -> pa.RecordBatch:
    """Build rows of `tuning_pairs`, sorted by id: several prompts per example for training, one for all other splits.

    Each prompt for training shows a different random subset of the titles. A few of them name other examples of the
    same source as names to avoid, like the prompts of retries. The other prompts are those of `name`.

    Args:
        examples: rows of `naming_examples` in any order: all examples of some sources.
        config: the prompt fields and their limits.
        passes: prompts per example of the split `train`, at least 1.
        seed: random seed; the prompt of an example in a pass depends on nothing else but the names of its source.

    Raises:
        ValueError: when `passes` is below 1.
    """
    if passes < 1:
        raise ValueError(f"passes must be at least 1, got {passes}")
    examples = examples.take(pc.sort_indices(examples["example_id"]))
    is_train = pc.equal(examples["split"], "train")
    rows = [*_training_rows(examples.filter(is_train).to_pylist(), config, passes, seed)]
    rows += _evaluation_rows(examples.filter(pc.invert(is_train)), config)
    pairs = pa.RecordBatch.from_pylist(rows, TUNING_PAIRS.arrow)
    return pairs.take(pc.sort_indices(pairs["pair_id"]))


def _evaluation_rows(examples: pa.RecordBatch, config: NamingConfig) -> Iterator[dict[str, Any]]:
    prompts = [build_prompt(NamingRequest(journey), config) for journey in example_journeys(examples, config)]
    for row, prompt in zip(examples.select(["example_id", "split", "name"]).to_pylist(), prompts, strict=True):
        if prompt:
            yield _pair(row, 0, prompt)


def _training_rows(
    rows: Sequence[Mapping[str, Any]], config: NamingConfig, passes: int, seed: int
) -> Iterator[dict[str, Any]]:
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["source"], []).append(row["name"])
    for number in range(passes):
        for row in rows:
            random = _generator(seed, number, row["example_id"])
            titles = _sample_titles(row["titles"], config.max_items, random)
            others = [name for name in names[row["source"]] if name != row["name"]]
            taken: Sequence[str] = ()
            if others and random.random() < _TAKEN_PROBABILITY:
                taken = _sample(others, int(random.integers(1, _MAX_TAKEN + 1)), random)
            yield _pair(row, number, _training_prompt(titles, row["terms"], taken, config))


def _pair(row: Mapping[str, Any], number: int, prompt: str) -> dict[str, Any]:
    """Build a row of `tuning_pairs`. Sorted by id, the pairs of one pass follow each other."""
    pair_id = f"{number:04d}-{row['example_id']}"
    return {
        "pair_id": pair_id,
        "task": TASK,
        "split": row["split"],
        "prompt": prompt,
        "completion": row["name"],
        "weight": 1.0,
    }


def _generator(*keys: object) -> np.random.Generator:
    digest = hashlib.sha256(" ".join(map(str, keys)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _sample_titles(titles: Sequence[str], limit: int, random: np.random.Generator) -> list[str]:
    """Sample a random number of titles, in their order."""
    minimum = min(MIN_TITLES, limit, len(titles))
    return _sample(titles, int(random.integers(minimum, min(limit, len(titles)) + 1)), random)


def _sample(values: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    indices = random.choice(len(values), min(count, len(values)), replace=False)
    return [values[index] for index in sorted(indices.tolist())]


def _training_prompt(titles: Sequence[str], terms: Sequence[str], taken: Sequence[str], config: NamingConfig) -> str:
    truncated = [title[: config.max_title_characters] for title in titles]
    return render_prompt(select_fields(truncated, terms[: config.max_terms], config.prompt_fields, taken))


@dataclasses.dataclass
class BuildTuningPairs(beam.PTransform):
    """Record batches of `naming_examples` -> record batches of `tuning_pairs`.

    Attributes:
        config: the prompt fields and their limits.
        passes: prompts per example of the split `train`.
        seed: random seed of the prompts for training.
        buckets: number of buckets of sources; affects memory and parallelism, not the result.
    """

    config: NamingConfig
    passes: int
    seed: int = 0
    buckets: int = 16

    def expand(self, examples: beam.PCollection) -> beam.PCollection:
        build = beam.FlatMap(_pairs_of_bucket, self.config, self.passes, self.seed)
        return (
            {"examples": examples}
            | "GroupSources" >> CoGroupByBucket("source", self.buckets)
            | "Build" >> build.with_output_types(pa.RecordBatch)
        )


def _pairs_of_bucket(
    bucket: tuple[int, Mapping[str, Any]], config: NamingConfig, passes: int, seed: int
) -> Iterator[pa.RecordBatch]:
    rows = concatenate(bucket[1]["examples"], NAMING_EXAMPLES.arrow)
    yield from split_by_size(tuning_pairs(rows, config, passes, seed))
