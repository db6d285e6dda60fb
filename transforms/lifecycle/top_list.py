"""A diverse order of the journeys of a user: a journey counts less, the more similar ones stand above it.

The rule is that of Pinterest's journeys (Identify User Journeys at Pinterest, 2025): the score of a journey is
multiplied by 0.95 for each similar journey above it. The list is filled from the top, each time by the journey with the
highest score so multiplied. Two journeys are similar if the cosine of their term vectors reaches a threshold.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from transforms.lifecycle.rhythm import Floats, Integers
from transforms.lifecycle.term_sums import TermSums

_compiled = numba.njit(cache=True, nogil=True)


class TopLists(NamedTuple):
    """The order of the journeys of each user.

    Attributes:
        ranks: int64, shape (journeys,): 1 for the first journey of its user.
        scores: float64, shape (journeys,): the relevance, multiplied by the penalty; it never rises with the rank.
    """

    ranks: Integers
    scores: Floats


def order_journeys(
    offsets: Integers, relevance: Floats, terms: TermSums, penalty: float, min_similarity: float
) -> TopLists:
    """Order the journeys of each user.

    Args:
        offsets: int64, shape (users + 1,): the journeys of user u are those from `offsets[u]` to `offsets[u + 1]`.
        relevance: float64, shape (journeys,), not negative; ties: the earlier journey.
        terms: the term vector of each journey.
        penalty: the factor for each similar journey above, in (0, 1]; 1: the order is that of the relevance.
        min_similarity: minimum cosine of two similar journeys.
    """
    ranks, scores = np.empty(len(relevance), np.int64), np.empty(len(relevance))
    _order(
        np.ascontiguousarray(offsets, np.int64),
        np.ascontiguousarray(relevance, np.float64),
        (terms.offsets, terms.terms, terms.weights, terms.norms),
        np.zeros(terms.vocabulary_size),
        penalty,
        min_similarity,
        (ranks, scores),
    )
    return TopLists(ranks, scores)


@_compiled
def _order(offsets, relevance, vectors, dense, penalty, min_similarity, found):  # type: ignore[no-untyped-def]
    """Fill the lists of all users; each place costs the terms of the journeys that are left."""
    ranks, scores = found
    for user in range(len(offsets) - 1):
        first, last = offsets[user], offsets[user + 1]
        current = relevance[first:last].copy()
        is_left = np.ones(last - first, np.bool_)
        for rank in range(1, last - first + 1):
            best = -1
            for journey in range(last - first):
                if is_left[journey] and (best < 0 or current[journey] > current[best]):
                    best = journey
            ranks[first + best], scores[first + best] = rank, current[best]
            is_left[best] = False
            _lower_similar(first, best, is_left, current, vectors, dense, penalty, min_similarity)


@_compiled
def _lower_similar(  # type: ignore[no-untyped-def]
    first, chosen, is_left, current, vectors, dense, penalty, min_similarity
):
    """Multiply the scores of the journeys that are left and similar to the chosen one by the penalty."""
    offsets, terms, weights, norms = vectors
    start, end = offsets[first + chosen], offsets[first + chosen + 1]
    for entry in range(start, end):
        dense[terms[entry]] = weights[entry]
    for journey in range(len(is_left)):
        lengths = norms[first + chosen] * norms[first + journey]
        if is_left[journey] and lengths > 0.0:
            dot = 0.0
            for entry in range(offsets[first + journey], offsets[first + journey + 1]):
                dot += weights[entry] * dense[terms[entry]]
            if dot >= min_similarity * lengths:
                current[journey] *= penalty
    for entry in range(start, end):
        dense[terms[entry]] = 0.0
