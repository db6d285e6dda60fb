"""Coherence of journeys: how near their items are to each other. Items and journeys below a limit are left out.

The coherence of an item in a journey is the cosine of the item with the sum of the journey's *other* items and of
`UNRELATED` further items, which are orthogonal to all: for the sum s of n - 1 other unit vectors and the item x,

    coherence(x) = s.x / sqrt(|s|^2 + UNRELATED)

The unrelated items are a prior that makes small journeys prove more. In a long history some three items are near each
other by chance, so a journey of three needs a mean cosine of 0.36 between its items for a coherence of 0.2; for ten
items 0.11 is enough. The coherence of a journey is the mean over its items. It is not defined for a single item.

Vectors are scaled to length 1 in units of 2**-16, as whole numbers. All sums are whole numbers, so no result depends on
the order of the items.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from transforms.journeys.catalogue import Catalogue
from transforms.journeys.icpc import Journeys

UNRELATED = 10
"""Number of unrelated items of the prior. Chosen on mixtures with noise: see docs/evaluation.md."""

ITEM_FRACTION = 0.5
"""Minimum coherence of an item as a fraction of that of a journey."""

_compiled = numba.njit(cache=True, nogil=True)
# The sums of vectors and of directions are whole numbers that float32 and float64 add exactly in any order, up to 2**20
# items of a journey: the compiler may reorder them.
_exact = numba.njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
_NONE = -1
_UNIT = 1 << 16


@_compiled
def _round(value):  # type: ignore[no-untyped-def]
    return math.floor(value + 0.5)


@_exact
def _sq_norm(vector):  # type: ignore[no-untyped-def]
    total = np.float32(0.0)
    for component in vector:
        total += np.float32(component) * np.float32(component)
    return np.float64(total)


@_compiled
def _write_direction(vector, direction):  # type: ignore[no-untyped-def]
    """Write a vector of whole numbers, scaled to length `_UNIT` and rounded; zeros stay zero."""
    squared = _sq_norm(vector)
    scale = _UNIT / math.sqrt(squared) if squared > 0.0 else 0.0
    for dimension in range(len(vector)):
        direction[dimension] = math.floor(vector[dimension] * scale + 0.5)


@_exact
def _dot(first, second):  # type: ignore[no-untyped-def]
    total = 0.0
    for dimension in range(len(first)):
        total += first[dimension] * second[dimension]
    return np.int64(total)


@_compiled
def _item_coherence(dot, own, sq_norm):  # type: ignore[no-untyped-def]
    """Compute the coherence of an item.

    Args:
        dot: its dot product with the sum of the journey's items, itself among them.
        own: its squared norm.
        sq_norm: the squared norm of the sum.
    """
    if own == 0:
        return 0.0
    others = sq_norm - 2 * dot + own
    return (dot - own) / math.sqrt(float(own)) / math.sqrt(float(others) + UNRELATED * float(_UNIT) * _UNIT)


@_compiled
def _keep_coherent(directions, kept, min_coherence):  # type: ignore[no-untyped-def]
    """Select the coherent items of one journey, and compute their mean coherence.

    All items below `ITEM_FRACTION` of `min_coherence` are left out at once; the others are compared again without
    them, until none is left out. -1 as `min_coherence` leaves out none.

    Args:
        directions: float64, shape (items, dimensions), from `_write_direction`.
        kept: bool, shape (items,): written.
        min_coherence: the limit.
    """
    kept[:] = True
    summed = np.zeros(directions.shape[1])
    own, dots = np.empty(len(directions), np.int64), np.empty(len(directions), np.int64)
    for item in range(len(directions)):
        summed += directions[item]
        own[item] = _dot(directions[item], directions[item])
    while True:
        sq_norm = np.int64(0)
        for item in range(len(directions)):
            if kept[item]:
                dots[item] = _dot(summed, directions[item])
                sq_norm += dots[item]  # the sum of all dot products with the sum
        left_out = np.zeros(len(directions), np.bool_)
        total, count, removed = 0.0, 0, 0
        for item in range(len(directions)):
            if not kept[item]:
                continue
            found = _item_coherence(dots[item], own[item], sq_norm)
            if found < min_coherence * ITEM_FRACTION:
                left_out[item] = True
                removed += 1
            else:
                total += found
                count += 1
        if removed == 0:
            return total / max(count, 1)
        for item in range(len(directions)):
            if left_out[item]:
                kept[item] = False
                summed -= directions[item]


@_compiled
def _leave_out(offsets, items, labels, vectors, min_coherence):  # type: ignore[no-untyped-def]
    """Return the labels that are left, renumbered by first item; arguments are those of `leave_out_incoherent`."""
    found = np.full(len(labels), _NONE, np.int64)
    number = np.full(len(vectors), _NONE, np.int64)  # of each item among the distinct items of the current user
    for user in range(len(offsets) - 1):
        first, end = offsets[user], offsets[user + 1]

        # Number the distinct items that are in a journey, and sort them by journey.
        distinct = np.empty(end - first, np.int64)
        journey_of = np.empty(end - first, np.int64)
        count = 0
        for position in range(first, end):
            item = items[position]
            if labels[position] != _NONE and number[item] == _NONE:
                number[item] = count
                distinct[count], journey_of[count] = item, labels[position]
                count += 1
        order = np.argsort(journey_of[:count], kind="mergesort")

        # Unlabel the items of each journey that are left out.
        start = 0
        while start < count:
            stop = start
            while stop < count and journey_of[order[stop]] == journey_of[order[start]]:
                stop += 1
            size = stop - start
            directions = np.empty((size, vectors.shape[1]))
            kept = np.empty(size, np.bool_)
            for row in range(size):
                _write_direction(vectors[distinct[order[start + row]]], directions[row])
            if size > 1:
                coherent = _keep_coherent(directions, kept, min_coherence) >= min_coherence
                for row in range(size):
                    if not (coherent and kept[row]):
                        journey_of[order[start + row]] = _NONE
            start = stop

        # Renumber the journeys that are left, copy the labels to the interactions, and reset the numbers.
        renumbered = np.full(end - first, _NONE, np.int64)
        opened = 0
        for position in range(first, end):
            if labels[position] == _NONE or journey_of[number[items[position]]] == _NONE:
                continue
            journey = journey_of[number[items[position]]]
            if renumbered[journey] == _NONE:
                renumbered[journey] = opened
                opened += 1
            found[position] = renumbered[journey]
        for position in range(count):
            number[distinct[position]] = _NONE
    return found


def leave_out_incoherent(
    offsets: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.int8],
    min_coherence: float,
) -> npt.NDArray[np.int64]:
    """Leave out items that do not fit their journey, then journeys that are not coherent.

    An item whose coherence is below half of `min_coherence` is left out; the others are compared again without it.
    Then a journey whose coherence is below `min_coherence` is left out. Single items are journeys without coherence and
    are kept.

    Args:
        offsets: int64, shape (users + 1,): the interactions of user u are `items[offsets[u]:offsets[u + 1]]`, by time.
        items: int32, shape (interactions,): rows of `vectors`.
        labels: int64, shape (interactions,): the journey of each interaction, numbered within its user
            without gaps, all interactions of an item in the same one; -1 for none.
        vectors: int8, shape (items, dimensions), from `quantize_vectors`; only their directions count.
        min_coherence: minimum coherence of a journey, in [0, 1); 0: nothing is left out.

    Returns:
        int64, shape (interactions,): the journey, numbered within its user by first item; -1 for none.
    """
    if not min_coherence:
        return labels
    return np.asarray(
        _leave_out(
            np.ascontiguousarray(offsets, np.int64),
            np.ascontiguousarray(items, np.int32),
            np.ascontiguousarray(labels, np.int64),
            np.ascontiguousarray(vectors),
            min_coherence,
        )
    )


def journey_coherence(
    journeys: Journeys, items: npt.NDArray[np.int32], catalogue: Catalogue
) -> npt.NDArray[np.float64]:
    """Compute the coherence of each journey, between vectors if the catalogue has them, otherwise between terms.

    Args:
        journeys: the journeys.
        items: int32, shape (interactions,): index of each interaction's item in the catalogue.
        catalogue: the catalogue.

    Returns:
        float64, shape (journeys,), in [0, 1]; a negative mean counts as 0; NaN for a journey of a single item.
    """
    members = np.ascontiguousarray(items[journeys.members], np.int64)
    if catalogue.vectors is not None:
        found = _by_vectors(journeys.member_offsets, members, np.ascontiguousarray(catalogue.vectors))
    else:
        terms = catalogue.term_vectors
        found = _by_terms(
            journeys.member_offsets,
            members,
            terms.offsets,
            terms.terms,
            terms.saliences,
            max(terms.vocabulary_size, 1),
        )
    return np.where(journeys.sizes > 1, np.clip(found, 0.0, 1.0), np.nan)


@_compiled
def _by_vectors(offsets, members, vectors):  # type: ignore[no-untyped-def]
    """Compute the coherence of all journeys by vectors; O(items dimensions) for each."""
    found = np.empty(len(offsets) - 1)
    for journey in range(len(found)):
        distinct = np.unique(members[offsets[journey] : offsets[journey + 1]])
        directions = np.empty((len(distinct), vectors.shape[1]))
        for row in range(len(distinct)):
            _write_direction(vectors[distinct[row]], directions[row])
        found[journey] = _keep_coherent(directions, np.empty(len(distinct), np.bool_), -2.0)
    return found


@_compiled
def _by_terms(offsets, members, term_offsets, terms, saliences, vocabulary_size):  # type: ignore[no-untyped-def]
    """Compute the coherence of all journeys by terms; each costs the terms of its items."""
    found = np.empty(len(offsets) - 1)
    summed = np.zeros(vocabulary_size, np.int64)
    for journey in range(len(found)):
        distinct = np.unique(members[offsets[journey] : offsets[journey + 1]])
        scales = np.zeros(len(distinct))
        for row in range(len(distinct)):
            squared = 0.0
            for entry in range(term_offsets[distinct[row]], term_offsets[distinct[row] + 1]):
                squared += np.float64(saliences[entry]) * saliences[entry]
            scales[row] = _UNIT / math.sqrt(squared) if squared > 0.0 else 0.0
            for entry in range(term_offsets[distinct[row]], term_offsets[distinct[row] + 1]):
                summed[terms[entry]] += _round(saliences[entry] * scales[row])
        sq_norm = np.int64(0)
        dots, own = np.zeros(len(distinct), np.int64), np.zeros(len(distinct), np.int64)
        for row in range(len(distinct)):
            for entry in range(term_offsets[distinct[row]], term_offsets[distinct[row] + 1]):
                weight = _round(saliences[entry] * scales[row])
                dots[row] += weight * summed[terms[entry]]
                own[row] += weight * weight
            sq_norm += dots[row]  # the sum of all dot products with the sum
        total = 0.0
        for row in range(len(distinct)):
            total += _item_coherence(dots[row], own[row], sq_norm)
            for entry in range(term_offsets[distinct[row]], term_offsets[distinct[row] + 1]):
                summed[terms[entry]] = 0
        found[journey] = total / len(distinct)
    return found
