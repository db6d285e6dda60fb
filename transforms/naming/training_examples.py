"""Collections with names -> questions with the answers that a language model is to learn."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from transforms.language_models.tuning.config import TrainingExample
from transforms.naming.assignment import NamingRequest, build_prompt
from transforms.naming.config import NamingConfig
from transforms.naming.example_journeys import example_journeys
from transforms.naming.prompt import render_prompt

FEWEST_TITLES = 3
"""Titles that a question has at least, where there are so many."""

_TAKEN_SHARE = 0.1
_MOST_TAKEN = 3


def validation_pairs(examples: pa.RecordBatch, config: NamingConfig) -> list[TrainingExample]:
    """One pair for each row of `naming_examples`, asked as `name` asks about journeys; none where nothing can be told.

    Args:
        examples: sorted by `example_id`.
        config: what the model is told of a journey, and how much.
    """
    asked = [build_prompt(NamingRequest(journey), config) for journey in example_journeys(examples, config)]
    named = zip(asked, examples["name"].to_pylist(), strict=True)
    return [TrainingExample(text, name) for text, name in named if text]


def training_pairs(examples: pa.RecordBatch, config: NamingConfig, passes: int, seed: int) -> list[TrainingExample]:
    """So many pairs for each row of `naming_examples`, each with other titles, which must not matter.

    A few questions say which names are taken, as those do that are asked again: other names of the same source.

    Args:
        examples: in any order.
        config: what the model is told of a journey, and how much.
        passes: pairs for each row, at least 1.
        seed: of what is drawn; with it, the row and the pass decide alone.

    Raises:
        ValueError: when there is not one pass.
    """
    if passes < 1:
        raise ValueError(f"passes must be at least 1, got {passes}")
    rows = sorted(examples.to_pylist(), key=lambda row: row["example_id"])
    names: dict[str, list[str]] = {}
    for row in rows:
        names.setdefault(row["source"], []).append(row["name"])
    return [pair for number in range(passes) for pair in _of_pass(rows, names, config, number, seed)]


def _of_pass(
    rows: Sequence[Mapping[str, Any]],
    names: Mapping[str, Sequence[str]],
    config: NamingConfig,
    number: int,
    seed: int,
) -> Iterator[TrainingExample]:
    for row in rows:
        random = _random(seed, number, row["example_id"])
        titles = _some(row["titles"], config.max_items, random)
        others = [name for name in names[row["source"]] if name != row["name"]]
        taken: Sequence[str] = ()
        if others and random.random() < _TAKEN_SHARE:
            taken = _drawn(others, int(random.integers(1, _MOST_TAKEN + 1)), random)
        yield TrainingExample(_question(titles, row["terms"], taken, config), row["name"])


def _random(*what: object) -> np.random.Generator:
    digest = hashlib.sha256(" ".join(map(str, what)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))


def _some(titles: Sequence[str], most: int, random: np.random.Generator) -> list[str]:
    """Some of the titles, in their order."""
    fewest = min(FEWEST_TITLES, most, len(titles))
    return _drawn(titles, int(random.integers(fewest, min(most, len(titles)) + 1)), random)


def _drawn(values: Sequence[str], count: int, random: np.random.Generator) -> list[str]:
    places = random.choice(len(values), min(count, len(values)), replace=False)
    return [values[place] for place in sorted(places.tolist())]


def _question(titles: Sequence[str], terms: Sequence[str], taken: Sequence[str], config: NamingConfig) -> str:
    cut = [title[: config.max_title_characters] for title in titles]
    return render_prompt(cut, terms[: config.max_terms], config.metadata, taken)
