"""Perturbed mixtures: with the items in another order, or with injected popular items."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_offsets
from transforms.evaluation.mixtures import Mixtures, mixture_rows
from transforms.evaluation.numbered_collections import item_rows, item_texts, number_items

Integers = npt.NDArray[np.int64]
_Change = Callable[[int, Integers, Integers], tuple[Integers, Integers]]


def offsets_of(mixtures: pa.RecordBatch) -> Integers:
    """Return the offsets of the rows of `MIXTURES` in the flattened lists, shape (mixtures + 1,)."""
    lengths = pc.list_value_length(mixtures["item"]).to_numpy()
    return list_offsets(lengths)


def change_mixtures(mixtures: pa.RecordBatch, change: _Change) -> pa.RecordBatch:
    """Apply `change` to the id, items and labels of each mixture."""
    offsets = offsets_of(mixtures)
    items, labels = (mixtures[name].flatten().to_numpy() for name in ("item", "label"))
    ids = mixtures["mixture_id"].to_numpy()
    found = [
        change(number, items[start:end], labels[start:end])
        for number, start, end in zip(ids.tolist(), offsets, offsets[1:], strict=False)
    ]
    if not found:
        return mixtures
    ends = list_offsets([len(each) for each, _ in found])
    joined = [np.concatenate(arrays) for arrays in zip(*found, strict=True)]
    return mixture_rows(ids, mixtures["k"].to_numpy(), ends, *joined)


def reorder(mixtures: pa.RecordBatch, seed: int) -> pa.RecordBatch:
    """Reorder the items of each mixture at random, depending on `mixture_id` and seed only.

    Args:
        mixtures: rows of `MIXTURES`.
        seed: random seed.
    """

    def shuffled(number: int, items: Integers, labels: Integers) -> tuple[Integers, Integers]:
        order = np.random.default_rng([seed, number]).permutation(len(items))
        return items[order], labels[order]

    return change_mixtures(mixtures, shuffled)


def inject_popular(
    mixtures: Mixtures, collections: pa.RecordBatch, number: int, fraction: float, seed: int
) -> Mixtures:
    """Inject popular items that belong to no collection, to evaluate weights against conformity (DICE, 4.4).

    The items come from one random collection with enough items and none in the mixtures. Each item is injected into a
    random subset of the mixtures, at a random time, with the label -1.

    Args:
        mixtures: the mixtures.
        collections: rows of `collections`, in any order.
        number: number of popular items, at least 1.
        fraction: fraction of the mixtures that each item is injected into, in (0, 1].
        seed: random seed.

    Returns:
        The same mixtures with more items; the popular ones come last in the catalogue.

    Raises:
        ValueError: when number or fraction are out of range, or no collection has enough items that are new.
    """
    if number < 1 or not 0 < fraction <= 1:
        raise ValueError(f"number must be at least 1 and fraction in (0, 1], got {number} and {fraction}")
    random = np.random.default_rng(seed)
    count = mixtures.items.num_rows
    texts = _new_texts(item_texts(mixtures.items), collections, number, random)
    is_injected = random.random((mixtures.rows.num_rows, number)) < fraction
    injected_into = dict(zip(mixtures.rows["mixture_id"].to_pylist(), is_injected, strict=True))

    def injected(mixture: int, items: Integers, labels: Integers) -> tuple[Integers, Integers]:
        new = random.permutation(np.flatnonzero(injected_into[mixture]))
        times = np.sort(random.integers(len(items) + 1, size=len(new)))
        return np.insert(items, times, count + new), np.insert(labels, times, -1)

    items = pa.concat_batches([mixtures.items, item_rows(texts, first=count)])
    return Mixtures(items, change_mixtures(mixtures.rows, injected))


def inject_members(mixtures: Mixtures, number: int, fraction: float, seed: int) -> Mixtures:
    """Inject items of some mixtures, to which they belong, into others as popular items.

    They are sampled from items that are in at least the median number of mixtures. Each item is injected into a random
    subset of the mixtures that do not have it, at a random time, with the label -1.

    Args:
        mixtures: the mixtures.
        number: number of popular items, at least 1.
        fraction: fraction of the mixtures that each item is injected into, in (0, 1].
        seed: random seed.

    Raises:
        ValueError: when number or fraction are out of range, or there are fewer items.
    """
    if number < 1 or not 0 < fraction <= 1:
        raise ValueError(f"number must be at least 1 and fraction in (0, 1], got {number} and {fraction}")
    mixtures_of = np.bincount(mixtures.rows["item"].flatten().to_numpy(), minlength=mixtures.items.num_rows)
    frequent = np.flatnonzero(mixtures_of >= np.median(mixtures_of))
    if len(frequent) < number:
        raise ValueError(f"there are {len(frequent)} items that are in enough mixtures, {number} are needed")
    random = np.random.default_rng(seed)
    popular = random.choice(frequent, number, replace=False)
    is_injected = random.random((mixtures.rows.num_rows, number)) < fraction
    injected_into = dict(zip(mixtures.rows["mixture_id"].to_pylist(), is_injected, strict=True))

    def injected(mixture: int, items: Integers, labels: Integers) -> tuple[Integers, Integers]:
        new = random.permutation(np.setdiff1d(popular[injected_into[mixture]], items))
        times = np.sort(random.integers(len(items) + 1, size=len(new)))
        return np.insert(items, times, new), np.insert(labels, times, -1)

    return Mixtures(mixtures.items, change_mixtures(mixtures.rows, injected))


def _new_texts(
    existing: pa.StringArray, collections: pa.RecordBatch, number: int, random: np.random.Generator
) -> pa.StringArray:
    """Sample items of one collection, none of whose items is in the mixtures; return their texts."""
    numbered = number_items([collections])
    texts = item_texts(numbered.items)
    exists = pc.is_in(texts, existing).to_numpy(zero_copy_only=False)
    candidates = [
        collection
        for collection in np.flatnonzero(np.diff(numbered.offsets) >= number).tolist()
        if not exists[numbered.members_of(collection)].any()
    ]
    if not candidates:
        raise ValueError(f"no collection has at least {number} items of which none is in the mixtures already")
    members = numbered.members_of(candidates[random.integers(len(candidates))])
    return texts.take(pa.array(np.sort(random.choice(members, number, replace=False))))


def concatenate_mixtures(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Concatenate mixtures, sorted by `mixture_id`."""
    rows = pa.concat_batches(list(batches))
    return rows.take(pc.sort_indices(rows["mixture_id"]))
