"""Bayesian ICPC over vectors: one pass, then journeys are merged, items re-assigned, and one-off items left out.

The first pass decides on what it has seen so far, so the order of a history leaves traces: two journeys that turn out
to be one, items that came before their journey had a shape. A refinement corrects both, by the measure that the pass
uses.

The measure is the evidence that a set of items is one journey. The items of a journey scatter about a centre, and
centres scatter about the origin, both as spherical Gaussians; `explained_variance` is the fraction of an item's
variance that its journey explains. The log probability of the items, with the centre integrated out, then depends only
on their number n and the length of their sum. Per dimension, without the terms that all partitions of a history share:

    E(sum, n) = (r / (1 - v) |sum|^2 / (1 + n r) - log(1 + n r)) / 2,    r = v / (1 - v),    v = explained_variance

The merge score, or gain, of two sets is the evidence of their union less that of both. Two sets are merged when it
exceeds a threshold, and a fraction of the score that they would have if they were orthogonal, where that is negative.
Unlike a threshold on cosine or on Ward's height it takes the number of items into account: one item near a journey of
two is weaker evidence than fifty items near a journey of a hundred. The measure is that of Bayesian hierarchical
clustering (Heller and Ghahramani 2005) for this model.

Evidence compares partitions: it says where an item fits best, not whether it fits. Therefore items and journeys whose
coherence is below a limit are left out at the end.

Evidence needs only squared norms and dot products of sums, so the kernel computes the cosines of a user's items once
and updates the rest. For n items and j journeys of a user: the cosines take O(n^2 dimensions), the pass O(n (n + j)),
merging O(j^2) for j starting journeys in nearly all cases, a round of re-assignment O(n (n + j)); memory is O(n^2).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.journeys.coherence import ITEM_FRACTION, item_coherence
from transforms.journeys.config import BayesianConfig

_compiled = numba.njit(cache=True, nogil=True)
_inlined = numba.njit(cache=True, nogil=True, inline="always")  # spares the reference counts of the arrays of a tuple
_NONE = -1
_TILE = 16


class _Evidence(NamedTuple):
    """The formula as a table: the evidence of n items is `factors[n] * squared norm of the sum - penalties[n]`."""

    factors: npt.NDArray[np.float64]
    penalties: npt.NDArray[np.float64]


def _tabulate(explained_variance: float, max_items: int) -> _Evidence:
    """Compute the table for 0 to `max_items` items.

    Python's logarithm is used, because that of NumPy depends on the vector instructions of the machine.
    """
    ratio = explained_variance / (1 - explained_variance)
    shrinkage = [1 + size * ratio for size in range(max_items + 1)]
    return _Evidence(
        np.array([ratio / (1 - explained_variance) / each / 2 for each in shrinkage]),
        np.array([math.log(each) / 2 for each in shrinkage]),
    )


class _Limits(NamedTuple):
    """The fields of `BayesianConfig` that the kernel reads."""

    assign_threshold: float
    merge_threshold: float
    merge_fraction: float
    rounds: int
    refine: bool
    min_coherence: float


class Scratch(NamedTuple):
    """Memory that is reused for one user after another: allocating it costs more than small users need otherwise."""

    gathered: npt.NDArray[np.float32]
    cosines: npt.NDArray[np.float64]
    item_dots: npt.NDArray[np.float64]
    journey_dots: npt.NDArray[np.float64]


def allocate_scratch(items: int, dimensions: int) -> Scratch:
    """Allocate scratch memory for users with up to `items` items. Pages that no user needs are never touched."""
    return Scratch(
        np.empty(items * dimensions, np.float32),
        np.empty(items * items),
        np.empty((items + 1) * items),
        np.empty(items * items),
    )


class _State(NamedTuple):
    """The journeys of one user. A journey without items is empty, and may be used for a new one.

    Attributes:
        cosines: float64, shape (items, items): cosine of each pair of distinct items.
        labels: int64, shape (items,): the journey of each item.
        item_dots: float64, shape (items + 1, items): dot product of the sum of each journey with each item. One journey
            more than there are items, so that an item that leaves its journey always finds an empty one.
        sq_norms: float64, shape (items + 1,): squared norm of the sum of each journey.
        sizes: int64, shape (items + 1,): number of items of each journey.
    """

    cosines: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]
    item_dots: npt.NDArray[np.float64]
    sq_norms: npt.NDArray[np.float64]
    sizes: npt.NDArray[np.int64]


# The sums are whole numbers below 2**24, which float32 adds exactly in any order: the compiler may reorder them.
@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _multiply(vectors, products):  # type: ignore[no-untyped-def]
    """Compute the dot products of all pairs of rows into the lower triangle.

    Two rows meet four at a time, so that each component is loaded once for several products.
    """
    count, dimensions = vectors.shape
    for row in range(0, count - 1, 2):  # two rows; the last one of an odd number follows below
        upper, lower = vectors[row], vectors[row + 1]
        full = (row + 2) // 4 * 4
        for other in range(0, full, 4):
            first, second, third, fourth = vectors[other], vectors[other + 1], vectors[other + 2], vectors[other + 3]
            a = b = c = d = e = f = g = h = np.float32(0.0)
            for dimension in range(dimensions):
                a += upper[dimension] * first[dimension]
                b += upper[dimension] * second[dimension]
                c += upper[dimension] * third[dimension]
                d += upper[dimension] * fourth[dimension]
                e += lower[dimension] * first[dimension]
                f += lower[dimension] * second[dimension]
                g += lower[dimension] * third[dimension]
                h += lower[dimension] * fourth[dimension]
            products[row, other], products[row, other + 1] = a, b
            products[row, other + 2], products[row, other + 3] = c, d
            products[row + 1, other], products[row + 1, other + 1] = e, f
            products[row + 1, other + 2], products[row + 1, other + 3] = g, h
        for other in range(full, row + 2):
            products[row, other] = _product(upper, vectors[other])
            products[row + 1, other] = _product(lower, vectors[other])
    if count % 2:
        for other in range(count):
            products[count - 1, other] = _product(vectors[count - 1], vectors[other])


@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _product(first, second):  # type: ignore[no-untyped-def]
    """Compute the dot product of two rows."""
    total = np.float32(0.0)
    for dimension in range(len(first)):
        total += first[dimension] * second[dimension]
    return total


@_compiled
def pairwise_cosines(items, vectors, scratch):  # type: ignore[no-untyped-def]
    """Compute the cosines of all pairs of some vectors, float64, shape (items, items), in scratch memory."""
    count, dimensions = len(items), vectors.shape[1]
    gathered = scratch.gathered[: count * dimensions].reshape(count, dimensions)
    for position in range(count):
        row = vectors[items[position]]
        for dimension in range(dimensions):
            gathered[position, dimension] = row[dimension]
    cosines = scratch.cosines[: count * count].reshape(count, count)
    _multiply(gathered, cosines)
    inverse_norms = np.empty(count)
    for position in range(count):
        inverse_norms[position] = 1.0 / math.sqrt(cosines[position, position])
        for other in range(position + 1):
            cosines[position, other] *= inverse_norms[position] * inverse_norms[other]
    _mirror(cosines)
    return cosines


@_compiled
def _mirror(square):  # type: ignore[no-untyped-def]
    """Copy the lower triangle to the upper one, in tiles, because writing whole columns is slow."""
    count = len(square)
    for top in range(0, count, _TILE):
        for left in range(0, top + 1, _TILE):
            for row in range(top, min(top + _TILE, count)):
                for column in range(left, min(left + _TILE, row)):
                    square[column, row] = square[row, column]


@_compiled
def _log_evidence(sq_norm, size, evidence):  # type: ignore[no-untyped-def]
    """Compute the evidence that `size` items with this squared norm of their sum are one journey."""
    return evidence.factors[size] * sq_norm - evidence.penalties[size]


@_compiled
def _gain(first, second, dot, first_size, second_size, evidence):  # type: ignore[no-untyped-def]
    """Compute the merge score of two sets from the squared norms of their sums, the dot product of these, and sizes."""
    separate = _log_evidence(first, first_size, evidence) + _log_evidence(second, second_size, evidence)
    return _log_evidence(first + second + 2.0 * dot, first_size + second_size, evidence) - separate


@_compiled
def _best_journey(item, state, journeys, evidence):  # type: ignore[no-untyped-def]
    """Find the journey with the highest merge score with an item, and that score. Ties: the older one."""
    best, best_gain = _NONE, -np.inf
    sizes, sq_norms, item_dots, own = state.sizes, state.sq_norms, state.item_dots, state.cosines[item, item]
    for journey in range(journeys):
        if sizes[journey] == 0:
            continue
        gain = _gain(sq_norms[journey], own, item_dots[journey, item], sizes[journey], 1, evidence)
        if gain > best_gain:
            best, best_gain = journey, gain
    return best, best_gain


@_compiled
def _move(item, journey, sign, state):  # type: ignore[no-untyped-def]
    """Add an item to a journey (sign 1) or remove it (sign -1); `labels` stay as they are."""
    cosines, item_dots, sq_norms, sizes = state.cosines, state.item_dots, state.sq_norms, state.sizes
    sq_norms[journey] += sign * 2.0 * item_dots[journey, item] + cosines[item, item]
    sizes[journey] += sign
    if sizes[journey] == 0:
        sq_norms[journey] = 0.0
        item_dots[journey, :] = 0.0
        return
    for other in range(cosines.shape[0]):
        item_dots[journey, other] += sign * cosines[item, other]


@_compiled
def _single_pass(state, assign_threshold, evidence):  # type: ignore[no-untyped-def]
    """Assign the distinct items in the order in which they were first consumed; return the number of journeys."""
    opened = 0
    for item in range(len(state.labels)):
        journey, gain = _best_journey(item, state, opened, evidence)
        if journey == _NONE or gain <= assign_threshold:
            journey = opened
            opened += 1
        state.labels[item] = journey
        _move(item, journey, 1, state)
    return opened


class _Merging(NamedTuple):
    """The journeys while they are merged.

    Attributes:
        dots: float64, shape (journeys, journeys): dot products of the sums of the journeys; `dots[a, b]` is up to date
            for active a and b.
        separate_evidence: float64, shape (journeys,): the evidence of each journey.
        merged_into: int64, shape (journeys,): the older journey that each was merged into, or itself.
        active: int64, shape (journeys,): the journeys that are left, ascending; only the first ones count.
        gains: float64, shape (journeys,): the highest merge score of each journey with an older one; for a stale one an
            upper bound of it.
        partners: int64, shape (journeys,): that older journey.
        stale: bool, shape (journeys,): whether the partner was merged or changed, so that it must be searched again.
    """

    dots: npt.NDArray[np.float64]
    separate_evidence: npt.NDArray[np.float64]
    merged_into: npt.NDArray[np.int64]
    active: npt.NDArray[np.int64]
    gains: npt.NDArray[np.float64]
    partners: npt.NDArray[np.int64]
    stale: npt.NDArray[np.bool_]


@_compiled
def _merge(state, journeys, limits, evidence, scratch):  # type: ignore[no-untyped-def]
    """Merge the two journeys with the highest merge score until no score is above the limits.

    The younger journey is merged into the older one. Ties: the older pair. Each journey keeps only its best older
    partner, so that a merge costs O(journeys); a journey whose partner is gone cannot have a higher score than it had
    with that partner, so its partner is searched again, also in O(journeys), only once it has the highest score.

    Returns:
        The number of journeys left; they are moved to the front, in their order.
    """
    # Initialize: evidence of each journey, and for each its best older partner.
    merging = _Merging(
        dots=_journey_dots(state, journeys, scratch),
        separate_evidence=np.empty(journeys),
        merged_into=np.arange(journeys),
        active=np.arange(journeys),
        gains=np.empty(journeys),
        partners=np.empty(journeys, np.int64),
        stale=np.zeros(journeys, np.bool_),
    )
    dots, separate_evidence, active = merging.dots, merging.separate_evidence, merging.active
    gains, partners, stale = merging.gains, merging.partners, merging.stale
    sq_norms, sizes, fraction = state.sq_norms, state.sizes, limits.merge_fraction
    left = journeys
    for journey in range(journeys):
        separate_evidence[journey] = _log_evidence(sq_norms[journey], sizes[journey], evidence)
    for journey in range(journeys):
        gains[journey], partners[journey] = _best_partner(journey, merging, state, fraction, evidence)
    while True:
        # Find the journey with the highest score.
        younger, best = _NONE, limits.merge_threshold
        for position in range(left):
            if gains[active[position]] > best:
                younger, best = active[position], gains[active[position]]
        if younger == _NONE:
            break
        if stale[younger]:
            gains[younger], partners[younger] = _best_partner(younger, merging, state, fraction, evidence)
            stale[younger] = False
            continue

        # Merge it into its partner.
        older = partners[younger]
        left = _unite(younger, older, left, merging, state, evidence)
        gains[older] = -np.inf
        stale[older] = False

        # Update the scores with the journey that has grown.
        for position in range(left):
            journey = active[position]
            if journey == older:
                continue
            gain = _merge_gain(older, journey, dots, separate_evidence, sq_norms, sizes, fraction, evidence)
            dots[journey, older] = dots[older, journey]
            if journey < older:
                if gain > gains[older]:
                    gains[older], partners[older] = gain, journey
            elif gain > gains[journey]:
                gains[journey], partners[journey], stale[journey] = gain, older, False
            elif partners[journey] in (older, younger) or gain == gains[journey]:
                stale[journey] = True
    _move_to_front(state, active[:left], merging.merged_into)
    return left


@_compiled
def _journey_dots(state, journeys, scratch):  # type: ignore[no-untyped-def]
    """Compute the dot products of the sums of journeys, float64, shape (journeys, journeys)."""
    dots = scratch.journey_dots[: journeys * journeys].reshape(journeys, journeys)
    if journeys == len(state.labels):  # each item is a journey of its own, in the same order
        dots[:] = state.item_dots[:journeys]
        return dots
    dots[:] = 0.0
    for journey in range(journeys):
        for item in range(len(state.labels)):
            dots[journey, state.labels[item]] += state.item_dots[journey, item]
    return dots


@_compiled
def _move_to_front(state, active, merged_into):  # type: ignore[no-untyped-def]
    """Renumber the journeys that are left from 0 without gaps, and empty the others."""
    numbers = np.empty(len(merged_into), np.int64)
    for number, journey in enumerate(active):
        numbers[journey] = number
        state.item_dots[number] = state.item_dots[journey]
        state.sq_norms[number], state.sizes[number] = state.sq_norms[journey], state.sizes[journey]
    state.item_dots[len(active) : len(merged_into)] = 0.0
    state.sq_norms[len(active) :] = 0.0
    state.sizes[len(active) :] = 0
    for journey in range(len(merged_into)):
        if merged_into[journey] != journey:
            numbers[journey] = numbers[merged_into[journey]]  # an older journey, which has its number already
    for item in range(len(state.labels)):
        state.labels[item] = numbers[state.labels[item]]


@_compiled
def _merge_gain(first, second, dots, separate_evidence, sq_norms, sizes, fraction, evidence):  # type: ignore[no-untyped-def]
    """Compute the merge score of two journeys; -inf where it does not beat the fraction of the orthogonal score."""
    size = sizes[first] + sizes[second]
    orthogonal = (
        _log_evidence(sq_norms[first] + sq_norms[second], size, evidence)
        - separate_evidence[first]
        - separate_evidence[second]
    )
    gain = orthogonal + 2.0 * evidence.factors[size] * dots[first, second]
    return gain if orthogonal >= 0.0 or gain > fraction * orthogonal else -np.inf


@_compiled
def _best_partner(younger, merging, state, fraction, evidence):  # type: ignore[no-untyped-def]
    """Find the highest merge score of a journey with an older one, and that one. Ties: the oldest."""
    best, partner = -np.inf, _NONE
    dots, separate_evidence, active = merging.dots, merging.separate_evidence, merging.active
    sq_norms, sizes = state.sq_norms, state.sizes
    for older in active:
        if older >= younger:
            break
        gain = _merge_gain(younger, older, dots, separate_evidence, sq_norms, sizes, fraction, evidence)
        if gain > best:
            best, partner = gain, older
    return best, partner


@_compiled
def _unite(younger, older, left, merging, state, evidence):  # type: ignore[no-untyped-def]
    """Add the items of one journey to another; return the number of active journeys, which keep their order."""
    state.sq_norms[older] += state.sq_norms[younger] + 2.0 * merging.dots[older, younger]
    state.sizes[older] += state.sizes[younger]
    merging.separate_evidence[older] = _log_evidence(state.sq_norms[older], state.sizes[older], evidence)
    state.item_dots[older] += state.item_dots[younger]
    merging.dots[older] += merging.dots[younger]
    merging.merged_into[younger] = older
    active = merging.active
    for position in range(np.searchsorted(active[:left], younger), left - 1):
        active[position] = active[position + 1]
    active[left - 1] = len(active)  # greater than every journey, so that `_best_partner` stops there
    return left - 1


@_compiled
def _reassign(state, journeys, limits, evidence):  # type: ignore[no-untyped-def]
    """Move each item to the journey with the highest merge score, or to one of its own, until no item moves."""
    cosines, labels, item_dots = state.cosines, state.labels, state.item_dots
    sq_norms, sizes = state.sq_norms, state.sizes
    for _ in range(limits.rounds):
        moved = False
        for item in range(len(labels)):
            # Remove the item from its journey, but only in the values that the search for this item reads: its dot
            # products with other items stay as they are.
            before, own = labels[item], cosines[item, item]
            kept = (sq_norms[before], sizes[before], item_dots[before, item])
            sq_norms[before] += own - 2.0 * item_dots[before, item]
            sizes[before] -= 1
            item_dots[before, item] -= own

            # Search the best journey; an item that is not nearer to it than an orthogonal item stays alone.
            journey, _ = _best_journey(item, state, journeys, evidence)
            if journey == _NONE or item_dots[journey, item] <= 0.0:
                journey = before if sizes[before] == 0 else _first_empty(sizes)

            # Restore the journey, and move the item where it is better off.
            sq_norms[before], sizes[before], item_dots[before, item] = kept
            if journey != before:
                _move(item, before, -1, state)
                _move(item, journey, 1, state)
                labels[item] = journey
                journeys = max(journeys, journey + 1)
                moved = True
        if not moved:
            break


@_compiled
def _first_empty(sizes):  # type: ignore[no-untyped-def]
    """Return the first journey without items."""
    journey = 0
    while sizes[journey] > 0:
        journey += 1
    return journey


@_compiled
def _leave_out_incoherent(state, min_coherence):  # type: ignore[no-untyped-def]
    """Leave out items that do not fit their journey, then journeys that are not coherent.

    All items of a journey below `ITEM_FRACTION` of `min_coherence` are left out at once; the others are compared again
    without them, until none is left out. Then the journey is left out if the mean coherence of its items is below
    `min_coherence`. A single item is a journey without coherence and is kept.
    """
    labels, sizes = state.labels, state.sizes
    is_outside = np.zeros(len(labels), np.bool_)
    for journey in range(len(sizes)):
        if sizes[journey] < 2:
            continue
        while True:
            total, removed = 0.0, 0
            for item in range(len(labels)):
                if labels[item] != journey:
                    continue
                dot, own = state.item_dots[journey, item], state.cosines[item, item]
                coherence = item_coherence(dot, own, state.sq_norms[journey], 1.0)
                is_outside[item] = coherence < min_coherence * ITEM_FRACTION
                removed += is_outside[item]
                total += coherence
            if removed == 0:
                break
            for item in range(len(labels)):
                if labels[item] == journey and is_outside[item]:
                    _move(item, journey, -1, state)
                    labels[item] = _NONE
        if sizes[journey] == 1 or total < min_coherence * sizes[journey]:
            for item in range(len(labels)):
                if labels[item] == journey:
                    labels[item] = _NONE


@_compiled
def _renumber(labels, capacity):  # type: ignore[no-untyped-def]
    """Number journeys by their first item, as if they had been opened in this order."""
    numbers = np.full(capacity, _NONE, np.int64)
    opened = 0
    for position in range(len(labels)):
        if labels[position] == _NONE:
            continue
        if numbers[labels[position]] == _NONE:
            numbers[labels[position]] = opened
            opened += 1
        labels[position] = numbers[labels[position]]


@_inlined
def _cluster_items(items, vectors, limits, evidence, scratch):  # type: ignore[no-untyped-def]
    """Return the journey of each distinct item of one user."""
    count = len(items)
    item_dots = scratch.item_dots[: (count + 1) * count].reshape(count + 1, count)
    item_dots[:] = 0.0
    state = _State(
        cosines=pairwise_cosines(items, vectors, scratch),
        labels=np.full(count, _NONE, np.int64),
        item_dots=item_dots,
        sq_norms=np.zeros(count + 1),
        sizes=np.zeros(count + 1, np.int64),
    )
    journeys = _single_pass(state, limits.assign_threshold, evidence)
    if limits.refine:
        journeys = _merge(state, journeys, limits, evidence, scratch)
        _reassign(state, journeys, limits, evidence)
    if limits.min_coherence > 0.0:
        _leave_out_incoherent(state, limits.min_coherence)
    _renumber(state.labels, count + 1)
    return state.labels


@_compiled
def _is_nonzero(vector):  # type: ignore[no-untyped-def]
    """Return whether a vector has a component other than 0; a vector of zeros means that the item has none."""
    for value in vector:  # noqa: SIM110, as `any` would allocate an array
        if value != 0:
            return True
    return False


@_compiled
def _cluster_users(offsets, items, vectors, limits, evidence, scratch):  # type: ignore[no-untyped-def]
    """Return the journey of each interaction, one user after another."""
    found = np.full(len(items), _NONE, np.int64)
    number = np.full(len(vectors), _NONE, np.int64)  # of each item among the distinct items of the current user
    for user in range(len(offsets) - 1):
        own = items[offsets[user] : offsets[user + 1]]

        # Number the distinct items that have a vector.
        distinct = np.empty(len(own), np.int64)
        count = 0
        for item in own:
            if number[item] == _NONE and _is_nonzero(vectors[item]):
                number[item] = count
                distinct[count] = item
                count += 1

        # Cluster them, copy the labels to the interactions, and reset the numbers.
        labels = _cluster_items(distinct[:count], vectors, limits, evidence, scratch)
        for position in range(len(own)):
            if number[own[position]] != _NONE:
                found[offsets[user] + position] = labels[number[own[position]]]
        for position in range(count):
            number[distinct[position]] = _NONE
    return found


def cluster_histories(
    offsets: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    vectors: npt.NDArray[np.int8],
    config: BayesianConfig,
) -> npt.NDArray[np.int64]:
    """Assign each interaction to a journey of its user.

    An item that a user consumed several times counts once, and all its interactions are in the same journey.

    Args:
        offsets: int64, shape (users + 1,): the interactions of user u are `items[offsets[u]:offsets[u + 1]]`, by time.
        items: int32, shape (interactions,): rows of `vectors`.
        vectors: int8, shape (items, dimensions), from `quantize_vectors`; only their directions count. An item whose
            vector is zero is in no journey.
        config: the thresholds.

    Returns:
        int64, shape (interactions,): the journey, numbered within its user by first item; -1 for none: items without a
        vector, and items that are left out.
    """
    limits = _Limits(
        config.assign_threshold,
        config.merge_threshold,
        config.merge_fraction,
        config.rounds,
        config.refine,
        config.min_coherence,
    )
    longest = int(np.diff(offsets).max(initial=0))
    return np.asarray(
        _cluster_users(
            np.ascontiguousarray(offsets, np.int64),
            np.ascontiguousarray(items, np.int32),
            np.ascontiguousarray(vectors),
            limits,
            _tabulate(config.explained_variance, longest + 1),
            allocate_scratch(longest, vectors.shape[1]),
        )
    )
