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

from transforms.journeys.config import EvidenceConfig

_compiled = numba.njit(cache=True, nogil=True)
_NONE = -1


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
    """What is enough, as `EvidenceConfig` says."""

    pass_threshold: float
    merge_threshold: float
    merge_share: float
    join_share: float
    keep_threshold: float


@_compiled
def _of(evidence, squared_length, size):  # type: ignore[no-untyped-def]
    return evidence.factors[size] * squared_length - evidence.penalties[size]


# The sums are whole numbers below 2**24, which float32 adds up exactly in any order: the compiler may choose one.
@numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def _multiply(vectors, products):  # type: ignore[no-untyped-def]
    """All dot products of rows, into the lower triangle; four at a time, as a row that was loaded serves all four."""
    count, dimensions = vectors.shape
    for row in range(count):
        first = vectors[row]
        full = (row + 1) // 4 * 4
        for other in range(0, full, 4):
            second, third, fourth, fifth = vectors[other], vectors[other + 1], vectors[other + 2], vectors[other + 3]
            a = b = c = d = np.float32(0.0)
            for place in range(dimensions):
                value = first[place]
                a += value * second[place]
                b += value * third[place]
                c += value * fourth[place]
                d += value * fifth[place]
            products[row, other] = a
            products[row, other + 1] = b
            products[row, other + 2] = c
            products[row, other + 3] = d
        for other in range(full, row + 1):
            second = vectors[other]
            a = np.float32(0.0)
            for place in range(dimensions):
                a += first[place] * second[place]
            products[row, other] = a


@_compiled
def cosines_of(items, vectors):  # type: ignore[no-untyped-def]
    """Cosines of all pairs of some vectors, float64, shape (items, items)."""
    count, dimensions = len(items), vectors.shape[1]
    gathered = np.empty((count, dimensions), np.float32)
    for position in range(count):
        for dimension in range(dimensions):
            gathered[position, dimension] = vectors[items[position], dimension]
    cosines = np.empty((count, count))
    _multiply(gathered, cosines)
    lengths = np.empty(count)
    for position in range(count):
        lengths[position] = math.sqrt(cosines[position, position])
        for other in range(position + 1):
            cosines[position, other] /= lengths[position] * lengths[other]
            cosines[other, position] = cosines[position, other]
    return cosines


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
def _merge(labels, near, squares, sizes, journeys, limits, evidence):  # type: ignore[no-untyped-def]
    """Merges the two journeys that gain most by it, again and again; into the older one. Ties: the older pair."""
    dots = np.zeros((journeys, journeys))
    for item in range(len(labels)):
        for journey in range(journeys):
            dots[journey, labels[item]] += near[journey, item]
    gains = np.full((journeys, journeys), -np.inf)
    partners = np.zeros(journeys, np.int64)  # of each journey the older one with which it gains most
    for younger in range(journeys):
        for older in range(younger):
            gains[younger, older] = _gain_of_merging(younger, older, dots, squares, sizes, limits, evidence)
        partners[younger] = _best_partner(gains, younger)
    into = np.arange(journeys)
    while True:
        younger, best = _NONE, limits.merge_threshold
        for journey in range(journeys):
            if gains[journey, partners[journey]] > best:
                younger, best = journey, gains[journey, partners[journey]]
        if younger == _NONE:
            break
        older = partners[younger]
        _unite(younger, older, dots, near, squares, sizes)
        gains[younger, :] = -np.inf
        gains[:, younger] = -np.inf
        for journey in range(journeys):
            if into[journey] == younger:
                into[journey] = older
            if journey != older and sizes[journey] > 0:
                gain = _gain_of_merging(older, journey, dots, squares, sizes, limits, evidence)
                gains[max(older, journey), min(older, journey)] = gain
        for journey in range(older, journeys):
            partner = partners[journey]
            touched = journey == older or partner in (older, younger)
            if touched or gains[journey, older] >= gains[journey, partner]:
                partners[journey] = _best_partner(gains, journey)
    for item in range(len(labels)):
        labels[item] = into[labels[item]]


@_compiled
def _gain_of_merging(first, second, dots, squares, sizes, limits, evidence):  # type: ignore[no-untyped-def]
    """The gain of two journeys, none where it is not enough."""
    both = (squares[first], squares[second])
    gain = _gain(both[0], both[1], dots[first, second], sizes[first], sizes[second], evidence)
    enough = _is_enough(gain, limits.merge_share, both[0], both[1], sizes[first], sizes[second], evidence)
    return gain if enough else -np.inf


@_compiled
def _best_partner(gains, younger):  # type: ignore[no-untyped-def]
    best = 0
    for older in range(younger):
        if gains[younger, older] > gains[younger, best]:
            best = older
    return best


@_compiled
def _unite(younger, older, dots, near, squares, sizes):  # type: ignore[no-untyped-def]
    """Puts all of one journey into another."""
    squares[older] += squares[younger] + 2.0 * dots[older, younger]
    squares[younger] = 0.0
    sizes[older] += sizes[younger]
    sizes[younger] = 0
    near[older] += near[younger]
    near[younger] = 0.0
    dots[older] += dots[younger]
    dots[:, older] += dots[:, younger]


@_compiled
def _reassign(cosines, labels, near, squares, sizes, limits, evidence, rounds):  # type: ignore[no-untyped-def]
    """Takes each item out of its journey and puts it where it is best, itself alone included, until none moves."""
    for _ in range(rounds):
        moved = 0
        for item in range(len(labels)):
            before = labels[item]
            _move(item, before, -1, cosines, near, squares, sizes)
            journey, gain = _nearest(item, cosines, near, squares, sizes, len(sizes), evidence)
            if journey == _NONE or not _is_enough(
                gain, limits.join_share, squares[journey], cosines[item, item], sizes[journey], 1, evidence
            ):
                journey = before if sizes[before] == 0 else _first_empty(sizes)
            _move(item, journey, 1, cosines, near, squares, sizes)
            labels[item] = journey
            moved += journey != before
        if moved == 0:
            break


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
def _label_items(items, vectors, limits, evidence, rounds, second_look):  # type: ignore[no-untyped-def]
    """The journeys of the distinct items of one user."""
    count = len(items)
    cosines = cosines_of(items, vectors)
    labels = np.full(count, _NONE, np.int64)
    # One more than there can be: an item that leaves every journey finds an empty one.
    near = np.zeros((count + 1, count))
    squares = np.zeros(count + 1)
    sizes = np.zeros(count + 1, np.int64)
    opened = _walk(cosines, labels, near, squares, sizes, limits.pass_threshold, evidence)
    if second_look:
        _merge(labels, near, squares, sizes, opened, limits, evidence)
        _reassign(cosines, labels, near, squares, sizes, limits, evidence, rounds)
        _dissolve(labels, cosines, squares, sizes, limits.keep_threshold, evidence)
    _renumber(labels, count + 1)
    return labels


@_compiled
def _label_users(offsets, items, vectors, limits, evidence, rounds, second_look):  # type: ignore[no-untyped-def]
    found = np.full(len(items), _NONE, np.int64)
    number = np.full(len(vectors), _NONE, np.int64)
    for user in range(len(offsets) - 1):
        own = items[offsets[user] : offsets[user + 1]]
        distinct = np.empty(len(own), np.int64)
        count = 0
        for item in own:
            if number[item] == _NONE and np.any(vectors[item] != 0):
                number[item] = count
                distinct[count] = item
                count += 1
        labels = _label_items(distinct[:count], vectors, limits, evidence, rounds, second_look)
        for position in range(len(own)):
            if number[own[position]] != _NONE:
                found[offsets[user] + position] = labels[number[own[position]]]
        for position in range(count):
            number[distinct[position]] = _NONE
    return found


def label_histories(
    offsets: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    vectors: npt.NDArray[np.int8],
    config: EvidenceConfig,
) -> npt.NDArray[np.int64]:
    """The journey of each interaction.

    An item that a user consumes several times speaks once, and all its interactions lie in its one journey.

    Args:
        offsets: int64, shape (users + 1,): the interactions of user u are `items[offsets[u]:offsets[u + 1]]`, by time.
        items: int32, shape (interactions,): rows of `vectors`.
        vectors: int8, shape (items, dimensions), as `compact_vectors` gives them: directions. Items whose vector is
            zero are in no journey.
        config: how journeys are formed.

    Returns:
        int64, shape (interactions,): the journey among those of its user, numbered by first item; -1 for none.
    """
    limits = _Limits(
        config.pass_threshold, config.merge_threshold, config.merge_share, config.join_share, config.keep_threshold
    )
    return _label_users(
        np.ascontiguousarray(offsets, np.int64),
        np.ascontiguousarray(items, np.int32),
        np.ascontiguousarray(vectors),
        limits,
        _tabulate(config.coherence, int(np.diff(offsets).max(initial=0)) + 1),
        config.rounds,
        config.second_look,
    )
