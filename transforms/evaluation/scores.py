"""Agreement of predicted journeys with true journeys.

All scores are computed from contingency tables, for many histories at once. A predicted label of -1 means "in no
journey", a true label of -1 "of no collection" (noise). In `score` each such item is a group of its own;
`score_noise` distinguishes the two.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class Scores(NamedTuple):
    """Scores of histories, each float64 of shape (histories,), higher is better.

    Attributes:
        recall: that of 2305.15498, experiment 2: for each true collection the largest fraction of its items in one
            journey, averaged over the history's collections. Items of no collection are ignored. A single journey of
            all items has recall 1, so read it together with precision.
        precision: for each predicted journey the largest fraction of its items of one collection, averaged over
            journeys. Items in no journey are ignored; 0 without any journey.
        bcubed_precision: mean over items of the fraction of the item's journey that is of its collection.
        bcubed_recall: mean over items of the fraction of the item's collection that is in its journey.
        f1: harmonic mean of the last two.
        ari: adjusted Rand index: 0 for chance, 1 for equal groupings.
    """

    recall: Floats
    precision: Floats
    bcubed_precision: Floats
    bcubed_recall: Floats
    f1: Floats
    ari: Floats


class NoiseScores(NamedTuple):
    """Scores of histories with noise, each float64 of shape (histories,).

    Attributes:
        precision: fraction of the items in journeys that are of the collection of their journey, the most frequent
            collection among its items; noise is always wrong. NaN if no item is in a journey.
        noise: fraction of the noise items that are in any journey; NaN without noise.
        recall: B-cubed recall of the collection items: the mean over them of the fraction of their collection that is
            in their journey; an item in no journey is alone.
        f1: B-cubed F1 of the collection items, without the noise.
    """

    precision: Floats
    noise: Floats
    recall: Floats
    f1: Floats


class _Groups(NamedTuple):
    """Groups of items, each within one history.

    Attributes:
        codes: shape (items,): the group of each item.
        sizes: shape (groups,).
        histories: shape (groups,): the history in which each group lies.
        labelled: bool, shape (groups,): False for an item without a label, which is a group of its own.
    """

    codes: Integers
    sizes: Integers
    histories: Integers
    labelled: npt.NDArray[np.bool_]


class _Cells(NamedTuple):
    """The non-zero cells of the contingency table, each of shape (cells,)."""

    true: Integers
    found: Integers
    counts: Integers


def score(offsets: Integers, labels_true: Integers, labels_pred: Integers) -> Scores:
    """Score the predicted journeys of each history.

    Args:
        offsets: int64, shape (histories + 1,): history h is the items from `offsets[h]` to `offsets[h + 1]`.
        labels_true: int64, shape (items,): the true label of each item, or -1.
        labels_pred: int64, shape (items,): the predicted label, or -1. Labels have no meaning across histories.

    Raises:
        ValueError: when a history has no items, or the arrays do not fit together.
    """
    lengths = np.diff(offsets)
    if not len(labels_true) == len(labels_pred) == offsets[-1]:
        raise ValueError(
            f"{offsets[-1]} items need one label each, got {len(labels_true)} true and {len(labels_pred)} predicted"
        )
    if (lengths < 1).any():
        raise ValueError(f"history {int(np.argmin(lengths))} has no items, so nothing can be scored")
    true_groups, found_groups = _groups(lengths, labels_true), _groups(lengths, labels_pred)
    cells = _cells(true_groups, found_groups)
    precision = _bcubed(cells, cells.found, found_groups, lengths)
    recall = _bcubed(cells, cells.true, true_groups, lengths)
    return Scores(
        recall=_mean_largest_fraction(cells, cells.true, true_groups, len(lengths)),
        precision=_mean_largest_fraction(cells, cells.found, found_groups, len(lengths)),
        bcubed_precision=precision,
        bcubed_recall=recall,
        f1=2 * precision * recall / (precision + recall),
        ari=_adjusted_rand_index(cells, true_groups, found_groups, lengths),
    )


def drop_small_groups(offsets: Integers, labels: Integers, min_size: int) -> Integers:
    """Return the labels with -1 for the items of groups of fewer than `min_size` items of a history.

    Args:
        offsets: as for `score`.
        labels: int64, shape (items,), -1 for none.
        min_size: smaller groups are no journeys.
    """
    groups = _groups(np.diff(offsets), labels)
    return np.where(groups.sizes[groups.codes] >= min_size, labels, -1)


def score_noise(offsets: Integers, labels_true: Integers, labels_pred: Integers) -> NoiseScores:
    """Score the predicted journeys of histories with noise: what is in journeys, and what is left out.

    Args:
        offsets: as for `score`.
        labels_true: int64, shape (items,): the collection of each item; -1: noise. Each history has a collection.
        labels_pred: int64, shape (items,): its journey; -1: none.

    Raises:
        ValueError: as for `score`.
    """
    lengths = np.diff(offsets)
    histories = np.repeat(np.arange(len(lengths)), lengths)
    is_noise, inside = labels_true < 0, labels_pred >= 0

    def count(mask: npt.NDArray[np.bool_]) -> Integers:
        return np.bincount(histories[mask], minlength=len(lengths))

    without = list_offsets(count(~is_noise))
    clean = score(without, labels_true[~is_noise], labels_pred[~is_noise])
    return NoiseScores(
        precision=_ratio(_right(lengths, labels_true, labels_pred), count(inside)),
        noise=_ratio(count(is_noise & inside), count(is_noise)),
        recall=clean.bcubed_recall,
        f1=clean.f1,
    )


def _right(lengths: Integers, labels_true: Integers, labels_pred: Integers) -> Integers:
    """Count the items of each history that are of the collection of their journey."""
    true_groups, found_groups = _groups(lengths, labels_true), _groups(lengths, labels_pred)
    cells = _cells(true_groups, found_groups)
    largest = np.zeros(len(found_groups.sizes), np.int64)
    np.maximum.at(largest, cells.found, np.where(true_groups.labelled[cells.true], cells.counts, 0))
    largest[~found_groups.labelled] = 0
    counts = np.zeros(len(lengths), np.int64)
    np.add.at(counts, found_groups.histories, largest)
    return counts


def _ratio(above: Integers, below: Integers) -> Floats:
    return np.where(below > 0, above / np.maximum(below, 1), np.nan)


def _groups(lengths: Integers, labels: Integers) -> _Groups:
    histories = np.repeat(np.arange(len(lengths)), lengths)
    distinct, codes = np.unique(labels, return_inverse=True)
    alone = labels < 0
    codes = np.where(alone, len(distinct) + np.arange(len(labels)), codes)
    _, first, codes, sizes = np.unique(
        histories * (len(distinct) + len(labels)) + codes, return_index=True, return_inverse=True, return_counts=True
    )
    return _Groups(codes, sizes, histories[first], ~alone[first])


def _cells(true: _Groups, found: _Groups) -> _Cells:
    pairs, counts = np.unique(true.codes * len(found.sizes) + found.codes, return_counts=True)
    return _Cells(pairs // max(len(found.sizes), 1), pairs % max(len(found.sizes), 1), counts)


def _bcubed(cells: _Cells, side: Integers, groups: _Groups, lengths: Integers) -> Floats:
    """Compute the mean over the items of each history of the fraction of their group with the same other label."""
    fractions = cells.counts.astype(np.float64) ** 2 / groups.sizes[side]
    return np.bincount(groups.histories[side], fractions, len(lengths)) / lengths


def _mean_largest_fraction(cells: _Cells, side: Integers, groups: _Groups, histories: int) -> Floats:
    """Compute the mean over the labelled groups of each history of their largest cell's fraction; 0 without groups."""
    largest = np.zeros(len(groups.sizes), np.int64)
    np.maximum.at(largest, side, cells.counts)
    inside = groups.histories[groups.labelled]
    fractions = (largest / groups.sizes)[groups.labelled]
    return np.bincount(inside, fractions, histories) / np.maximum(np.bincount(inside, minlength=histories), 1)


def _adjusted_rand_index(cells: _Cells, true: _Groups, found: _Groups, lengths: Integers) -> Floats:
    both = _pairs(cells.counts, true.histories[cells.true], len(lengths))
    in_true = _pairs(true.sizes, true.histories, len(lengths))
    in_found = _pairs(found.sizes, found.histories, len(lengths))
    by_chance = in_true * in_found / np.maximum(lengths * (lengths - 1) / 2, 1)
    maximum = (in_true + in_found) / 2
    same = (both == in_true) & (both == in_found)
    return np.where(same, 1.0, (both - by_chance) / np.where(same, 1.0, maximum - by_chance))


def _pairs(sizes: Integers, histories: Integers, count: int) -> Floats:
    """Count the pairs of items of each history that are in one group."""
    return np.bincount(histories, sizes * (sizes - 1) / 2, count).astype(np.float64)
