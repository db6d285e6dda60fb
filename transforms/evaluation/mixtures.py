"""Mixtures of collections (2305.15498, experiment 2): histories whose true journeys are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.columnar import list_array, list_offsets
from transforms.evaluation.config import SKEW, MixtureConfig
from transforms.evaluation.numbered_collections import NumberedCollections, item_rows, item_texts, number_items

MIXTURES = pa.schema(
    [
        pa.field("mixture_id", pa.int64(), nullable=False),
        pa.field("k", pa.int32(), nullable=False),
        pa.field("item", pa.list_(pa.int32()), nullable=False),
        pa.field("label", pa.list_(pa.int32()), nullable=False),
    ]
)
"""One mixture: its id, its number k of collections, its items by time, and the collection of each (-1: none)."""

_ATTEMPTS_PER_MIXTURE = 1000


class Mixtures(NamedTuple):
    """Histories with their true journeys.

    Attributes:
        items: rows of `items`, sorted; row i is item number i.
        rows: rows of `MIXTURES`, by `mixture_id`.
    """

    items: pa.RecordBatch
    rows: pa.RecordBatch


def build_mixtures(collections: pa.RecordBatch, config: MixtureConfig) -> Mixtures:
    """Mix collections that have no item in common, in random order.

    Args:
        collections: rows of `collections`, in any order.
        config: numbers and sizes.

    Raises:
        ValueError: when there are too few collections of the given sizes, or too many with items in common.
    """
    numbered = number_items([collections])
    mixtures = [mixture for k in config.collections_per_mixture for mixture in _mix(numbered, k, config)]
    used, items = np.unique(np.concatenate([items for items, _ in mixtures]), return_inverse=True)
    catalogue = item_rows(item_texts(numbered.items).take(pa.array(used)))
    ends = list_offsets([len(labels) for _, labels in mixtures])
    ks = np.repeat(np.array(config.collections_per_mixture, np.int32), config.mixtures_per_k)
    labels = np.concatenate([labels for _, labels in mixtures])
    return Mixtures(catalogue, mixture_rows(np.arange(len(mixtures)), ks, ends, items, labels))


def mixture_rows(
    ids: npt.NDArray[np.int64],
    ks: npt.NDArray[np.int32],
    offsets: npt.NDArray[np.int64],
    items: npt.NDArray[np.integer],
    labels: npt.NDArray[np.integer],
) -> pa.RecordBatch:
    """Build rows of `MIXTURES`; `offsets`, shape (mixtures + 1,), delimit `items` and `labels`."""
    lists = [list_array(offsets, pa.array(values.astype(np.int32))) for values in (items, labels)]
    return pa.RecordBatch.from_arrays([pa.array(ids), pa.array(ks), *lists], schema=MIXTURES)


def _mix(
    numbered: NumberedCollections, k: int, config: MixtureConfig
) -> Iterator[tuple[npt.NDArray[np.int32], npt.NDArray[np.int64]]]:
    """Yield the items and labels of each mixture of k collections."""
    random = np.random.default_rng([config.seed, k])
    sizes = np.diff(numbered.offsets)
    for _ in range(config.mixtures_per_k):
        parts = _draw(numbered, _picked(numbered, sizes, k, config, random), config, random)
        order = random.permutation(sum(map(len, parts)))
        labels = np.repeat(np.arange(k), [len(part) for part in parts])
        yield np.concatenate(parts)[order], labels[order]


def _picked(
    numbered: NumberedCollections,
    sizes: npt.NDArray[np.int64],
    k: int,
    config: MixtureConfig,
    random: np.random.Generator,
) -> list[npt.NDArray[np.int32]]:
    """Sample k collections without a common item; return their items."""
    firsts, others = (np.flatnonzero(sizes >= least) for least in (config.min_first_items, config.min_collection_items))
    if not len(firsts) or len(others) < k:
        raise ValueError(
            f"a mixture of k={k} needs {k} collections of at least {config.min_collection_items} items, one of them "
            f"of at least {config.min_first_items}; there are {len(others)} and {len(firsts)}"
        )
    for _ in range(_ATTEMPTS_PER_MIXTURE):
        first = random.choice(firsts)
        rest = random.choice(others, k - 1, replace=False)
        picked = [numbered.members_of(collection) for collection in (first, *rest)]
        together = np.concatenate(picked)
        if len(np.unique(together)) == len(together):
            return picked
    raise ValueError(f"no k={k} collections without a common item in {_ATTEMPTS_PER_MIXTURE} attempts: k is too large")


def _draw(
    numbered: NumberedCollections,
    picked: list[npt.NDArray[np.int32]],
    config: MixtureConfig,
    random: np.random.Generator,
) -> list[npt.NDArray[np.int32]]:
    """Sample a random number of items of each collection."""
    parts: list[npt.NDArray[np.int32]] = []
    for members in picked:
        low = config.min_collection_items if parts else config.min_first_items
        high = min(config.max_collection_items, len(members))
        if parts and config.proportions == "skewed":
            high = min(high, len(parts[0]) // SKEW)
        parts.append(random.choice(members, random.integers(low, high + 1), replace=False))
    return parts
