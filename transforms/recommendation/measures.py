"""Measures of lists of recommended items, for each user, and their means over users as a combine.

A list is measured against all items that the user consumed after a date, the targets. A target is novel if the user
had consumed no item of its cluster before the date (2405.16363, live experiments); the others are familiar.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from transforms.recommendation.histories import NO_ITEM, Codes, Integers

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

MEASURES = (
    "recall",
    "ndcg",
    "hit_rate",
    "novel_recall",
    "novel_ndcg",
    "novel_hit_rate",
    "familiar_recall",
    "familiar_ndcg",
    "familiar_hit_rate",
    "novelty_ratio",
    "novel_cluster_recall",
    "novel_cluster_hit_rate",
    "calibration",
)
"""The measures of one list, in the order of the columns of `measure_lists`."""

_SMOOTHING = 0.01  # Steck 2018, section 4: the weight of the history in the distribution of the list
_UNIT = 2.0**-40


class Targets(NamedTuple):
    """The items that users consume after a date and had not consumed before, in compressed rows.

    Attributes:
        offsets: int64, shape (users + 1,): offsets of the users.
        items: int32, shape (targets,): codes of items, each once per user, in the order of their first interactions
            after the date.
        is_novel: bool, shape (targets,): whether the user had consumed no item of its cluster before the date.
    """

    offsets: Integers
    items: Codes
    is_novel: Flags


def measure_lists(lists: Codes, targets: Targets, item_clusters: Codes, consumed: Floats) -> Floats:
    """Compute all measures of one list for each user.

    Recall is the fraction of the targets that are in the list. nDCG has binary gains and is divided by the highest
    value that the number of targets allows. The hit rate is 1 if any target is in the list. These three are computed
    on all targets, on the novel ones alone, and on the familiar ones alone; items that are not among them count as no
    hits. The novelty ratio is the fraction of listed items whose cluster the user had not consumed. The recall of novel
    clusters is the fraction of the clusters of the novel targets that the list has an item of, and their hit rate is 1
    if there is any: items that appear after the date can be no hits, but their clusters can. Calibration is the
    Kullback-Leibler divergence of the clusters of the list from those of the history (Steck 2018, equations 4 and 5);
    lower is better.

    Args:
        lists: int32, shape (users, k): recommended items, distinct, the best first; `NO_ITEM` in missing places.
        targets: the targets of the same users.
        item_clusters: int32, shape (items,): the cluster of each item.
        consumed: float64, shape (users, C): number of interactions of each user with each cluster before the date.

    Returns:
        float64, shape (users, measures), in the order of `MEASURES`; NaN where a measure is not defined: without such
        targets, without listed items, or without a history.
    """
    users = np.repeat(np.arange(len(lists)), np.diff(targets.offsets))
    ranks = _ranks(lists, users, targets.items)
    found = [
        _accuracy(users[chosen], ranks[chosen], len(lists), lists.shape[1])
        for chosen in (np.ones(len(ranks), bool), targets.is_novel, ~targets.is_novel)
    ]
    listed = lists != NO_ITEM
    clusters = np.where(listed, item_clusters[lists], 0)
    novel = listed & (np.take_along_axis(consumed, clusters, axis=1) == 0)
    ratio = _divide(novel.sum(axis=1), listed.sum(axis=1))
    of_clusters = _cluster_recall(clusters, listed, users, targets, item_clusters, consumed)
    return np.column_stack([*found, ratio, of_clusters, _calibration(clusters, listed, consumed)])


def _ranks(lists: Codes, users: Integers, items: Codes) -> Integers:
    """Return the rank of each target in the list of its user, from 0; the length of the list if it is not listed."""
    is_target = lists[users] == items[:, None]
    return np.where(is_target.any(axis=1), is_target.argmax(axis=1), lists.shape[1])


def _accuracy(users: Integers, ranks: Integers, user_count: int, size: int) -> Floats:
    """Compute recall, nDCG and hit rate from the ranks of targets, shape (users, 3)."""
    discounts = np.append(1 / np.log2(np.arange(2, size + 2)), 0.0)
    total = np.bincount(users, minlength=user_count)
    hits = np.bincount(users, ranks < size, minlength=user_count)
    gains = np.bincount(users, discounts[ranks], minlength=user_count)
    best = np.concatenate([[0.0], np.cumsum(discounts[:-1])])[np.minimum(total, size)]
    hit = np.where(total > 0, (hits > 0).astype(np.float64), np.nan)
    return np.column_stack([_divide(hits, total), _divide(gains, best), hit])


def _cluster_recall(
    clusters: Codes, listed: Flags, users: Integers, targets: Targets, item_clusters: Codes, consumed: Floats
) -> Floats:
    """Compute the recall and the hit rate of the clusters of novel targets, shape (users, 2)."""
    wanted = np.zeros(consumed.shape, bool)
    wanted[users[targets.is_novel], item_clusters[targets.items[targets.is_novel]]] = True
    rows = np.broadcast_to(np.arange(len(clusters))[:, None], clusters.shape)
    is_listed = np.zeros(consumed.shape, bool)
    is_listed[rows[listed], clusters[listed]] = True
    hits, total = (wanted & is_listed).sum(axis=1), wanted.sum(axis=1)
    hit = np.where(total > 0, (hits > 0).astype(np.float64), np.nan)
    return np.column_stack([_divide(hits, total), hit])


def _calibration(clusters: Codes, listed: Flags, consumed: Floats) -> Floats:
    rows = np.broadcast_to(np.arange(len(clusters))[:, None], clusters.shape)
    counts = np.zeros(consumed.shape)
    np.add.at(counts, (rows[listed], clusters[listed]), 1.0)
    history = _divide(consumed, consumed.sum(axis=1, keepdims=True))
    of_list = _divide(counts, counts.sum(axis=1, keepdims=True))
    smoothed = (1 - _SMOOTHING) * of_list + _SMOOTHING * history
    ratio = np.where(history > 0, _divide(history, smoothed), 1.0)
    terms = np.where(history > 0, history * np.log(ratio), 0.0)
    is_defined = listed.any(axis=1) & (consumed.sum(axis=1) > 0)
    return np.where(is_defined, terms.sum(axis=1), np.nan)


def _divide(above: npt.ArrayLike, below: npt.ArrayLike) -> Floats:
    """Divide; NaN where the denominator is 0."""
    numerator, denominator = np.asarray(above, np.float64), np.asarray(below, np.float64)
    return np.where(denominator > 0, numerator / np.where(denominator > 0, denominator, 1.0), np.nan)


class MeasureSums(NamedTuple):
    """Sums of measures over users, in whole numbers, so that they do not depend on the order of addition.

    Attributes:
        sums: by measure, in units of 2**-40.
        users: by measure: number of users for which it is defined.
    """

    sums: tuple[int, ...]
    users: tuple[int, ...]

    @property
    def means(self) -> dict[str, float]:
        """The mean of each measure over the users for which it is defined; NaN without any."""
        pairs = zip(MEASURES, self.sums, self.users, strict=True)
        return {name: total * _UNIT / users if users else float("nan") for name, total, users in pairs}


def sum_measures(values: Floats) -> MeasureSums:
    """Add the measures of users, float64, shape (users, measures), as `measure_lists` returns them."""
    defined = ~np.isnan(values)
    whole = np.rint(np.where(defined, values, 0.0) / _UNIT).astype(np.int64)
    # Divergences are below 2**5 and the others at most 1, so 2**18 users can be added in int64.
    parts = [whole[start : start + (1 << 17)].sum(axis=0).tolist() for start in range(0, len(whole), 1 << 17)]
    sums = [sum(column) for column in zip(*parts, strict=True)] if parts else [0] * len(MEASURES)
    return MeasureSums(tuple(sums), tuple(defined.sum(axis=0).tolist()))


class MeanMeasures(beam.CombineFn):
    """Measures of users, float64, shape (users, measures) -> `MeasureSums` of all of them."""

    def create_accumulator(self) -> MeasureSums:
        return sum_measures(np.zeros((0, len(MEASURES))))

    def add_input(self, accumulator: MeasureSums, values: Floats) -> MeasureSums:
        return self.merge_accumulators([accumulator, sum_measures(values)])

    def merge_accumulators(self, accumulators: Iterable[MeasureSums]) -> MeasureSums:
        found = list(accumulators)
        sums, users = (tuple(map(sum, zip(*column, strict=True))) for column in zip(*found, strict=True))
        return MeasureSums(sums, users)

    def extract_output(self, accumulator: MeasureSums) -> MeasureSums:
        return accumulator
