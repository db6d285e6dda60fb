"""Infinite-concept personalised clustering (ICPC): one pass over a user's history, in time order.

"Large Language Models for User Interest Journeys" (2305.15498), section on journey extraction: each item is a sparse
vector of salient terms. It joins the journeys of its user with a similar centroid, by cosine, or opens a new one. Small
journeys are dropped at the end. The paper allows an item in several journeys; its reuse in 2606.12198 assigns it only
to the most similar one. The option `assign` selects one of these. An item in several journeys can make journeys nearly
equal; those of a user are merged at the end.

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
    """Journeys of all users, sorted by user, then by opening.

    Attributes:
        users: int64, shape (journeys,): index of the journey's user.
        sizes: int64, shape (journeys,): number of distinct items.
        member_offsets: int64, shape (journeys + 1,).
        members: int64, shape (memberships,): positions of a journey's interactions, ascending.
    """

    users: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    member_offsets: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]


_compiled = numba.njit(cache=True, nogil=True)
_inlined = numba.njit(cache=True, nogil=True, inline="always")
_READ_ONLY = functools.partial(numba.types.Array, ndim=1, layout="C", readonly=True)
_NONE = -1
_INITIAL_CAPACITY = 1024
_EQUAL_ABOVE = 0.8
"""Minimum Jaccard index of the items of two journeys that are merged, with `assign="all"`."""


class _Limits(NamedTuple):
    """The fields of `IcpcConfig` that the kernel reads."""

    threshold: float
    assign_all: bool
    min_size: int


class _Workspace(NamedTuple):
    """Arrays of fixed size for one user, reused for the next.

    Attributes:
        starts: int64, shape (longest history + 1,): offsets of the interactions in `terms` and `saliences`.
        terms: int32, shape (most entries of a user,): the terms of the user's items, one interaction after another.
        saliences: float64, of the same shape.
        norms: float64, shape (longest history,): squared norm of each interaction's item.
        journey_norms: float64, shape (longest history,): squared norm of each journey's sum.
        dots: float64, shape (longest history,): dot product of the current item with each journey; `_NONE` for journeys
            that share no term with it, and for all journeys between two interactions.
        touched: int32, shape (longest history,): the journeys whose `dots` are set.
        journey_starts: int64, shape (longest history + 2,): offsets of the journeys in `_Memberships.order`.
        seen_by: int64, shape (items of the catalogue,): the last journey, numbered over all users, that has the item.
    """

    starts: npt.NDArray[np.int64]
    terms: npt.NDArray[np.int32]
    saliences: npt.NDArray[np.float64]
    norms: npt.NDArray[np.float64]
    journey_norms: npt.NDArray[np.float64]
    dots: npt.NDArray[np.float64]
    touched: npt.NDArray[np.int32]
    journey_starts: npt.NDArray[np.int64]
    seen_by: npt.NDArray[np.int64]


class _Postings(NamedTuple):
    """The inverted index of one user: a linked list for each term of the journeys that have it.

    Attributes:
        last: int32, shape (vocabulary,): the newest entry of each term's list; `_NONE`: the list is empty.
        term: int32, shape (capacity,): the term of each entry.
        journey: int32, shape (capacity,): its journey; a journey has at most one entry in a list.
        weight: float64, shape (capacity,): the sum of the saliences of the term over the journey's items.
        previous: int32, shape (capacity,): the next older entry of the same list; `_NONE`: it is the oldest.
    """

    last: npt.NDArray[np.int32]
    term: npt.NDArray[np.int32]
    journey: npt.NDArray[np.int32]
    weight: npt.NDArray[np.float64]
    previous: npt.NDArray[np.int32]


class _Memberships(NamedTuple):
    """The pairs of journey and interaction of one user, in the order of the interactions.

    Attributes:
        journeys: int32, shape (capacity,).
        interactions: int64, shape (capacity,): positions in the user's history.
        order: int64, shape (capacity,): the pairs by journey, then by interaction.
    """

    journeys: npt.NDArray[np.int32]
    interactions: npt.NDArray[np.int64]
    order: npt.NDArray[np.int64]


class _Output(NamedTuple):
    """The journeys of all users that are large enough, see `Journeys`."""

    users: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]
    member_ends: npt.NDArray[np.int64]
    members: npt.NDArray[np.int64]


@_compiled
def _allocate(user_offsets, items, vectors):  # type: ignore[no-untyped-def]
    """Allocate the work arrays for the longest history and for the history with the most entries."""
    longest = 1
    max_entries = 1
    for user in range(len(user_offsets) - 1):
        longest = max(longest, user_offsets[user + 1] - user_offsets[user])
        entries = 0
        for interaction in range(user_offsets[user], user_offsets[user + 1]):
            entries += vectors.offsets[items[interaction] + 1] - vectors.offsets[items[interaction]]
        max_entries = max(max_entries, entries)
    return _Workspace(
        starts=np.empty(longest + 1, np.int64),
        terms=np.empty(max_entries, np.int32),
        saliences=np.empty(max_entries, np.float64),
        norms=np.empty(longest, np.float64),
        journey_norms=np.empty(longest, np.float64),
        dots=np.full(longest, float(_NONE)),
        touched=np.empty(longest, np.int32),
        journey_starts=np.empty(longest + 2, np.int64),
        seen_by=np.full(len(vectors.offsets) - 1, _NONE, np.int64),
    )


@_compiled
def _grown(array, needed):  # type: ignore[no-untyped-def]
    """Return the array, or a longer copy of it if `needed` entries do not fit."""
    if needed <= len(array):
        return array
    longer = np.empty(max(needed, 2 * len(array)), array.dtype)
    longer[: len(array)] = array
    return longer


@_compiled
def _gather(items, vectors, work):  # type: ignore[no-untyped-def]
    """Copy the term vectors of one user's items next to each other, and compute their squared norms.

    The clustering reads them in an order that jumps about in a table far larger than the cache. Here the loads do not
    depend on each other, so the processor overlaps them.
    """
    entries = 0
    for interaction in range(len(items)):
        work.starts[interaction] = entries
        norm = 0.0
        for position in range(vectors.offsets[items[interaction]], vectors.offsets[items[interaction] + 1]):
            work.terms[entries] = vectors.terms[position]
            work.saliences[entries] = vectors.saliences[position]
            norm += work.saliences[entries] * work.saliences[entries]
            entries += 1
        work.norms[interaction] = norm
    work.starts[len(items)] = entries


@_compiled
def _score(start, end, postings, work):  # type: ignore[no-untyped-def]
    """Compute the dot products of an item with all journeys that share a term with it.

    Sets `work.dots` of these journeys and lists them in `work.touched`; returns their number.
    """
    count = 0
    for position in range(start, end):
        entry = postings.last[work.terms[position]]
        while entry != _NONE:
            journey = postings.journey[entry]
            if work.dots[journey] == _NONE:
                work.dots[journey] = 0.0
                work.touched[count] = journey
                count += 1
            work.dots[journey] += work.saliences[position] * postings.weight[entry]
            entry = postings.previous[entry]
    return count


@_compiled
def _choose(reached, item_norm, limits, work):  # type: ignore[no-untyped-def]
    """Move the journeys that the item joins to the front of `work.touched`; return their number.

    Ties: the older journey.
    """
    touched = work.touched
    chosen = 0
    best = 0.0
    for position in range(reached):
        journey = touched[position]
        cosine = work.dots[journey] / math.sqrt(work.journey_norms[journey] * item_norm)
        if cosine < limits.threshold:
            continue
        if limits.assign_all:
            touched[chosen], touched[position] = journey, touched[chosen]
            chosen += 1
        elif chosen == 0 or cosine > best or (cosine == best and journey < touched[0]):
            touched[0], touched[position] = journey, touched[0]
            best = cosine
            chosen = 1
    return chosen


@_compiled
def _add(journey, start, end, postings, entries, work):  # type: ignore[no-untyped-def]
    """Add an item to the term weights of a journey; return the number of entries in use."""
    for position in range(start, end):
        term = work.terms[position]
        entry = postings.last[term]
        while entry != _NONE and postings.journey[entry] != journey:
            entry = postings.previous[entry]
        if entry == _NONE:
            postings.term[entries] = term
            postings.journey[entries] = journey
            postings.weight[entries] = work.saliences[position]
            postings.previous[entries] = postings.last[term]
            postings.last[term] = entries
            entries += 1
        else:
            postings.weight[entry] += work.saliences[position]
    return entries


@_inlined
def _cluster_history(items, vectors, limits, work, postings, memberships):  # type: ignore[no-untyped-def]
    """Form the journeys of one user in one pass over the history.

    Invariants before each interaction: `work.dots` is `_NONE` everywhere; `postings` holds the sum of the vectors of
    each journey, `work.journey_norms` the squared norm of that sum. An interaction costs the number of postings of its
    item's terms, that is of the journeys that share a term with it, for each such term.

    Returns:
        The numbers of journeys, of postings and of memberships, and the postings and memberships, which may have moved
        to longer arrays.
    """
    _gather(items, vectors, work)
    opened = 0
    entries = 0
    pairs = 0
    for interaction in range(len(items)):
        item_norm = work.norms[interaction]
        if item_norm == 0.0:
            continue
        start = work.starts[interaction]
        end = work.starts[interaction + 1]

        # Score the journeys that share a term with the item, and choose those that it joins.
        reached = _score(start, end, postings, work)
        joined = _choose(reached, item_norm, limits, work)

        # Update the norms: |c + v|^2 = |c|^2 + 2 c.v + |v|^2. Then reset the dot products.
        for position in range(joined):
            journey = work.touched[position]
            work.journey_norms[journey] += 2.0 * work.dots[journey] + item_norm
        for position in range(reached):
            work.dots[work.touched[position]] = _NONE

        # Open a journey for an item that joins none.
        if joined == 0:
            work.touched[0] = opened
            work.journey_norms[opened] = item_norm
            opened += 1
            joined = 1

        # Make room for the new postings and memberships.
        needed = entries + joined * (end - start)
        if needed > len(postings.term):
            longer = _grown(postings.term, needed)
            postings = _Postings(
                postings.last,
                longer,
                _grown(postings.journey, len(longer)),
                _grown(postings.weight, len(longer)),
                _grown(postings.previous, len(longer)),
            )
        if pairs + joined > len(memberships.journeys):
            journeys = _grown(memberships.journeys, pairs + joined)
            memberships = _Memberships(
                journeys, _grown(memberships.interactions, len(journeys)), np.empty(len(journeys), np.int64)
            )

        # Add the item to its journeys.
        for position in range(joined):
            entries = _add(work.touched[position], start, end, postings, entries, work)
            memberships.journeys[pairs] = work.touched[position]
            memberships.interactions[pairs] = interaction
            pairs += 1
    return opened, entries, pairs, postings, memberships


@_compiled
def _merge_equal(items, opened, pairs, memberships):  # type: ignore[no-untyped-def]
    """Merge journeys of one user that have nearly the same items into the older one; return the number of pairs left.

    Each journey, from the oldest on, absorbs the younger ones whose distinct items have a Jaccard index of at least
    `_EQUAL_ABOVE` with its own. Merged journeys are empty.
    """
    # Sort the distinct pairs of item and journey, by item and by journey.
    codes = np.empty(pairs, np.int64)
    for pair in range(pairs):
        codes[pair] = np.int64(items[memberships.interactions[pair]]) * opened + memberships.journeys[pair]
    codes = np.unique(codes)
    item_starts, item_of = np.empty(len(codes) + 1, np.int64), np.empty(len(codes), np.int64)
    journeys = (codes % opened).astype(np.int32)
    distinct = 0
    for position in range(len(codes)):
        if position == 0 or codes[position] // opened != codes[position - 1] // opened:
            item_starts[distinct] = position
            distinct += 1
        item_of[position] = distinct - 1
    item_starts[distinct] = len(codes)
    starts, order = np.empty(opened + 1, np.int64), np.empty(len(codes), np.int64)
    group_by_journey(journeys, len(codes), opened, starts, order)

    # Find for each journey the oldest one that absorbs it.
    merged_into = np.full(opened, _NONE, np.int64)
    common, reached = np.zeros(opened, np.int64), np.empty(opened, np.int64)
    for older in range(opened):
        if merged_into[older] != _NONE:
            continue
        merged_into[older] = older
        count = 0
        for index in range(starts[older], starts[older + 1]):
            item = item_of[order[index]]
            for position in range(item_starts[item], item_starts[item + 1]):
                journey = journeys[position]
                if common[journey] == 0:
                    reached[count] = journey
                    count += 1
                common[journey] += 1
        size = starts[older + 1] - starts[older]
        for position in range(count):
            journey = reached[position]
            either = size + starts[journey + 1] - starts[journey] - common[journey]
            if merged_into[journey] == _NONE and common[journey] >= _EQUAL_ABOVE * either:
                merged_into[journey] = older
            common[journey] = 0

    # Move the pairs, each once: those of an interaction follow one another.
    last = np.full(opened, _NONE, np.int64)
    left = 0
    for pair in range(pairs):
        journey, interaction = merged_into[memberships.journeys[pair]], memberships.interactions[pair]
        if last[journey] != interaction:
            last[journey] = interaction
            memberships.journeys[left], memberships.interactions[left] = journey, interaction
            left += 1
    return left


@_compiled
def group_by_journey(pair_journeys, pairs, opened, starts, grouped):  # type: ignore[no-untyped-def]
    """Sort the (journey, interaction) pairs of a user by journey, by a stable counting sort.

    Writes the offsets of the journeys to `starts` and the order of the pairs to `grouped`.
    """
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


@_inlined
def _keep_journeys(  # type: ignore[no-untyped-def]
    user, first, items, opened, pairs, found, member_count, stamp, limits, work, memberships, output
):
    """Write the journeys of one user that are large enough.

    Args:
        user: index of the user.
        first: position of the user's first interaction among those of all users.
        items: the items of the user's interactions.
        opened: number of the user's journeys.
        pairs: number of memberships.
        found: number of journeys in the output so far.
        member_count: number of their members.
        stamp: number of journeys of all users before this one, small ones included.
        limits: see `_Limits`.
        work: see `_Workspace`.
        memberships: see `_Memberships`; `order` is set.
        output: see `_Output`.

    Returns:
        The new values of `found` and `member_count`, and the output, which may have moved to longer arrays.
    """
    starts = work.journey_starts
    group_by_journey(memberships.journeys, pairs, opened, starts, memberships.order)
    for journey in range(opened):
        # Count the distinct items: a stamp that no other journey has replaces a set.
        distinct = 0
        for position in range(starts[journey], starts[journey + 1]):
            item = items[memberships.interactions[memberships.order[position]]]
            if work.seen_by[item] != stamp:
                work.seen_by[item] = stamp
                distinct += 1
        stamp += 1
        if distinct < limits.min_size:
            continue

        # Make room for the members and the journey.
        needed = member_count + starts[journey + 1] - starts[journey]
        if needed > len(output.members) or found == len(output.users):
            output = _Output(
                _grown(output.users, found + 1),
                _grown(output.sizes, found + 1),
                _grown(output.member_ends, found + 1),
                _grown(output.members, needed),
            )

        # Write the journey.
        for position in range(starts[journey], starts[journey + 1]):
            output.members[member_count] = first + memberships.interactions[memberships.order[position]]
            member_count += 1
        output.users[found] = user
        output.sizes[found] = distinct
        output.member_ends[found] = member_count
        found += 1
    return found, member_count, output


@_compiled
def _clear(entries, postings):  # type: ignore[no-untyped-def]
    """Empty the inverted index for the next user."""
    for entry in range(entries):
        postings.last[postings.term[entry]] = _NONE


# The types are given explicitly, so that writable arrays of NumPy and read-only arrays of Arrow share one compilation.
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
        )
    ],
    cache=True,
    nogil=True,
)
def _extract(  # type: ignore[no-untyped-def]
    user_offsets, items, offsets, terms, saliences, vocabulary_size, threshold, assign_all, min_size
):
    """Form the journeys of all users, one user after another; return an `_Output`.

    Arguments: see `TermVectors` and `_Limits`.
    """
    vectors = TermVectors(offsets, terms, saliences, vocabulary_size)
    limits = _Limits(threshold, assign_all, min_size)
    work = _allocate(user_offsets, items, vectors)
    postings = _Postings(
        np.full(vocabulary_size, _NONE, np.int32),
        np.empty(_INITIAL_CAPACITY, np.int32),
        np.empty(_INITIAL_CAPACITY, np.int32),
        np.empty(_INITIAL_CAPACITY, np.float64),
        np.empty(_INITIAL_CAPACITY, np.int32),
    )
    capacity = len(work.norms)
    memberships = _Memberships(np.empty(capacity, np.int32), np.empty(capacity, np.int64), np.empty(capacity, np.int64))
    output = _Output(
        np.empty(_INITIAL_CAPACITY, np.int64),
        np.empty(_INITIAL_CAPACITY, np.int64),
        np.empty(_INITIAL_CAPACITY, np.int64),
        np.empty(4 * _INITIAL_CAPACITY, np.int64),
    )
    found = 0
    member_count = 0
    stamp = 0
    for user in range(len(user_offsets) - 1):
        first = user_offsets[user]
        own_items = items[first : user_offsets[user + 1]]
        opened, entries, pairs, postings, memberships = _cluster_history(
            own_items, vectors, limits, work, postings, memberships
        )
        if assign_all and pairs > 0:
            pairs = _merge_equal(own_items, opened, pairs, memberships)
        found, member_count, output = _keep_journeys(
            user, first, own_items, opened, pairs, found, member_count, stamp, limits, work, memberships, output
        )
        stamp += opened
        _clear(entries, postings)
    return _Output(
        output.users[:found],
        output.sizes[:found],
        output.member_ends[:found],
        output.members[:member_count],
    )


def extract_journeys(
    user_offsets: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    vectors: TermVectors,
    config: IcpcConfig,
) -> Journeys:
    """Form the journeys of many users by ICPC.

    The cosine of an item with a journey is `dot / sqrt(|centroid|^2 |item|^2)` in float64, where the dot product is
    summed in the order of the item's terms, and `|centroid|^2` grows by `2 dot + |item|^2` with each item. The state of
    a journey is thus exactly reproducible from its history. An item without terms opens and joins no journey.

    Args:
        user_offsets: int64, shape (users + 1,): the interactions of user u are `items[user_offsets[u]:...[u + 1]]`.
        items: int32, shape (interactions,): rows of `vectors`, each user's by time.
        vectors: the salient terms of the items.
        config: the configuration of the clustering.

    Returns:
        The journeys that have at least `config.min_size` distinct items. With `assign="all"` a journey absorbs younger
        ones whose items have a Jaccard index of at least 0.8 with its own.
    """
    found = _extract(
        np.ascontiguousarray(user_offsets, np.int64),
        np.ascontiguousarray(items, np.int32),
        vectors.offsets,
        vectors.terms,
        vectors.saliences,
        max(vectors.vocabulary_size, 1),
        config.threshold,
        config.assign == "all",
        config.min_size,
    )
    member_offsets = np.concatenate([np.zeros(1, np.int64), found.member_ends])
    return Journeys(users=found.users, sizes=found.sizes, member_offsets=member_offsets, members=found.members)
