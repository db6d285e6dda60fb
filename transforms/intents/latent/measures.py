"""Measures of a latent intent model: the parts of the ELBO, collapse, and lists from one or several latents.

Needs no model: terms, scores and lists are arrays.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.intents.latent.rows import Matrix, NextItems
from transforms.recommendation.histories import NO_ITEM, Codes

Floats = npt.NDArray[np.float64]

ACTIVE_VARIANCE = 0.01
"""Variance over rows above which a unit is active (Burda et al. 2016, section 5.2)."""

MIN_DIVERGENCE = 0.05
"""Mean divergence of all units together, in nats, below which the latent counts as collapsed."""


class RowTerms(NamedTuple):
    """The terms of the ELBO of each row.

    Attributes:
        reconstruction: float64, shape (rows,): log-likelihood of the next items, in nats.
        divergences: float64, shape (rows, units): divergence of the posterior from the prior, in nats.
        means: float64, shape (rows, units): means of the posterior.
        shifts: float64, shape (rows, units): means of the posterior less those of the prior, divided by the standard
            deviations of the prior.
    """

    reconstruction: Floats
    divergences: Floats
    means: Floats
    shifts: Floats


class ElboParts(NamedTuple):
    """The parts of the ELBO, means over rows in nats.

    Attributes:
        reconstruction: log-likelihood of the next items.
        divergences: float64, shape (units,): divergence of each unit.
        varying_units: number of units whose posterior mean varies over rows by more than `ACTIVE_VARIANCE`.
        active_units: number of units whose shift does.
    """

    reconstruction: float
    divergences: Floats
    varying_units: int
    active_units: int

    @property
    def divergence(self) -> float:
        """The divergence of all units together."""
        return float(self.divergences.sum())

    @property
    def elbo(self) -> float:
        """The reconstruction less the divergence."""
        return self.reconstruction - self.divergence


class Collapse(NamedTuple):
    """A latent that says nothing about what follows, or one that does.

    Attributes:
        is_collapsed: whether the posterior equals the prior, or almost.
        reason: why, as a sentence; empty if it is not collapsed.
    """

    is_collapsed: bool
    reason: str


class ListMeasures(NamedTuple):
    """Measures of one list for each row, float64, shape (rows,) each.

    Attributes:
        recall: fraction of the distinct next items that are listed.
        clusters: number of distinct clusters of the items listed.
        distance: mean cosine distance of two items listed; NaN with fewer than two.
    """

    recall: Floats
    clusters: Floats
    distance: Floats


def elbo_parts(terms: RowTerms) -> ElboParts:
    """Compute the parts of the ELBO, and count active units.

    Burda et al. count units whose posterior mean varies over rows, for a prior that is equal for all rows. Here the
    prior depends on the context, and a posterior that equals it varies too. So active units are those whose shift from
    the prior varies, which is the same where the prior is standard normal.

    Raises:
        ValueError: when there are no rows.
    """
    if not len(terms.reconstruction):
        raise ValueError("the parts of the ELBO need at least one row")
    return ElboParts(
        float(terms.reconstruction.mean()),
        terms.divergences.mean(axis=0),
        active_units(terms.means),
        active_units(terms.shifts),
    )


def active_units(values: Floats) -> int:
    """Count the units, columns of shape (rows, units), whose variance over rows is above `ACTIVE_VARIANCE`."""
    return int((values.var(axis=0) > ACTIVE_VARIANCE).sum())


def check_collapse(parts: ElboParts, min_divergence: float = MIN_DIVERGENCE) -> Collapse:
    """Check whether a latent collapsed; a model without latent units has none that could.

    Args:
        parts: the parts of the ELBO on held-out rows.
        min_divergence: mean divergence of all units together, in nats, below which it is collapsed.
    """
    units = len(parts.divergences)
    if not units:
        return Collapse(False, "")
    if not parts.active_units:
        return Collapse(
            True,
            f"No latent unit is active: the mean of the posterior of none of the {units} shifts from the prior with a "
            f"variance above {ACTIVE_VARIANCE:g}.",
        )
    if parts.divergence < min_divergence:
        return Collapse(
            True,
            f"The divergence of the posterior from the prior is {parts.divergence:.2g} nats, below {min_divergence:g}: "
            "the latent holds almost nothing about what follows.",
        )
    return Collapse(False, "")


def top_items(scores: Matrix, count: int) -> Codes:
    """Rank the items of each row by score; of equal scores the lower code.

    Args:
        scores: float32, shape (rows, items); minus infinity: the item is not listed, such as one already consumed.
        count: number of places.

    Returns:
        int32, shape (rows, count): codes, the best first; `NO_ITEM` after the last one.

    Raises:
        ValueError: when a score is not a number.
    """
    if np.isnan(scores).any():
        raise ValueError("scores must be numbers, or minus infinity for items that are not listed")
    lists = np.full((len(scores), count), NO_ITEM, np.int32)
    _rank(np.ascontiguousarray(scores), np.empty(count, scores.dtype), lists)
    return lists


def merge_in_turn(lists: Codes) -> Codes:
    """Merge the lists of several samples in turn: the first item of each sample, then the second of each, and so on.

    An item that is already placed is skipped.

    Args:
        lists: int32, shape (samples, rows, count): the best items given each sample of the latent.

    Returns:
        int32, shape (rows, count).
    """
    samples, rows, count = lists.shape
    merged = np.full((rows, count), NO_ITEM, np.int32)
    _merge(np.ascontiguousarray(lists.transpose(1, 2, 0)).reshape(rows, count * samples), merged)
    return merged


def measure_lists(lists: Codes, following: NextItems, item_clusters: Codes, item_vectors: Matrix) -> ListMeasures:
    """Measure lists: recall of the next items, and diversity.

    Args:
        lists: int32, shape (rows, k): distinct items, the best first; `NO_ITEM` in missing places.
        following: the next items of the same rows.
        item_clusters: int32, shape (items,): the cluster of each item, -1: none, which does not count.
        item_vectors: float32, shape (items, V): vectors of the items; a zero vector is at the distance 1 from all.
    """
    return ListMeasures(
        _recall(lists, following), _distinct_clusters(lists, item_clusters), _distance(lists, item_vectors)
    )


def _recall(lists: Codes, following: NextItems) -> Floats:
    rows = np.repeat(np.arange(len(lists), dtype=np.int64), np.diff(following.offsets))
    width = int(max(lists.max(initial=0), following.items.max(initial=0))) + 1
    wanted = np.unique(rows * width + following.items)
    listed = (np.arange(len(lists), dtype=np.int64)[:, None] * width + lists)[lists != NO_ITEM]
    hits = np.bincount(wanted[np.isin(wanted, listed)] // width, minlength=len(lists))
    totals = np.bincount(wanted // width, minlength=len(lists))
    return np.divide(hits, totals, out=np.full(len(lists), np.nan), where=totals > 0)


def _distinct_clusters(lists: Codes, item_clusters: Codes) -> Floats:
    clusters = np.sort(np.where(lists == NO_ITEM, -1, item_clusters[lists]), axis=1)
    is_first = np.diff(clusters, axis=1, prepend=-1) != 0
    return (is_first & (clusters >= 0)).sum(axis=1).astype(np.float64)


def _distance(lists: Codes, item_vectors: Matrix) -> Floats:
    """Compute mean distances: the cosines of all pairs are the squared length of the sum of directions, less n."""
    sums, ones = np.zeros((len(lists), item_vectors.shape[1])), np.zeros(len(lists))
    for items in lists.T:
        vectors = item_vectors[items].astype(np.float64) * (items != NO_ITEM)[:, None]
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        sums += np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
        ones += lengths[:, 0] > 0
    counts = (lists != NO_ITEM).sum(axis=1)
    pairs = counts * (counts - 1)
    cosines = np.divide((sums**2).sum(axis=1) - ones, pairs, out=np.full(len(lists), np.nan), where=pairs > 0)
    return 1 - cosines


@numba.njit(cache=True, nogil=True)
def _rank(scores, best, lists):  # type: ignore[no-untyped-def]
    rows, items = scores.shape
    count = lists.shape[1]
    for row in range(rows):
        filled = 0
        for item in range(items):
            score = scores[row, item]
            if score == -np.inf or count == 0 or (filled == count and not score > best[count - 1]):
                continue
            place = min(filled, count - 1)
            # Insertion: an equal score of an earlier item stays before it.
            while place > 0 and score > best[place - 1]:
                best[place], lists[row, place] = best[place - 1], lists[row, place - 1]
                place -= 1
            best[place], lists[row, place] = score, item
            filled = min(filled + 1, count)


@numba.njit(cache=True, nogil=True)
def _merge(ordered, merged):  # type: ignore[no-untyped-def]
    for row in range(len(ordered)):
        filled = 0
        for item in ordered[row]:
            is_new = item >= 0
            for place in range(filled):
                is_new = is_new and merged[row, place] != item
            if is_new and filled < merged.shape[1]:
                merged[row, filled] = item
                filled += 1
