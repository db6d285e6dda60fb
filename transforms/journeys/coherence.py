"""Coherence of journeys: how near their items are to each other.

The coherence of an item in a journey is the cosine of the item with the sum of the journey's *other* items and of
`UNRELATED` further items, which are orthogonal to all: for the sum s of n - 1 other unit vectors and the item x,

    coherence(x) = s.x / sqrt(|s|^2 + UNRELATED)

The unrelated items are a prior that makes small journeys prove more. In a long history some three items are near each
other by chance, so a journey of three needs a mean cosine of 0.36 between its items for a coherence of 0.2; for ten
items 0.11 is enough. The coherence of a journey is the mean over its items. It is not defined for a single item.

`bayesian` leaves out items and journeys below a limit. Here the coherence of given journeys is computed: vectors are
scaled to length 1 in units of 2**-16, as whole numbers. All sums are whole numbers, so no result depends on the order
of the items.
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
def item_coherence(dot, own, sq_norm, unit):  # type: ignore[no-untyped-def]
    """Compute the coherence of an item.

    Args:
        dot: its dot product with the sum of the journey's items, itself among them.
        own: its squared norm.
        sq_norm: the squared norm of the sum.
        unit: the length of an unrelated item.
    """
    if own == 0:
        return 0.0
    others = sq_norm - 2 * dot + own
    return (dot - own) / math.sqrt(float(own)) / math.sqrt(float(others) + UNRELATED * float(unit) * unit)


@_compiled
def _mean_coherence(directions):  # type: ignore[no-untyped-def]
    """Compute the mean coherence of items; `directions` are from `_write_direction`, float64, (items, dimensions)."""
    summed = np.zeros(directions.shape[1])
    for item in range(len(directions)):
        summed += directions[item]
    dots = np.empty(len(directions), np.int64)
    sq_norm = np.int64(0)
    for item in range(len(directions)):
        dots[item] = _dot(summed, directions[item])
        sq_norm += dots[item]  # the sum of all dot products with the sum
    total = 0.0
    for item in range(len(directions)):
        total += item_coherence(dots[item], _dot(directions[item], directions[item]), sq_norm, _UNIT)
    return total / len(directions)


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
        found[journey] = _mean_coherence(directions)
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
            total += item_coherence(dots[row], own[row], sq_norm, _UNIT)
            for entry in range(term_offsets[distinct[row]], term_offsets[distinct[row] + 1]):
                summed[terms[entry]] = 0
        found[journey] = total / len(distinct)
    return found
