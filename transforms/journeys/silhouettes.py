"""How well the journeys of a user are apart: silhouettes of their items, by distances to journeys, not to all items.

The silhouette of an item in a journey is `(b - a) / max(a, b)`: `a` is its distance to its own journey, `b` that to the
nearest other journey of its user. The distance to a journey is 1 - cosine to the mean of the journey's *other* items,
vectors scaled to unit length; so three items at right angles to each other have silhouette 0, and are not near to a
mean that they make up themselves. Alone in its journey an item has silhouette 0, as is usual (Rousseeuw 1987; that of
distances to centroids is the simplified silhouette of Hruschka et al. 2006). An item in several journeys, as
`assign="all"` has it, counts in each.

The separation of a user is the mean over items and journeys, in units of 2**-30, so that sums over users are exact in
any order. A user with one journey has none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.journeys.bayesian import allocate_scratch, pairwise_cosines
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.icpc import Journeys

SEPARATION_UNIT = 1 << 30

_compiled = numba.njit(cache=True, nogil=True)
_NONE = -1


class _Memberships(NamedTuple):
    """Which items lie in which journeys: by user, then item, then journey; each once.

    Attributes:
        offsets: int64, shape (users + 1,).
        items: int64, shape (memberships,).
        journeys: int64, shape (memberships,): numbered within the user.
        journey_offsets: int64, shape (users + 1,): where the journeys of each user begin in `sizes`.
        sizes: int64, shape (journeys,): items of each journey, by user.
    """

    offsets: npt.NDArray[np.int64]
    items: npt.NDArray[np.int64]
    journeys: npt.NDArray[np.int64]
    journey_offsets: npt.NDArray[np.int64]
    sizes: npt.NDArray[np.int64]


def user_silhouettes(
    journeys: Journeys,
    users: int,
    items: npt.NDArray[np.int32],
    catalogue: Catalogue,
    min_sizes: Sequence[int],
    *,
    by_vectors: bool,
) -> npt.NDArray[np.int64]:
    """The separation of each user's journeys, for each minimum size.

    Args:
        journeys: journeys of all sizes.
        users: number of users.
        items: int32, shape (interactions,): the items that the members of journeys are.
        catalogue: the catalogue, with `vectors` where `by_vectors`.
        min_sizes: ascending; at each, journeys with fewer distinct items are left out.
        by_vectors: whether distances are those of vectors; otherwise those of salient terms.

    Returns:
        int64, shape (users, minimum sizes), in units of 1 / `SEPARATION_UNIT`; 0 where a user has fewer than two
        journeys.

    Raises:
        ValueError: when distances are to be those of vectors, and the catalogue has none.
    """
    found = _memberships(journeys, users, items)
    limits = np.asarray(min_sizes, np.int64)
    if not by_vectors:
        terms = catalogue.term_vectors
        return _by_terms(*found, terms.offsets, terms.terms, terms.saliences, max(terms.vocabulary_size, 1), limits)
    if catalogue.vectors is None:
        raise ValueError("for distances of vectors, the catalogue must have them")
    vectors = np.ascontiguousarray(catalogue.vectors)
    room = allocate_scratch(int(np.diff(found.offsets).max(initial=0)), vectors.shape[1])
    return _by_vectors(*found, vectors, limits, room)


def _memberships(journeys: Journeys, users: int, items: npt.NDArray[np.int32]) -> _Memberships:
    lengths = np.diff(journeys.member_offsets)
    opened = np.bincount(journeys.users, minlength=users)
    journey_offsets = list_offsets(opened)
    numbers = np.arange(len(journeys.users)) - np.repeat(journey_offsets[:-1], opened)
    owners = np.repeat(journeys.users, lengths)
    members, within = items[journeys.members].astype(np.int64), np.repeat(numbers, lengths)
    order = np.lexsort((within, members, owners))
    owners, members, within = owners[order], members[order], within[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(owners) != 0) | (np.diff(members) != 0) | (np.diff(within) != 0)
    per_user = np.bincount(owners[new], minlength=users)
    return _Memberships(
        offsets=list_offsets(per_user),
        items=members[new],
        journeys=within[new],
        journey_offsets=journey_offsets,
        sizes=journeys.sizes.astype(np.int64),
    )


@_compiled
def _cosine_to_others(dot, squared_length, size, inside):  # type: ignore[no-untyped-def]
    """Cosine of a unit vector with the sum of a journey's other items; 0 where there are none, or they cancel out."""
    if inside:
        squared_length += 1.0 - 2.0 * dot
        dot -= 1.0
        size -= 1
    if size == 0 or squared_length <= 1e-12:
        return 0.0
    return dot / math.sqrt(squared_length)


@_compiled
def _levels(sizes, limits):  # type: ignore[no-untyped-def]
    """How many of the minimum sizes each journey reaches; and how many journeys reach each of them."""
    levels = np.searchsorted(limits, sizes, side="right")
    reaching = np.zeros(len(limits), np.int64)
    for level in levels:
        reaching[:level] += 1
    return levels, reaching


@_compiled
def _add_silhouettes(own, near, others, cosines, levels, reaching, sizes, least, sums, best):  # type: ignore[no-untyped-def]
    """Adds the silhouettes of one item in one journey, at each minimum size.

    The first `near` of `others` are the journeys whose cosines are looked at; all others have the cosine `least`.
    """
    best[:] = least
    for position in range(near):
        journey = others[position]
        level = levels[journey] - 1
        if journey != own and level >= 0 and cosines[journey] > best[level]:
            best[level] = cosines[journey]
    for level in range(len(best) - 2, -1, -1):
        best[level] = max(best[level], best[level + 1])
    if sizes[own] == 1:
        return
    to_own = max(1.0 - cosines[own], 0.0)
    for level in range(levels[own]):
        to_other = max(1.0 - best[level], 0.0)
        if reaching[level] > 1 and max(to_own, to_other) > 0.0:
            sums[level] += (to_other - to_own) / max(to_own, to_other)


@_compiled
def _finish(sums, own_journeys, levels, reaching, unit, separation):  # type: ignore[no-untyped-def]
    """The mean of each minimum size in whole units, where there are two journeys."""
    counts = np.zeros(len(sums), np.int64)
    for journey in own_journeys:
        counts[: levels[journey]] += 1
    for level in range(len(sums)):
        if reaching[level] > 1:
            separation[level] = round(sums[level] / counts[level] * unit)


@_compiled
def _of_user(user, offsets, items, journeys, journey_offsets, sizes):  # type: ignore[no-untyped-def]
    """One user's items, the journeys that these lie in, and the sizes of the journeys."""
    own = slice(offsets[user], offsets[user + 1])
    return items[own], journeys[own], sizes[journey_offsets[user] : journey_offsets[user + 1]]


@_compiled
def _by_vectors(offsets, items, journeys, journey_offsets, sizes, vectors, limits, room):  # type: ignore[no-untyped-def]
    users = len(offsets) - 1
    separation = np.zeros((users, len(limits)), np.int64)
    best = np.empty(len(limits))
    for user in range(users):
        own_items, own_journeys, own_sizes = _of_user(user, offsets, items, journeys, journey_offsets, sizes)
        count = len(own_sizes)
        if count < 2:
            continue
        levels, reaching = _levels(own_sizes, limits)
        cosines = pairwise_cosines(own_items, vectors, room)
        squares = np.zeros(count)
        for row in range(len(own_items)):
            for other in range(len(own_items)):
                if own_journeys[row] == own_journeys[other]:
                    squares[own_journeys[row]] += cosines[row, other]
        sums = np.zeros(len(limits))
        others = np.arange(count)
        for row in range(len(own_items)):
            near = np.zeros(count)
            for other in range(len(own_items)):
                near[own_journeys[other]] += cosines[row, other]
            for journey in range(count):
                inside = journey == own_journeys[row]
                near[journey] = _cosine_to_others(near[journey], squares[journey], own_sizes[journey], inside)
            _add_silhouettes(own_journeys[row], count, others, near, levels, reaching, own_sizes, -1.0, sums, best)
        _finish(sums, own_journeys, levels, reaching, SEPARATION_UNIT, separation[user])
    return separation


@_compiled
def _norm(item, offsets, saliences):  # type: ignore[no-untyped-def]
    squared = 0.0
    for position in range(offsets[item], offsets[item + 1]):
        squared += np.float64(saliences[position]) * saliences[position]
    return math.sqrt(squared)


@_compiled
def _index(items, journeys, count, offsets, terms, saliences, last):  # type: ignore[no-untyped-def]
    """The sums of unit vectors of one user's journeys, as lists of each term's journeys: `last` holds their ends."""
    room = 0
    for item in items:
        room += offsets[item + 1] - offsets[item]
    entry_journey, entry_previous = np.empty(room, np.int64), np.empty(room, np.int64)
    entry_term, entry_weight = np.empty(room, np.int64), np.empty(room)
    entries = 0
    for row in np.argsort(journeys, kind="mergesort"):
        norm = _norm(items[row], offsets, saliences)
        for position in range(offsets[items[row]], offsets[items[row] + 1]):
            entry = last[terms[position]]
            # Rows come by journey, so the journey of this row can only be that of the newest entry.
            if entry == _NONE or entry_journey[entry] != journeys[row]:
                entry_journey[entries], entry_previous[entries] = journeys[row], entry
                entry_term[entries], entry_weight[entries] = terms[position], 0.0
                last[terms[position]] = entry = entries
                entries += 1
            entry_weight[entry] += saliences[position] / norm
    squares = np.zeros(count)
    for entry in range(entries):
        squares[entry_journey[entry]] += entry_weight[entry] * entry_weight[entry]
    return entry_term[:entries], entry_journey, entry_weight, entry_previous, squares


@_compiled
def _by_terms(  # type: ignore[no-untyped-def]
    offsets, items, journeys, journey_offsets, sizes, term_offsets, terms, saliences, vocabulary_size, limits
):
    users = len(offsets) - 1
    separation = np.zeros((users, len(limits)), np.int64)
    best = np.empty(len(limits))
    last = np.full(vocabulary_size, _NONE, np.int64)
    for user in range(users):
        own_items, own_journeys, own_sizes = _of_user(user, offsets, items, journeys, journey_offsets, sizes)
        count = len(own_sizes)
        if count < 2:
            continue
        levels, reaching = _levels(own_sizes, limits)
        entry_term, entry_journey, entry_weight, entry_previous, squares = _index(
            own_items, own_journeys, count, term_offsets, terms, saliences, last
        )
        near, reached = np.full(count, float(_NONE)), np.empty(count, np.int64)
        inside = np.zeros(count, np.bool_)
        sums = np.zeros(len(limits))
        start = 0
        while start < len(own_items):
            item = own_items[start]
            end = start
            while end < len(own_items) and own_items[end] == item:
                inside[own_journeys[end]] = True
                end += 1
            norm = _norm(item, term_offsets, saliences)
            many = 0
            for position in range(term_offsets[item], term_offsets[item + 1]):
                entry = last[terms[position]]
                while entry != _NONE:
                    journey = entry_journey[entry]
                    if near[journey] == _NONE:
                        near[journey] = 0.0
                        reached[many] = journey
                        many += 1
                    near[journey] += saliences[position] / norm * entry_weight[entry]
                    entry = entry_previous[entry]
            for position in range(many):
                journey = reached[position]
                near[journey] = _cosine_to_others(near[journey], squares[journey], own_sizes[journey], inside[journey])
            for row in range(start, end):
                _add_silhouettes(own_journeys[row], many, reached, near, levels, reaching, own_sizes, 0.0, sums, best)
                inside[own_journeys[row]] = False
            for position in range(many):
                near[reached[position]] = _NONE
            start = end
        for term in entry_term:
            last[term] = _NONE
        _finish(sums, own_journeys, levels, reaching, SEPARATION_UNIT, separation[user])
    return separation
