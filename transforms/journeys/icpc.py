"""Infinite-concept personalised clustering (ICPC): one pass over a user's history, in time order.

"Large Language Models for User Interest Journeys" (2305.15498), section on journey extraction: each item is a sparse
vector of salient terms; it joins the journeys of its user whose centroid is near enough in cosine, or opens a new one;
small journeys are dropped at the end. The paper's text allows an item in several journeys, its 2026 re-use
(2606.12198) puts it into the nearest one alone: both are here, as `assign`.

The kernel is compiled. An inverted index over the terms of one user's journeys makes the cost of an interaction
proportional to the journeys that share a term with it, not to all journeys.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.journeys.config import IcpcConfig


class TermVectors(NamedTuple):
    """The salient terms of all items as compressed sparse rows.

    Attributes:
        offsets: int64, shape (items + 1,).
        terms: int32, shape (entries,), codes in [0, vocabulary_size); each at most once in a row.
        saliences: float32, shape (entries,), positive.
        vocabulary_size: number of codes.
    """

    offsets: npt.NDArray[np.int64]
    terms: npt.NDArray[np.int32]
    saliences: npt.NDArray[np.float32]
    vocabulary_size: int


class Journeys(NamedTuple):
    """Journeys of all users, by user, then in the order in which they were opened.

    Attributes:
        users: int64, shape (journeys,): index of the journey's user.
        sizes: int64, shape (journeys,): number of distinct items.
        member_offsets: int64, shape (journeys + 1,).
        members: int64, shape (memberships,): positions of a journey's interactions, ascending.
        term_offsets: int64, shape (journeys + 1,).
        terms: int32: codes of a journey's heaviest terms, by weight, then by code.
        weights: float64: weight of each such term in the centroid.
    """

    users: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    member_offsets: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]
    term_offsets: npt.NDArray[np.int64]
    terms: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]


_compiled = numba.njit(cache=True, nogil=True)
_READ_ONLY = functools.partial(numba.types.Array, ndim=1, layout="C", readonly=True)
_NONE = -1


class _Postings(NamedTuple):
    """The inverted index of one user: for each term a linked list of the journeys that have it, with its weight.

    `last` holds, for each term of the vocabulary, the newest entry of its list.
    """

    last: npt.NDArray[np.int32]
    term: npt.NDArray[np.int32]
    journey: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float64]
    previous: npt.NDArray[np.int32]


@_compiled
def _with_room(array, needed):  # type: ignore[no-untyped-def]
    """The array, or a longer copy of it if `needed` entries do not fit."""
    if needed <= len(array):
        return array
    longer = np.empty(max(needed, 2 * len(array)), array.dtype)
    longer[: len(array)] = array
    return longer


@_compiled
def _score(start, end, terms, saliences, postings, dots, touched):  # type: ignore[no-untyped-def]
    """Dot products of an item with all journeys that share a term with it.

    Writes them to `dots`, which holds _NONE for all others, and the journeys to `touched`; returns how many.
    """
    count = 0
    for position in range(start, end):
        entry = postings.last[terms[position]]
        while entry != _NONE:
            journey = postings.journey[entry]
            if dots[journey] == _NONE:
                dots[journey] = 0.0
                touched[count] = journey
                count += 1
            dots[journey] += saliences[position] * postings.weight[entry]
            entry = postings.previous[entry]
    return count


@_compiled
def _choose(touched, reached, dots, journey_norms, item_norm, threshold, assign_all):  # type: ignore[no-untyped-def]
    """Moves the journeys that the item joins to the front of `touched`; returns how many. Ties: the older one."""
    chosen = 0
    best = 0.0
    for position in range(reached):
        journey = touched[position]
        cosine = dots[journey] / math.sqrt(journey_norms[journey] * item_norm)
        if cosine < threshold:
            continue
        if assign_all:
            touched[chosen], touched[position] = journey, touched[chosen]
            chosen += 1
        elif chosen == 0 or cosine > best or (cosine == best and journey < touched[0]):
            touched[0], touched[position] = journey, touched[0]
            best = cosine
            chosen = 1
    return chosen


@_compiled
def _add(journey, start, end, terms, saliences, postings, entries):  # type: ignore[no-untyped-def]
    """Adds an item to the term weights of a journey; returns the number of entries in use."""
    for position in range(start, end):
        term = terms[position]
        entry = postings.last[term]
        while entry != _NONE and postings.journey[entry] != journey:
            entry = postings.previous[entry]
        if entry == _NONE:
            postings.term[entries] = term
            postings.journey[entries] = journey
            postings.weight[entries] = saliences[position]
            postings.previous[entries] = postings.last[term]
            postings.last[term] = entries
            entries += 1
        else:
            postings.weight[entry] += saliences[position]
    return entries


@_compiled
def insert_term(terms, weights, first, length, keep, term, weight):  # type: ignore[no-untyped-def]
    """Puts a term into the list that begins at `first`, ordered by weight descending, then code.

    The list keeps its `keep` best; returns its length.
    """
    position = first + length
    if length == keep and weights[position - 1] > weight:
        return length
    while position > first and (
        weights[position - 1] < weight or (weights[position - 1] == weight and terms[position - 1] > term)
    ):
        if position < first + keep:
            terms[position] = terms[position - 1]
            weights[position] = weights[position - 1]
        position -= 1
    if position < first + keep:
        terms[position] = term
        weights[position] = weight
        return min(length + 1, keep)
    return length


@_compiled
def _gather(items, offsets, terms, saliences, starts, near_terms, near_saliences, norms):  # type: ignore[no-untyped-def]
    """Copies the vectors of one user's items side by side, and computes their squared norms.

    The walk jumps about in a vector table that is far larger than the cache; here the loads do not wait for each other.
    """
    entries = 0
    for interaction in range(len(items)):
        starts[interaction] = entries
        norm = 0.0
        for position in range(offsets[items[interaction]], offsets[items[interaction] + 1]):
            near_terms[entries] = terms[position]
            near_saliences[entries] = saliences[position]
            norm += near_saliences[entries] * near_saliences[entries]
            entries += 1
        norms[interaction] = norm
    starts[len(items)] = entries


@_compiled
def group_by_journey(pair_journeys, pairs, opened, starts, grouped):  # type: ignore[no-untyped-def]
    """Stable counting sort of a user's (journey, interaction) pairs: writes `starts` and the order `grouped`."""
    starts[: opened + 1] = 0
    for pair in range(pairs):
        starts[pair_journeys[pair] + 1] += 1
    for journey in range(opened):
        starts[journey + 1] += starts[journey]
    for pair in range(pairs - 1, -1, -1):
        journey = pair_journeys[pair]
        starts[journey + 1] -= 1
        grouped[starts[journey + 1]] = pair
    for journey in range(opened):
        starts[journey] = starts[journey + 1]
    starts[opened] = pairs


# The types are spelt out, so that arrays of NumPy and of Arrow, which may not be written to, share one compilation.
@numba.njit(
    [
        (
            _READ_ONLY(numba.types.int64),
            _READ_ONLY(numba.types.int32),
            _READ_ONLY(numba.types.int64),
            _READ_ONLY(numba.types.int32),
            _READ_ONLY(numba.types.float32),
            numba.types.int64,
            numba.types.float64,
            numba.types.boolean,
            numba.types.int64,
            numba.types.int64,
        )
    ],
    cache=True,
    nogil=True,
)
def _extract(  # type: ignore[no-untyped-def]
    user_offsets, items, offsets, vector_terms, saliences, vocabulary_size, threshold, assign_all, min_size, keep
):
    longest = 1
    largest = 1
    for user in range(len(user_offsets) - 1):
        longest = max(longest, user_offsets[user + 1] - user_offsets[user])
        entries = 0
        for interaction in range(user_offsets[user], user_offsets[user + 1]):
            entries += offsets[items[interaction] + 1] - offsets[items[interaction]]
        largest = max(largest, entries)

    # Work space of one user, used again for the next.
    vector_starts = np.empty(longest + 1, np.int64)
    near_terms = np.empty(largest, np.int32)
    near_saliences = np.empty(largest, np.float64)
    item_norms = np.empty(longest, np.float64)
    last = np.full(vocabulary_size, _NONE, np.int32)
    entry_term = np.empty(1024, np.int32)
    entry_journey = np.empty(1024, np.int32)
    entry_weight = np.empty(1024, np.float64)
    entry_previous = np.empty(1024, np.int32)
    dots = np.full(longest, float(_NONE))
    touched = np.empty(longest, np.int32)
    journey_norms = np.empty(longest)
    slots = np.empty(longest, np.int64)
    starts = np.empty(longest + 2, np.int64)
    pair_journeys = np.empty(longest, np.int32)
    pair_interactions = np.empty(longest, np.int64)
    grouped = np.empty(longest, np.int64)
    seen_by = np.full(len(offsets) - 1, _NONE, np.int64)

    users = np.empty(1024, np.int64)
    sizes = np.empty(1024, np.int64)
    member_ends = np.empty(1024, np.int64)
    term_counts = np.empty(1024, np.int64)
    members = np.empty(4096, np.int64)
    terms = np.empty(1024 * keep, np.int32)
    weights = np.empty(1024 * keep, np.float64)
    found = 0
    member_count = 0
    stamp = 0

    for user in range(len(user_offsets) - 1):
        opened = 0
        entries = 0
        pairs = 0
        first = user_offsets[user]
        own_items = items[first : user_offsets[user + 1]]
        _gather(own_items, offsets, vector_terms, saliences, vector_starts, near_terms, near_saliences, item_norms)
        for interaction in range(len(own_items)):
            item_norm = item_norms[interaction]
            if item_norm == 0.0:
                continue
            start = vector_starts[interaction]
            end = vector_starts[interaction + 1]
            postings = _Postings(last, entry_term, entry_journey, entry_weight, entry_previous)
            reached = _score(start, end, near_terms, near_saliences, postings, dots, touched)
            joined = _choose(touched, reached, dots, journey_norms, item_norm, threshold, assign_all)

            for position in range(joined):
                journey = touched[position]
                journey_norms[journey] += 2.0 * dots[journey] + item_norm
            for position in range(reached):
                dots[touched[position]] = _NONE
            if joined == 0:
                touched[0] = opened
                journey_norms[opened] = item_norm
                opened += 1
                joined = 1

            if entries + joined * (end - start) > len(entry_term):
                entry_term = _with_room(entry_term, entries + joined * (end - start))
                entry_journey = _with_room(entry_journey, len(entry_term))
                entry_weight = _with_room(entry_weight, len(entry_term))
                entry_previous = _with_room(entry_previous, len(entry_term))
                postings = _Postings(last, entry_term, entry_journey, entry_weight, entry_previous)
            if pairs + joined > len(pair_journeys):
                pair_journeys = _with_room(pair_journeys, pairs + joined)
                pair_interactions = _with_room(pair_interactions, len(pair_journeys))
                grouped = np.empty(len(pair_journeys), np.int64)

            for position in range(joined):
                entries = _add(touched[position], start, end, near_terms, near_saliences, postings, entries)
                pair_journeys[pairs] = touched[position]
                pair_interactions[pairs] = interaction
                pairs += 1

        group_by_journey(pair_journeys, pairs, opened, starts, grouped)
        for journey in range(opened):
            distinct = 0
            for position in range(starts[journey], starts[journey + 1]):
                item = own_items[pair_interactions[grouped[position]]]
                if seen_by[item] != stamp:
                    seen_by[item] = stamp
                    distinct += 1
            stamp += 1
            slots[journey] = _NONE
            if distinct < min_size:
                continue
            slots[journey] = found
            count = starts[journey + 1] - starts[journey]
            members = _with_room(members, member_count + count)
            for position in range(starts[journey], starts[journey + 1]):
                members[member_count] = first + pair_interactions[grouped[position]]
                member_count += 1
            if found == len(users):
                users = _with_room(users, found + 1)
                sizes = _with_room(sizes, found + 1)
                member_ends = _with_room(member_ends, found + 1)
                term_counts = _with_room(term_counts, found + 1)
                terms = _with_room(terms, len(users) * keep)
                weights = _with_room(weights, len(users) * keep)
            users[found] = user
            sizes[found] = distinct
            member_ends[found] = member_count
            term_counts[found] = 0
            found += 1

        for entry in range(entries):
            last[entry_term[entry]] = _NONE
            slot = slots[entry_journey[entry]]
            if slot != _NONE:
                term_counts[slot] = insert_term(
                    terms, weights, slot * keep, term_counts[slot], keep, entry_term[entry], entry_weight[entry]
                )

    return (
        users[:found],
        sizes[:found],
        member_ends[:found],
        members[:member_count],
        term_counts[:found],
        terms[: found * keep].reshape(found, keep),
        weights[: found * keep].reshape(found, keep),
    )


def extract_journeys(
    user_offsets: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    vectors: TermVectors,
    config: IcpcConfig,
) -> Journeys:
    """ICPC over the histories of many users.

    Cosine of an item with a journey is `dot / sqrt(|centroid|^2 |item|^2)` in float64, where the dot product is summed
    in the order of the item's terms and `|centroid|^2` grows by `2 dot + |item|^2` with each item: a journey's state is
    thus exactly reproducible from its history. An item without terms opens and joins no journey.

    Args:
        user_offsets: int64, shape (users + 1,): the interactions of user u are `items[user_offsets[u]:...[u + 1]]`.
        items: int32, shape (interactions,): rows of `vectors`, each user's by time.
        vectors: the salient terms of the items.
        config: threshold, assignment, minimum size, reported weights.

    Returns:
        The journeys that have at least `config.min_size` distinct items.
    """
    users, sizes, member_ends, members, term_counts, terms, weights = _extract(
        np.ascontiguousarray(user_offsets, np.int64),
        np.ascontiguousarray(items, np.int32),
        vectors.offsets,
        vectors.terms,
        vectors.saliences,
        max(vectors.vocabulary_size, 1),
        config.threshold,
        config.assign == "all",
        config.min_size,
        config.journey_terms,
    )
    member_offsets = np.concatenate([np.zeros(1, np.int64), member_ends])
    kept = np.arange(config.journey_terms) < term_counts[:, None]
    weights = weights[kept]
    if config.centroid == "mean":
        weights = weights / np.repeat(np.diff(member_offsets), term_counts)
    return Journeys(
        users=users,
        sizes=sizes,
        member_offsets=member_offsets,
        members=members,
        term_offsets=np.concatenate([np.zeros(1, np.int64), np.cumsum(term_counts)]),
        terms=terms[kept],
        weights=weights,
    )
