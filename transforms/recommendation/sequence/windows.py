"""Sequences for training: histories in windows of limited length, and batches of windows of similar length."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets
from transforms.recommendation.histories import Codes, Integers, ItemHistories

_BATCHES_SORTED_TOGETHER = 16


class Windows(NamedTuple):
    """Windows of histories.

    Attributes:
        starts: int64, shape (windows,): position of the first item in `items`.
        lengths: int64, shape (windows,): number of items, at least 1.
        is_first: bool, shape (windows,): whether the window has the first item of the user.
        items: int32, shape (interactions,): the items of all histories.
        times: int64, shape (interactions,): their times.
        is_new: bool, shape (interactions,): whether it is the user's first interaction with the item.
    """

    starts: Integers
    lengths: Integers
    is_first: npt.NDArray[np.bool_]
    items: Codes
    times: Integers
    is_new: npt.NDArray[np.bool_]


class Batch(NamedTuple):
    """Windows of one step, padded with item 0 behind their last items.

    Attributes:
        inputs: int64, shape (rows, longest - 1): the items of each window but the last one.
        lengths: int64, shape (rows,): the number of inputs of each.
        targets: int64, shape (rows, longest): the item that follows place t of the states.
        is_target: bool, shape (rows, longest): whether there is one, and it is predicted: it is new to the user.
        times: int64, shape (rows, longest): the times of the targets, in microseconds.
    """

    inputs: Integers
    lengths: Integers
    targets: Integers
    is_target: npt.NDArray[np.bool_]
    times: Integers


def windows_of(histories: ItemHistories, length: int) -> Windows:
    """Cut histories into windows of at most `length + 1` items, from the last item backwards.

    Each item is the target of one window, if the user had not consumed it: consumed items are not recommended. A window
    begins with the last item of the one before it, which is no target there.

    Args:
        histories: the histories; all items are of the catalogue.
        length: maximum number of inputs of a window, at least 1.
    """
    sizes = np.diff(histories.offsets)
    counts = np.maximum(-(-(sizes - 1) // length), sizes > 0)
    offsets = list_offsets(counts)
    owners = np.repeat(np.arange(len(sizes)), counts)
    from_last = counts[owners] - 1 - (np.arange(offsets[-1]) - offsets[owners])
    ends = histories.offsets[1:][owners] - from_last * length
    starts = np.maximum(ends - length - 1, histories.offsets[owners])
    is_first = starts == histories.offsets[owners]
    return Windows(starts, ends - starts, is_first, histories.items, histories.times, _first_interactions(histories))


def _first_interactions(histories: ItemHistories) -> npt.NDArray[np.bool_]:
    """Return whether each interaction is the first one of the user with the item."""
    users = np.repeat(np.arange(histories.user_count, dtype=np.int64), np.diff(histories.offsets))
    pairs = users * (int(histories.items.max(initial=0)) + 1) + histories.items
    is_new = np.zeros(len(pairs), bool)
    is_new[np.unique(pairs, return_index=True)[1]] = True
    return is_new


def batches_of(windows: Windows, batch_size: int, random: np.random.Generator) -> Iterator[Batch]:
    """Iterate over all windows once, in a random order in which the windows of a batch have similar lengths.

    Args:
        windows: the windows.
        batch_size: mean number of windows of a batch. All batches have about the same number of items.
        random: the source of the order.
    """
    order = random.permutation(len(windows.starts))
    items_per_batch = max(batch_size * windows.lengths.mean(), 1.0) if len(order) else 1.0
    group = batch_size * _BATCHES_SORTED_TOGETHER
    batches: list[Integers] = []
    for start in range(0, len(order), group):
        part = order[start : start + group]
        by_length = part[np.argsort(windows.lengths[part], kind="stable")]
        numbers = np.cumsum(windows.lengths[by_length]) // items_per_batch
        batches += np.split(by_length, np.flatnonzero(np.diff(numbers)) + 1)
    for number in random.permutation(len(batches)).tolist():
        yield batch_of(windows, batches[number])


def batch_of(windows: Windows, rows: Integers) -> Batch:
    """Collect some windows."""
    lengths = windows.lengths[rows]
    places = np.arange(lengths.max(initial=1))
    is_target = places[None] < lengths[:, None]
    positions = np.where(is_target, windows.starts[rows][:, None] + places[None], 0)
    targets = np.where(is_target, windows.items[positions], 0).astype(np.int64)
    inputs = np.where(is_target[:, 1:], targets[:, :-1], 0)
    is_target[:, 0] &= windows.is_first[rows]
    is_target &= windows.is_new[positions]
    return Batch(inputs, lengths - 1, targets, is_target, windows.times[positions])
