"""ICPC over vectors, with a second look: one pass, then journeys are merged and items re-assigned.

The one pass decides by what it has seen so far, so the order of a history leaves traces: two journeys that turn out to
be one, items that came before their journey had a shape. Both are mended here, by the same measure that the pass uses.

The measure is the evidence for a set of items to be one journey: the items of a journey scatter about a centre, and
centres scatter about the origin, both as spherical Gaussians, with `coherence` the share of an item's variance that its
journey explains. The logarithm of the probability of the items, with the centre integrated out, then depends on their
number n and the length of their sum alone. Per dimension, without what all partitions of a history share:

    E(sum, n) = (r / (1 - coherence) |sum|^2 / (1 + n r) - log(1 + n r)) / 2,    r = coherence / (1 - coherence)

Two sets belong together when the evidence for their union is greater than for both apart, by more than a threshold and
by more than a share of what it would be if they were at a right angle, where it speaks against them.
Unlike a threshold on cosine or on Ward's height it weighs how many items speak: one item near a journey of two is not
what fifty items near a journey of a hundred are. The measure is that of Bayesian hierarchical clustering (Heller and
Ghahramani 2005) for this model.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.journeys.config import BayesianConfig

_compiled = numba.njit(cache=True, nogil=True)
_NONE = -1
_TILE = 16


class _Evidence(NamedTuple):
    """The formula as a table: evidence is `factors[n] * squared length of the sum - penalties[n]` for n items."""

    factors: npt.NDArray[np.float64]
    penalties: npt.NDArray[np.float64]


def _tabulate(coherence: float, most: int) -> _Evidence:
    """For 0 to `most` items. By Python's logarithm, which does not depend on the width of the machine's vectors."""
    ratio = coherence / (1 - coherence)
    shrunk = [1 + size * ratio for size in range(most + 1)]
    return _Evidence(
        np.array([ratio / (1 - coherence) / each / 2 for each in shrunk]),
        np.array([math.log(each) / 2 for each in shrunk]),
    )


class _Limits(NamedTuple):
    """What is enough, as `BayesianConfig` says."""

    assign_threshold: float
    merge_threshold: float
    merge_fraction: float
    join_fraction: float
    min_gain: float


@_compiled
def _of(evidence, squared_length, size):  # type: ignore[no-untyped-def]
    return evidence.factors[size] * squared_length - evidence.penalties[size]


class Scratch(NamedTuple):
    """Memory that serves one user after the other: asking for it anew costs more than the smaller ones need."""

    gathered: npt.NDArray[np.float32]
    cosines: npt.NDArray[np.float64]
    near: npt.NDArray[np.float64]
    dots: npt.NDArray[np.float64]


def allocate_scratch(items: int, dimensions: int) -> Scratch:
    """Room for users with as many items. Pages that no user reaches are never touched."""
    return Scratch(
        np.empty(items * dimensions, np.float32),
        np.empty(items * items),
        np.empty((items + 1) * items),
        np.empty(items * items),
    )


# The sums are whole numbers below 2**24, which float32 adds up exactly in any order: the compiler may choose one.
@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _multiply(vectors, products):  # type: ignore[no-untyped-def]
    """All dot products of rows, into the lower triangle; two by four, as what was loaded serves them all."""
    count, dimensions = vectors.shape
    for row in range(0, count - 1, 2):
        upper, lower = vectors[row], vectors[row + 1]
        full = (row + 2) // 4 * 4
        for other in range(0, full, 4):
            first, second, third, fourth = vectors[other], vectors[other + 1], vectors[other + 2], vectors[other + 3]
            a = b = c = d = e = f = g = h = np.float32(0.0)
            for place in range(dimensions):
                a += upper[place] * first[place]
                b += upper[place] * second[place]
                c += upper[place] * third[place]
                d += upper[place] * fourth[place]
                e += lower[place] * first[place]
                f += lower[place] * second[place]
                g += lower[place] * third[place]
                h += lower[place] * fourth[place]
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
    total = np.float32(0.0)
    for place in range(len(first)):
        total += first[place] * second[place]
    return total


@_compiled
def cosines_of(items, vectors, room):  # type: ignore[no-untyped-def]
    """Cosines of all pairs of some vectors, float64, shape (items, items)."""
    count, dimensions = len(items), vectors.shape[1]
    gathered = room.gathered[: count * dimensions].reshape(count, dimensions)
    for position in range(count):
        row = vectors[items[position]]
        for dimension in range(dimensions):
            gathered[position, dimension] = row[dimension]
    cosines = room.cosines[: count * count].reshape(count, count)
    _multiply(gathered, cosines)
    shares = np.empty(count)
    for position in range(count):
        shares[position] = 1.0 / math.sqrt(cosines[position, position])
        for other in range(position + 1):
            cosines[position, other] *= shares[position] * shares[other]
    _mirror(cosines)
    return cosines


@_compiled
def _mirror(square):  # type: ignore[no-untyped-def]
    """Copies the lower triangle to the upper one, in tiles, as a column is slow to write."""
    count = len(square)
    for top in range(0, count, _TILE):
        for left in range(0, top + 1, _TILE):
            for row in range(top, min(top + _TILE, count)):
                for column in range(left, min(left + _TILE, row)):
                    square[column, row] = square[row, column]


@_compiled
def _gain(first, second, dot, first_size, second_size, evidence):  # type: ignore[no-untyped-def]
    """What two sets bring together above what they bring apart: squared lengths of their sums, and the dot product."""
    apart = _of(evidence, first, first_size) + _of(evidence, second, second_size)
    return _of(evidence, first + second + 2.0 * dot, first_size + second_size) - apart


@_compiled
def _is_enough(gain, share, first, second, first_size, second_size, evidence):  # type: ignore[no-untyped-def]
    """Whether a gain is above a share of what the two would bring at a right angle."""
    unrelated = _gain(first, second, 0.0, first_size, second_size, evidence)
    return unrelated >= 0.0 or gain > share * unrelated


@_compiled
def _nearest(item, cosines, near, squares, sizes, journeys, evidence):  # type: ignore[no-untyped-def]
    """The journey that gains most by an item, and its gain. Ties: the older one. Empty journeys are none."""
    best, best_gain = _NONE, -np.inf
    for journey in range(journeys):
        if sizes[journey] == 0:
            continue
        gain = _gain(squares[journey], cosines[item, item], near[journey, item], sizes[journey], 1, evidence)
        if gain > best_gain:
            best, best_gain = journey, gain
    return best, best_gain


@_compiled
def _move(item, journey, sign, cosines, near, squares, sizes):  # type: ignore[no-untyped-def]
    """Adds an item to a journey (sign 1) or takes it away (-1)."""
    squares[journey] += sign * 2.0 * near[journey, item] + cosines[item, item]
    sizes[journey] += sign
    if sizes[journey] == 0:
        squares[journey] = 0.0
        near[journey, :] = 0.0
        return
    for other in range(cosines.shape[0]):
        near[journey, other] += sign * cosines[item, other]


@_compiled
def _walk(cosines, labels, near, squares, sizes, least, evidence):  # type: ignore[no-untyped-def]
    """The one pass over the distinct items of a user, by first consumption; returns the number of journeys."""
    opened = 0
    for item in range(len(labels)):
        journey, gain = _nearest(item, cosines, near, squares, sizes, opened, evidence)
        if journey == _NONE or gain <= least:
            journey = opened
            opened += 1
        labels[item] = journey
        _move(item, journey, 1, cosines, near, squares, sizes)
    return opened


@_compiled
def _merge(labels, near, squares, sizes, journeys, limits, evidence, room):  # type: ignore[no-untyped-def]
    """Merges the two journeys that gain most by it, again and again; into the older one. Ties: the older pair.

    Returns how many are left; they are moved to the front, in their order.
    """
    dots = _dots_of_journeys(labels, near, journeys, room)
    apart = np.empty(journeys)
    for journey in range(journeys):
        apart[journey] = _of(evidence, squares[journey], sizes[journey])
    into = np.arange(journeys)
    living, left = np.arange(journeys), journeys
    gains = np.empty(journeys)
    partners = np.empty(journeys, np.int64)  # of each journey the older one with which it gains most
    # A journey whose partner is gone gains no more than with that one, so it is looked at again only when it is first.
    alone = np.zeros(journeys, np.bool_)
    for journey in range(journeys):
        gains[journey], partners[journey] = _best_partner(
            journey, living, dots, apart, squares, sizes, limits, evidence
        )
    while True:
        younger, best = _NONE, limits.merge_threshold
        for place in range(left):
            if gains[living[place]] > best:
                younger, best = living[place], gains[living[place]]
        if younger == _NONE:
            break
        if alone[younger]:
            gains[younger], partners[younger] = _best_partner(
                younger, living, dots, apart, squares, sizes, limits, evidence
            )
            alone[younger] = False
            continue
        older = partners[younger]
        left = _unite(younger, older, living, left, dots, near, apart, squares, sizes, evidence)
        into[younger] = older
        gains[older] = -np.inf
        alone[older] = False
        for place in range(left):
            journey = living[place]
            if journey == older:
                continue
            gain = _gain_of_merging(older, journey, dots, apart, squares, sizes, limits, evidence)
            dots[journey, older] = dots[older, journey]
            if journey < older:
                if gain > gains[older]:
                    gains[older], partners[older] = gain, journey
            elif gain > gains[journey]:
                gains[journey], partners[journey], alone[journey] = gain, older, False
            elif partners[journey] in (older, younger) or gain == gains[journey]:
                alone[journey] = True
    _move_to_front(labels, near, squares, sizes, living[:left], into)
    return left


@_compiled
def _dots_of_journeys(labels, near, journeys, room):  # type: ignore[no-untyped-def]
    """Dot products of the sums of journeys, float64, shape (journeys, journeys)."""
    dots = room.dots[: journeys * journeys].reshape(journeys, journeys)
    if journeys == len(labels):  # each item is alone, in its order
        dots[:] = near[:journeys]
        return dots
    dots[:] = 0.0
    for journey in range(journeys):
        for item in range(len(labels)):
            dots[journey, labels[item]] += near[journey, item]
    return dots


@_compiled
def _move_to_front(labels, near, squares, sizes, living, into):  # type: ignore[no-untyped-def]
    """Numbers the living journeys anew, from 0 and without gaps, and empties the others."""
    numbers = np.empty(len(into), np.int64)
    for number, journey in enumerate(living):
        numbers[journey] = number
        near[number] = near[journey]
        squares[number], sizes[number] = squares[journey], sizes[journey]
    near[len(living) : len(into)] = 0.0
    squares[len(living) :] = 0.0
    sizes[len(living) :] = 0
    for journey in range(len(into)):
        if into[journey] != journey:
            numbers[journey] = numbers[into[journey]]  # an older one, whose number is known by now
    for item in range(len(labels)):
        labels[item] = numbers[labels[item]]


@_compiled
def _gain_of_merging(  # type: ignore[no-untyped-def]
    first, second, dots, apart, squares, sizes, limits, evidence
):
    """What `_gain` says of two journeys, where it is enough; none where it is not."""
    size = sizes[first] + sizes[second]
    unrelated = _of(evidence, squares[first] + squares[second], size) - apart[first] - apart[second]
    gain = unrelated + 2.0 * evidence.factors[size] * dots[first, second]
    return gain if unrelated >= 0.0 or gain > limits.merge_fraction * unrelated else -np.inf


@_compiled
def _best_partner(  # type: ignore[no-untyped-def]
    younger, living, dots, apart, squares, sizes, limits, evidence
):
    """The greatest gain of a journey with an older one, and that one. Ties: the oldest."""
    best, partner = -np.inf, _NONE
    for older in living:
        if older >= younger:
            break
        gain = _gain_of_merging(younger, older, dots, apart, squares, sizes, limits, evidence)
        if gain > best:
            best, partner = gain, older
    return best, partner


@_compiled
def _unite(  # type: ignore[no-untyped-def]
    younger, older, living, left, dots, near, apart, squares, sizes, evidence
):
    """Puts all of one journey into another; returns how many are left of `living`, which stay in their order."""
    squares[older] += squares[younger] + 2.0 * dots[older, younger]
    sizes[older] += sizes[younger]
    apart[older] = _of(evidence, squares[older], sizes[older])
    near[older] += near[younger]
    dots[older] += dots[younger]
    for place in range(np.searchsorted(living[:left], younger), left - 1):
        living[place] = living[place + 1]
    living[left - 1] = len(living)  # none: younger than all
    return left - 1


@_compiled
def _reassign(  # type: ignore[no-untyped-def]
    cosines, labels, near, squares, sizes, journeys, limits, evidence, rounds
):
    """Puts each item where it is best, were it not where it is, itself alone included, until none moves."""
    for _ in range(rounds):
        moved = False
        for item in range(len(labels)):
            before, own = labels[item], cosines[item, item]
            kept = (squares[before], sizes[before], near[before, item])
            _leave(item, before, own, near, squares, sizes)
            journey, gain = _nearest(item, cosines, near, squares, sizes, journeys, evidence)
            if journey == _NONE or not _is_enough(
                gain, limits.join_fraction, squares[journey], own, sizes[journey], 1, evidence
            ):
                journey = before if sizes[before] == 0 else _first_empty(sizes)
            squares[before], sizes[before], near[before, item] = kept
            if journey != before:
                _move(item, before, -1, cosines, near, squares, sizes)
                _move(item, journey, 1, cosines, near, squares, sizes)
                labels[item] = journey
                journeys = max(journeys, journey + 1)
                moved = True
        if not moved:
            break


@_compiled
def _leave(item, journey, own, near, squares, sizes):  # type: ignore[no-untyped-def]
    """What `_move` does, as far as this item sees it."""
    squares[journey] += own - 2.0 * near[journey, item]
    sizes[journey] -= 1
    near[journey, item] -= own


@_compiled
def _dissolve(labels, cosines, squares, sizes, threshold, evidence):  # type: ignore[no-untyped-def]
    """Takes the items out of those journeys that do not bring enough evidence above their items apart."""
    apart = np.zeros(len(sizes))
    for item in range(len(labels)):
        apart[labels[item]] += _of(evidence, cosines[item, item], 1)
    for item in range(len(labels)):
        journey = labels[item]
        if sizes[journey] > 1 and _of(evidence, squares[journey], sizes[journey]) - apart[journey] <= threshold:
            labels[item] = _NONE


@_compiled
def _first_empty(sizes):  # type: ignore[no-untyped-def]
    journey = 0
    while sizes[journey] > 0:
        journey += 1
    return journey


@_compiled
def _renumber(labels, slots):  # type: ignore[no-untyped-def]
    """Numbers journeys by their first item, as if they had been opened in this order."""
    numbers = np.full(slots, _NONE, np.int64)
    opened = 0
    for position in range(len(labels)):
        if labels[position] == _NONE:
            continue
        if numbers[labels[position]] == _NONE:
            numbers[labels[position]] = opened
            opened += 1
        labels[position] = numbers[labels[position]]


@_compiled
def _label_items(items, vectors, limits, evidence, rounds, refine, room):  # type: ignore[no-untyped-def]
    """The journeys of the distinct items of one user."""
    count = len(items)
    cosines = cosines_of(items, vectors, room)
    labels = np.full(count, _NONE, np.int64)
    # One more than there can be: an item that leaves every journey finds an empty one.
    near = room.near[: (count + 1) * count].reshape(count + 1, count)
    near[:] = 0.0
    squares = np.zeros(count + 1)
    sizes = np.zeros(count + 1, np.int64)
    opened = _walk(cosines, labels, near, squares, sizes, limits.assign_threshold, evidence)
    if refine:
        left = _merge(labels, near, squares, sizes, opened, limits, evidence, room)
        _reassign(cosines, labels, near, squares, sizes, left, limits, evidence, rounds)
        _dissolve(labels, cosines, squares, sizes, limits.min_gain, evidence)
    _renumber(labels, count + 1)
    return labels


@_compiled
def _is_there(vector):  # type: ignore[no-untyped-def]
    """Whether a vector is anything but zeros, which mean that there is none."""
    for value in vector:  # noqa: SIM110, as `any` makes an array of what it asks
        if value != 0:
            return True
    return False


@_compiled
def _label_users(  # type: ignore[no-untyped-def]
    offsets, items, vectors, limits, evidence, rounds, refine, room
):
    found = np.full(len(items), _NONE, np.int64)
    number = np.full(len(vectors), _NONE, np.int64)
    for user in range(len(offsets) - 1):
        own = items[offsets[user] : offsets[user + 1]]
        distinct = np.empty(len(own), np.int64)
        count = 0
        for item in own:
            if number[item] == _NONE and _is_there(vectors[item]):
                number[item] = count
                distinct[count] = item
                count += 1
        labels = _label_items(distinct[:count], vectors, limits, evidence, rounds, refine, room)
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
    """The journey of each interaction.

    An item that a user consumes several times speaks once, and all its interactions lie in its one journey.

    Args:
        offsets: int64, shape (users + 1,): the interactions of user u are `items[offsets[u]:offsets[u + 1]]`, by time.
        items: int32, shape (interactions,): rows of `vectors`.
        vectors: int8, shape (items, dimensions), as `quantize_vectors` gives them: directions. Items whose vector is
            zero are in no journey.
        config: how journeys are formed.

    Returns:
        int64, shape (interactions,): the journey among those of its user, numbered by first item; -1 for none.
    """
    limits = _Limits(
        config.assign_threshold, config.merge_threshold, config.merge_fraction, config.join_fraction, config.min_gain
    )
    longest = int(np.diff(offsets).max(initial=0))
    return _label_users(
        np.ascontiguousarray(offsets, np.int64),
        np.ascontiguousarray(items, np.int32),
        np.ascontiguousarray(vectors),
        limits,
        _tabulate(config.coherence, longest + 1),
        config.rounds,
        config.refine,
        allocate_scratch(longest, vectors.shape[1]),
    )
