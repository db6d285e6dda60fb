"""Measures of the breadth of what users consume, and of what is recommended to them: counts of sets.

UCI@N is the number of users who consumed items of at least N distinct clusters in the past seven days (2405.16363,
live experiments); UEUC is the number of unique engaged pairs of user and cluster (2504.05522).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import apache_beam as beam
import numpy as np
import numpy.typing as npt

from transforms.diversity import coverage, effective_number, gini
from transforms.recommendation.histories import Codes, Integers

DAY = 86_400 * 10**6
"""Microseconds of a day."""

UCI_WINDOW = 7 * DAY
"""Length of the window of UCI@N, in microseconds."""

_ENGAGEMENT = np.dtype([("window", np.int64), ("user", np.uint64), ("cluster", np.int32)])
Engagements = npt.NDArray[np.void]


class WindowBreadth(NamedTuple):
    """The users of each window by their number of distinct clusters.

    Attributes:
        windows: int64, shape (pairs of window and user,): the window, ascending.
        clusters: int64, shape (pairs of window and user,): the number of distinct clusters of one user in the window.
    """

    windows: Integers
    clusters: Integers

    def uci(self, window: int, at_least: int) -> int:
        """Return UCI@N of one window: its number of users with at least N distinct clusters."""
        return int(((self.windows == window) & (self.clusters >= at_least)).sum())

    def engaged_pairs(self, window: int) -> int:
        """Return UEUC of one window: its number of unique pairs of user and cluster."""
        return int(self.clusters[self.windows == window].sum())


def engagements(
    users: npt.NDArray[np.integer], clusters: Codes, times: Integers, ends: Integers, length: int = UCI_WINDOW
) -> Engagements:
    """Find the distinct triples of window, user and cluster of interactions.

    Args:
        users: shape (interactions,): codes or hashes of users, not negative.
        clusters: int32, shape (interactions,): the clusters consumed.
        times: int64, shape (interactions,): times in microseconds.
        ends: int64, shape (windows,): the ends of the windows, which they do not include. Windows may overlap.
        length: length of the windows in microseconds.

    Returns:
        Structured array, sorted: `window` is an index into `ends`.
    """
    parts = []
    for window, end in enumerate(ends.tolist()):
        inside = (times >= end - length) & (times < end)
        rows = np.empty(int(inside.sum()), _ENGAGEMENT)
        rows["window"], rows["user"], rows["cluster"] = window, users[inside], clusters[inside]
        parts.append(np.unique(rows))
    return np.concatenate([np.zeros(0, _ENGAGEMENT), *parts])


def window_breadth(found: Engagements) -> WindowBreadth:
    """Count the distinct clusters of each user in each window, from the output of `engagements`."""
    pairs, counts = np.unique(found[["window", "user"]], return_counts=True)
    return WindowBreadth(pairs["window"].copy(), counts.astype(np.int64))


class CountEngagedClusters(beam.CombineFn):
    """Outputs of `engagements` with the same windows -> `WindowBreadth` of all of them.

    The accumulator is a set of triples, so that it does not matter how the interactions of a user are divided.
    """

    def create_accumulator(self) -> Engagements:
        return np.zeros(0, _ENGAGEMENT)

    def add_input(self, accumulator: Engagements, found: Engagements) -> Engagements:
        return np.union1d(accumulator, found)

    def merge_accumulators(self, accumulators: Iterable[Engagements]) -> Engagements:
        return np.unique(np.concatenate(list(accumulators)))

    def extract_output(self, accumulator: Engagements) -> WindowBreadth:
        return window_breadth(accumulator)


class ListDiversity(NamedTuple):
    """The diversity of what is recommended to all users together.

    Attributes:
        coverage: fraction of the catalogue, or of the clusters, that is recommended at all.
        gini: Gini coefficient of how often each is recommended.
        effective: effective number of those recommended, the exponential of the entropy.
    """

    coverage: float
    gini: float
    effective: float


class CountListed(beam.CombineFn):
    """Codes of items or of clusters in lists, -1 in missing places -> `ListDiversity` of all lists.

    Args:
        size: number of items in the catalogue, or of clusters.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def create_accumulator(self) -> Integers:
        return np.zeros(self.size, np.int64)

    def add_input(self, accumulator: Integers, codes: Codes) -> Integers:
        return accumulator + count_codes(codes, self.size)

    def merge_accumulators(self, accumulators: Iterable[Integers]) -> Integers:
        total: Integers = np.sum(list(accumulators), axis=0)
        return total

    def extract_output(self, accumulator: Integers) -> ListDiversity:
        return list_diversity(accumulator)


def count_codes(codes: Codes, size: int) -> Integers:
    """Count how often each code occurs, int64, shape (size,); negative codes are ignored."""
    return np.bincount(codes[codes >= 0], minlength=size).astype(np.int64)


def list_diversity(counts: Integers) -> ListDiversity:
    """Compute the diversity of how often each item or cluster is recommended, int64, shape (items,)."""
    return ListDiversity(coverage(counts), gini(counts), effective_number(counts))


def weekly_ends(first: int, last: int) -> Integers:
    """Return the ends of successive windows of seven days from `first` on that end by `last`, in microseconds."""
    return np.array(list(_weeks(first, last)), np.int64)


def _weeks(first: int, last: int) -> Iterator[int]:
    end = first + UCI_WINDOW
    while end <= last:
        yield end
        end += UCI_WINDOW
