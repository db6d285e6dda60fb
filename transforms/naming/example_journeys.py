"""Conversion of `naming_examples` to the journeys that a prompt describes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.naming.assignment import Journey
from transforms.naming.config import NamingConfig
from transforms.naming.prompt_inputs import JOURNEY_COLUMNS, TITLES, TITLES_BY_JOURNEY, build_inputs, clean_titles


def example_journeys(examples: pa.RecordBatch, config: NamingConfig) -> list[Journey]:
    """Convert each example to the only journey of a user whose id is the example id, with at most `max_items` titles.

    Titles are cleaned and sampled evenly like those of journeys; their order stands for time.

    Args:
        examples: rows of `naming_examples`, sorted by `example_id`.
        config: the number of titles, and their maximum length.

    Returns:
        One journey per row, in the same order.
    """
    ids = examples["example_id"]
    empty, first = pa.array([""] * len(ids), pa.string()), pa.array(np.ones(len(ids), np.int32))
    columns = [ids, empty, first, examples["terms"], examples["weights"]]
    fields = [column.cast(field.type) for column, field in zip(columns, JOURNEY_COLUMNS, strict=True)]
    columns_of_journeys = pa.RecordBatch.from_arrays(fields, schema=JOURNEY_COLUMNS)
    rows = build_inputs([columns_of_journeys], [_titled(examples, config.max_title_characters)], config)
    return [Journey(**row) for row in rows.to_pylist()]


def _titled(examples: pa.RecordBatch, max_characters: int) -> pa.RecordBatch:
    """Build rows of `TITLES_BY_JOURNEY`: the clean titles of all examples."""
    titles = examples["titles"].flatten()
    # The index of a title serves as its item id, to find the example of each remaining title.
    numbered = pa.RecordBatch.from_arrays([pa.array(np.arange(len(titles))).cast(pa.string()), titles], schema=TITLES)
    clean = clean_titles(numbered.filter(pc.is_valid(titles)), max_characters).rows
    kept = clean["item_id"].cast(pa.int64())
    owners = pc.list_parent_indices(examples["titles"]).take(kept)
    ids = examples["example_id"].take(owners)
    empty = pa.array([""] * len(ids), pa.string())
    return pa.RecordBatch.from_arrays([ids, empty, kept.cast(pa.int32()), clean["title"]], schema=TITLES_BY_JOURNEY)
