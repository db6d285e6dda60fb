"""Splits of examples by source, so that no source is in two splits."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import concatenate
from transforms.content_hash import content_hash
from transforms.naming.examples.config import ExampleConfig

Split = Literal["train", "validation", "test"]

SOURCES = pa.schema([pa.field("source", pa.string(), nullable=False)])
"""Sources of collections."""

_SALT = "naming part"
_DIGITS = 8


def assign_split(source: str, config: ExampleConfig, large: Container[str] = ()) -> Split:
    """Assign a source to a split by its hash.

    Args:
        source: the source of a collection.
        config: the fractions of the splits.
        large: sources that are always in `train`.
    """
    if source in large:
        return "train"
    place = int(content_hash(source, _SALT)[:_DIGITS], 16) / 16**_DIGITS
    if place < config.test_fraction:
        return "test"
    return "validation" if place < config.test_fraction + config.validation_fraction else "train"


def select_sources(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Select the sources of rows of `collections`."""
    return rows.select(SOURCES.names).cast(SOURCES)


def large_sources(sources: Iterable[pa.RecordBatch], max_fraction: float) -> pa.RecordBatch:
    """Return the sources of more than a fraction of all collections, sorted; `sources` has a row per collection."""
    all_sources = concatenate(sources, SOURCES)["source"].dictionary_encode()
    sizes = np.bincount(all_sources.indices.to_numpy(), minlength=len(all_sources.dictionary))
    large = all_sources.dictionary.filter(pa.array(sizes > max_fraction * len(all_sources)))
    return pa.RecordBatch.from_arrays([large.take(pc.sort_indices(large))], schema=SOURCES)
