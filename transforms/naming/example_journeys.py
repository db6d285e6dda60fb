"""Rows of `naming_examples` -> the journeys that a model is told: what a journey of a user would be told by."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.naming.assignment import Journey
from transforms.naming.config import NamingConfig
from transforms.naming.prompt_inputs import JOURNEY_COLUMNS, TITLES, TITLES_BY_JOURNEY, build_inputs, clean_titles


def example_journeys(examples: pa.RecordBatch, config: NamingConfig) -> list[Journey]:
    """Each example as the only journey of a user who is called by its id; of its titles at most `config.max_items`.

    Titles are tidied and spread over the whole as those of journeys are, their order standing for time.

    Args:
        examples: rows of `naming_examples`, sorted by `example_id`.
        config: how many titles are told, and how long one may be.

    Returns:
        A journey for each row, in the same order.
    """
    ids = examples["example_id"]
    nothing, first = pa.array([""] * len(ids), pa.string()), pa.array(np.ones(len(ids), np.int32))
    columns = [ids, nothing, first, examples["terms"], examples["weights"]]
    fields = [column.cast(field.type) for column, field in zip(columns, JOURNEY_COLUMNS, strict=True)]
    alone = pa.RecordBatch.from_arrays(fields, schema=JOURNEY_COLUMNS)
    rows = build_inputs([alone], [_titled(examples, config.max_title_characters)], config)
    return [Journey(**row) for row in rows.to_pylist()]


def _titled(examples: pa.RecordBatch, most_characters: int) -> pa.RecordBatch:
    """Rows of `TITLES_BY_JOURNEY`: the titles of all examples that are fit to be told."""
    titles = examples["titles"].flatten()
    # A title's number stands for its item, so that it is known whose those are that are left.
    numbered = pa.RecordBatch.from_arrays([pa.array(np.arange(len(titles))).cast(pa.string()), titles], schema=TITLES)
    tidy = clean_titles(numbered.filter(pc.is_valid(titles)), most_characters).rows
    kept = tidy["item_id"].cast(pa.int64())
    owners = pc.list_parent_indices(examples["titles"]).take(kept)
    ids = examples["example_id"].take(owners)
    nothing = pa.array([""] * len(ids), pa.string())
    return pa.RecordBatch.from_arrays([ids, nothing, kept.cast(pa.int32()), tidy["title"]], schema=TITLES_BY_JOURNEY)
