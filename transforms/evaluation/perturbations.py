"""Mixtures changed: the same items in another order, or with items that many consume whatever their interests."""

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
    """Where each row of `MIXTURES` begins in the flattened lists; shape (mixtures + 1,)."""
    lengths = pc.list_value_length(mixtures["item"]).to_numpy()
    return list_offsets(lengths)


def _changed(mixtures: pa.RecordBatch, change: _Change) -> pa.RecordBatch:
    """Each mixture with what `change` makes of its number, items and labels."""
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
    """The same mixtures, each in another random order, which depends on `mixture_id` and seed alone.

    Args:
        mixtures: rows of `MIXTURES`.
        seed: of the order.
    """

    def shuffled(number: int, items: Integers, labels: Integers) -> tuple[Integers, Integers]:
        order = np.random.default_rng([seed, number]).permutation(len(items))
        return items[order], labels[order]

    return _changed(mixtures, shuffled)


def inject_popular(mixtures: Mixtures, collections: pa.RecordBatch, number: int, share: float, seed: int) -> Mixtures:
    """Mixtures with popular items in them, which belong to no collection: for weights against conformity (DICE, 4.4).

    The items come from one collection, drawn from those that have enough items and none that is in the mixtures. Each
    of them is put into its own random share of the mixtures, at a random time, with the label -1.

    Args:
        mixtures: what to plant into.
        collections: rows of `collections`, in any order.
        number: how many popular items there are, at least 1.
        share: the share of all mixtures that has each, in (0, 1].
        seed: of all draws.

    Returns:
        The same mixtures with more items; the popular ones come last in the catalogue.

    Raises:
        ValueError: when number or share are out of range, or no collection has enough items that are new.
    """
    if number < 1 or not 0 < share <= 1:
        raise ValueError(f"number must be at least 1 and share in (0, 1], got {number} and {share}")
    random = np.random.default_rng(seed)
    known = mixtures.items.num_rows
    texts = _new_texts(item_texts(mixtures.items), collections, number, random)
    share_of = random.random((mixtures.rows.num_rows, number)) < share
    planted_in = dict(zip(mixtures.rows["mixture_id"].to_pylist(), share_of, strict=True))

    def planted(mixture: int, items: Integers, labels: Integers) -> tuple[Integers, Integers]:
        new = random.permutation(np.flatnonzero(planted_in[mixture]))
        times = np.sort(random.integers(len(items) + 1, size=len(new)))
        return np.insert(items, times, known + new), np.insert(labels, times, -1)

    items = pa.concat_batches([mixtures.items, item_rows(texts, first=known)])
    return Mixtures(items, _changed(mixtures.rows, planted))


def inject_members(mixtures: Mixtures, number: int, share: float, seed: int) -> Mixtures:
    """Mixtures with popular items in them that are an interest of some: items of the mixtures, planted into others.

    Of the items that are in at least as many mixtures as half of them, some are drawn. Each of them is put into its own
    random share of the mixtures, at a random time, with the label -1, but not where it is already.

    Args:
        mixtures: what to plant into.
        number: how many popular items there are, at least 1.
        share: the share of all mixtures that each is put into, in (0, 1].
        seed: of all draws.

    Raises:
        ValueError: when number or share are out of range, or there are fewer items.
    """
    if number < 1 or not 0 < share <= 1:
        raise ValueError(f"number must be at least 1 and share in (0, 1], got {number} and {share}")
    mixtures_of = np.bincount(mixtures.rows["item"].flatten().to_numpy(), minlength=mixtures.items.num_rows)
    frequent = np.flatnonzero(mixtures_of >= np.median(mixtures_of))
    if len(frequent) < number:
        raise ValueError(f"there are {len(frequent)} items that are in enough mixtures, {number} are needed")
    random = np.random.default_rng(seed)
    popular = random.choice(frequent, number, replace=False)
    share_of = random.random((mixtures.rows.num_rows, number)) < share
    planted_in = dict(zip(mixtures.rows["mixture_id"].to_pylist(), share_of, strict=True))

    def planted(mixture: int, items: Integers, labels: Integers) -> tuple[Integers, Integers]:
        new = random.permutation(np.setdiff1d(popular[planted_in[mixture]], items))
        times = np.sort(random.integers(len(items) + 1, size=len(new)))
        return np.insert(items, times, new), np.insert(labels, times, -1)

    return Mixtures(mixtures.items, _changed(mixtures.rows, planted))


def _new_texts(
    known: pa.StringArray, collections: pa.RecordBatch, number: int, random: np.random.Generator
) -> pa.StringArray:
    """Texts of items of one collection, none of whose items is known."""
    numbered = number_items([collections])
    texts = item_texts(numbered.items)
    is_known = pc.is_in(texts, known).to_numpy(zero_copy_only=False)
    candidates = [
        collection
        for collection in np.flatnonzero(np.diff(numbered.offsets) >= number).tolist()
        if not is_known[numbered.members_of(collection)].any()
    ]
    if not candidates:
        raise ValueError(f"no collection has at least {number} items of which none is in the mixtures already")
    members = numbered.members_of(candidates[random.integers(len(candidates))])
    return texts.take(pa.array(np.sort(random.choice(members, number, replace=False))))


def concatenate_mixtures(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """All mixtures in one batch, by `mixture_id`."""
    rows = pa.concat_batches(list(batches))
    return rows.take(pc.sort_indices(rows["mixture_id"]))
