"""Mixtures of two halves of the sources: one to fit to, and one that was never fitted to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ITEMS
from transforms.columnar import concatenate, list_array, run_offsets
from transforms.evaluation.corpus import Mixed, mix_collections
from transforms.evaluation.experiments.confidence.config import ConfidenceConfig
from transforms.evaluation.mixtures import MIXTURES
from transforms.evaluation.numbered_collections import item_ids
from transforms.evaluation.perturbations import offsets_of
from transforms.hashing import mix_bits, stable_hash

_BETWEEN = "\x1f"
MAX_PER_SOURCE = 100
"""Maximum number of collections of a source, so that no source makes up most of a half."""


class MixedHalves(NamedTuple):
    """Mixtures of both halves, over one catalogue.

    Attributes:
        catalogue: rows of `items`: all items of the collections. An item of both halves occurs twice.
        items: those of the mixtures, in the same order: row i is item number i of the mixtures.
        fitted: rows of `MIXTURES` of the first half, of all fractions of noise.
        held_out: those of the second half.
    """

    catalogue: pa.RecordBatch
    items: pa.RecordBatch
    fitted: pa.RecordBatch
    held_out: pa.RecordBatch


def mix_halves(collections: pa.RecordBatch, config: ConfidenceConfig) -> MixedHalves:
    """Divide the sources by a hash of their names, and mix the collections of each half.

    Args:
        collections: rows of `collections`, in any order.
        config: configuration of the experiment.

    Raises:
        ValueError: when a half has too few collections, as for `build_mixtures`.
    """
    collections = limit_each_source(collections, MAX_PER_SOURCE)
    is_second = mix_bits(stable_hash(collections["source"])) % np.uint64(2) == 1
    halves = [
        mix_collections(collections.filter(pa.array(chosen)), config.mixtures, config.noise_fractions)
        for chosen in (~is_second, is_second)
    ]
    first, second = halves
    shift = first.catalogue.num_rows
    catalogue = concatenate([first.catalogue, _renumbered(second.catalogue, shift)], ITEMS.arrow)
    items = concatenate([first.items, _renumbered(second.items, shift)], ITEMS.arrow)
    return MixedHalves(catalogue, items, _pooled(first, 0), _pooled(second, first.items.num_rows))


def limit_each_source(collections: pa.RecordBatch, limit: int) -> pa.RecordBatch:
    """Select at most `limit` collections of each source: those whose names and titles have the smallest hashes.

    Args:
        collections: rows of `collections`, in any order.
        limit: maximum number of collections of a source.
    """
    texts = pc.binary_join_element_wise(
        collections["name"], pc.binary_join(collections["item_titles"], _BETWEEN), _BETWEEN
    )
    sources = collections["source"].dictionary_encode().indices.to_numpy()
    order = np.lexsort((mix_bits(stable_hash(texts)), sources))
    starts = run_offsets(sources[order])
    places = np.arange(len(order)) - np.repeat(starts[:-1], np.diff(starts))
    return collections.take(pa.array(np.sort(order[places < limit])))


def _renumbered(items: pa.RecordBatch, shift: int) -> pa.RecordBatch:
    """Add a number to the ids of items."""
    numbers = items["item_id"].cast(pa.int64()).to_numpy() + shift
    return items.set_column(0, items.schema.field("item_id"), item_ids(numbers))


def _pooled(mixed: Mixed, shift: int) -> pa.RecordBatch:
    """Pool the mixtures of all fractions of noise, and add a number to their items."""
    rows = concatenate(mixed.noisy.values(), MIXTURES)
    items = pa.array(rows["item"].flatten().to_numpy() + np.int32(shift))
    place = rows.schema.get_field_index("item")
    return rows.set_column(place, rows.schema.field("item"), list_array(offsets_of(rows), items))
