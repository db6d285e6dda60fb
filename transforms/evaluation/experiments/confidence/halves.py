"""Mixtures of two halves of the sources: one to fit to, and one that was never fitted to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from schemas import ITEMS
from transforms.columnar import concatenate, list_array
from transforms.evaluation.corpus import Mixed, mix_collections
from transforms.evaluation.experiments.confidence.config import ConfidenceConfig
from transforms.evaluation.mixtures import MIXTURES
from transforms.evaluation.numbered_collections import item_ids
from transforms.evaluation.perturbations import offsets_of
from transforms.hashing import mix_bits, stable_hash


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
