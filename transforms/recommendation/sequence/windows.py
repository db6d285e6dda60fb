"""Sequences for training: histories in windows of limited length, and batches of windows of similar length.

Items that a user consumed at the same time, such as those of one order, have no order: each is predicted from what the
user consumed before that time. An order by item id within them would be learned otherwise, which says nothing about
what follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets
from transforms.recommendation.histories import Codes, Integers, ItemHistories

_BATCHES_SORTED_TOGETHER = 16


class Windows(NamedTuple):
    """Windows of histories: the items that are read, and those that are predicted from them.

    Attributes:
        starts: int64, shape (windows,): position of the first input in `items`.
        lengths: int64, shape (windows,): number of inputs.
        first_targets: int64, shape (windows,): position of the first target.
        target_counts: int64, shape (windows,): number of targets, at least 1.
        items: int32, shape (interactions,): the items of all histories.
        times: int64, shape (interactions,): their times.
        befores: int64, shape (interactions,): position of the user's first interaction at the time of each; each is
            predicted from those before it.
        is_new: bool, shape (interactions,): whether it is the user's first interaction with the item.
    """

    starts: Integers
    lengths: Integers
    first_targets: Integers
    target_counts: Integers
    items: Codes
    times: Integers
    befores: Integers
    is_new: npt.NDArray[np.bool_]


class Batch(NamedTuple):
    """Windows of one step, padded with item 0 behind their last items.

    Attributes:
        inputs: int64, shape (rows, longest): the inputs of each window.
        lengths: int64, shape (rows,): the number of inputs of each.
        rows: int64, shape (examples,): the row of each example.
        places: int64, shape (examples,): the number of inputs of the row that are before the example.
        targets: int64, shape (examples,): the item of each example.
        times: int64, shape (examples,): its time, in microseconds.
    """

    inputs: Integers
    lengths: Integers
    rows: Integers
    places: Integers
    targets: Integers
    times: Integers


def windows_of(histories: ItemHistories, length: int) -> Windows:
    """Cut histories into windows of at most `length` inputs, from the last interactions backwards.

    Each interaction is a target of one window, with all others of its time.

    Args:
        histories: the histories; all items are of the catalogue.
        length: maximum number of inputs of a window, at least 1.
    """
    befores = _first_of_times(histories)
    starts, ends, first_targets, counts = _cut(histories.offsets, befores, length)
    return Windows(
        starts,
        ends - starts,
        first_targets,
        counts,
        histories.items,
        histories.times,
        befores,
        _first_interactions(histories),
    )


def _owners(histories: ItemHistories) -> Integers:
    return np.repeat(np.arange(histories.user_count, dtype=np.int64), np.diff(histories.offsets))


def _first_of_times(histories: ItemHistories) -> Integers:
    """Return the position of the user's first interaction at the time of each interaction."""
    owners, times = _owners(histories), histories.times
    is_later = np.ones(len(times), bool)
    is_later[1:] = (owners[1:] != owners[:-1]) | (times[1:] != times[:-1])
    positions = np.arange(len(times), dtype=np.int64)
    return np.maximum.accumulate(np.where(is_later, positions, 0))


def _first_interactions(histories: ItemHistories) -> npt.NDArray[np.bool_]:
    """Return whether each interaction is the first one of the user with the item."""
    pairs = _owners(histories) * (int(histories.items.max(initial=0)) + 1) + histories.items
    is_new = np.zeros(len(pairs), bool)
    is_new[np.unique(pairs, return_index=True)[1]] = True
    return is_new


@numba.njit(cache=True)
def _cut(offsets, befores, length):  # type: ignore[no-untyped-def]
    """Return the first input, the end of the inputs, the first target and the number of targets of each window."""
    found = np.empty((4, len(befores)), np.int64)
    count = 0
    for user in range(len(offsets) - 1):
        first, end = offsets[user], offsets[user + 1]
        while end > first:
            # The inputs end where the last time that is not predicted yet begins.
            last = befores[end - 1]
            start = max(last - length, first)
            # Targets are the items of all times that have an input before them, and those of the first time.
            target = last
            while target > first and befores[target - 1] > start:
                target = befores[target - 1]
            if start == first:
                target = first
            found[0, count], found[1, count], found[2, count], found[3, count] = start, last, target, end - target
            count += 1
            end = target
    return found[0, :count], found[1, :count], found[2, :count], found[3, :count]


def batches_of(windows: Windows, batch_size: int, random: np.random.Generator) -> Iterator[Batch]:
    """Iterate over all windows once, in a random order in which the windows of a batch have similar lengths.

    Args:
        windows: the windows.
        batch_size: mean number of windows of a batch. All batches have about the same number of items.
        random: the source of the order.
    """
    order = random.permutation(len(windows.starts))
    sizes = np.maximum(windows.lengths, windows.target_counts)
    items_per_batch = max(batch_size * sizes.mean(), 1.0) if len(order) else 1.0
    group = batch_size * _BATCHES_SORTED_TOGETHER
    batches: list[Integers] = []
    for start in range(0, len(order), group):
        part = order[start : start + group]
        by_length = part[np.argsort(sizes[part], kind="stable")]
        numbers = np.cumsum(sizes[by_length]) // items_per_batch
        batches += np.split(by_length, np.flatnonzero(np.diff(numbers)) + 1)
    for number in random.permutation(len(batches)).tolist():
        yield batch_of(windows, batches[number])


def batch_of(windows: Windows, chosen: Integers) -> Batch:
    """Collect some windows; items that the user had consumed are no targets, because they are not recommended."""
    starts, lengths = windows.starts[chosen], windows.lengths[chosen]
    places = np.arange(lengths.max(initial=0))
    is_input = places[None] < lengths[:, None]
    inputs = np.where(is_input, windows.items[np.where(is_input, starts[:, None] + places[None], 0)], 0)
    counts = windows.target_counts[chosen]
    rows = np.repeat(np.arange(len(chosen), dtype=np.int64), counts)
    positions = np.arange(len(rows)) + np.repeat(windows.first_targets[chosen] - list_offsets(counts)[:-1], counts)
    is_new = windows.is_new[positions]
    rows, positions = rows[is_new], positions[is_new]
    return Batch(
        inputs.astype(np.int64),
        lengths,
        rows,
        windows.befores[positions] - starts[rows],
        windows.items[positions].astype(np.int64),
        windows.times[positions],
    )
