"""Separation of the journeys of a user: silhouettes of their items, by distances to journeys instead of to all items.

The silhouette of an item in a journey is `(b - a) / max(a, b)`: `a` is its distance to its own journey, `b` that to the
nearest other journey of its user. The distance to a journey is 1 - cosine to the mean of the journey's *other* items,
with vectors scaled to unit length. So three orthogonal items have silhouette 0, and are not near to a mean to which
they contribute. An item that is the only one of its journey has silhouette 0, as is usual (Rousseeuw 1987; the variant
with distances to centroids is the simplified silhouette of Hruschka et al. 2006). An item in several journeys, with
`assign="all"`, counts in each.

The separation of a user is the mean over items and journeys, in units of 2**-30, so that sums over users are exact in
any order. It is not defined for a user with one journey.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets
from transforms.journeys.bayesian import allocate_scratch, pairwise_cosines
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.icpc import Journeys

SEPARATION_UNIT = 1 << 30

_compiled = numba.njit(cache=True, nogil=True)
_NONE = -1


class _Memberships(NamedTuple):
    """Pairs of item and journey: by user, then item, then journey; each once.

    Attributes:
        offsets: int64, shape (users + 1,).
        items: int64, shape (memberships,).
        journeys: int64, shape (memberships,): numbered within the user.
        journey_offsets: int64, shape (users + 1,): offsets of the journeys of each user in `sizes`.
        sizes: int64, shape (journeys,): number of items of each journey, by user.
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
    """Compute the separation of each user's journeys, for each minimum size.

    Args:
        journeys: journeys of all sizes.
        users: number of users.
        items: int32, shape (interactions,): index of each interaction's item in the catalogue.
        catalogue: the catalogue; with `vectors` if `by_vectors`.
        min_sizes: ascending; at each, journeys with fewer distinct items are ignored.
        by_vectors: whether distances are between vectors instead of salient terms.

    Returns:
        int64, shape (users, minimum sizes), in units of 1 / `SEPARATION_UNIT`; 0 for users with fewer than two
        journeys.

    Raises:
        ValueError: if distances are to be between vectors, but the catalogue has none.
    """
    found = _memberships(journeys, users, items)
    limits = np.asarray(min_sizes, np.int64)
    if not by_vectors:
        terms = catalogue.term_vectors
        return _by_terms(*found, terms.offsets, terms.terms, terms.saliences, max(terms.vocabulary_size, 1), limits)
    if catalogue.vectors is None:
        raise ValueError("the catalogue has no vectors, but distances are to be between vectors")
    vectors = np.ascontiguousarray(catalogue.vectors)
    scratch = allocate_scratch(int(np.diff(found.offsets).max(initial=0)), vectors.shape[1])
    return _by_vectors(*found, vectors, limits, scratch)


def _memberships(journeys: Journeys, users: int, items: npt.NDArray[np.int32]) -> _Memberships:
    """Collect the distinct pairs of item and journey of each user."""
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
    """Compute the cosine of a unit vector with the sum of a journey's other items; 0 if that is zero."""
    if inside:
        squared_length += 1.0 - 2.0 * dot
        dot -= 1.0
        size -= 1
    if size == 0 or squared_length <= 1e-12:
        return 0.0
    return dot / math.sqrt(squared_length)


@_compiled
def _levels(sizes, limits):  # type: ignore[no-untyped-def]
    """Count the minimum sizes that each journey reaches, and the journeys that reach each minimum size."""
    levels = np.searchsorted(limits, sizes, side="right")
    reaching = np.zeros(len(limits), np.int64)
    for level in levels:
        reaching[:level] += 1
    return levels, reaching


@_compiled
def _add_silhouettes(own, count, others, cosines, levels, reaching, sizes, lowest, sums, best):  # type: ignore[no-untyped-def]
    """Add the silhouettes of one item in one journey to `sums`, at each minimum size.

    Only the first `count` of `others` are read from `cosines`; all other journeys have the cosine `lowest`.
    """
    # The highest cosine with another journey that reaches exactly each level, then with one that reaches at least it.
    best[:] = lowest
    for position in range(count):
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
    """Write the mean of each minimum size with at least two journeys, in whole units."""
    counts = np.zeros(len(sums), np.int64)
    for journey in own_journeys:
        counts[: levels[journey]] += 1
    for level in range(len(sums)):
        if reaching[level] > 1:
            separation[level] = round(sums[level] / counts[level] * unit)


@_compiled
def _of_user(user, offsets, items, journeys, journey_offsets, sizes):  # type: ignore[no-untyped-def]
    """Return one user's items, their journeys, and the sizes of the journeys."""
    own = slice(offsets[user], offsets[user + 1])
    return items[own], journeys[own], sizes[journey_offsets[user] : journey_offsets[user + 1]]


@_compiled
def _by_vectors(offsets, items, journeys, journey_offsets, sizes, vectors, limits, scratch):  # type: ignore[no-untyped-def]
    """Compute the separation of all users by vectors; O(items^2 dimensions) for each user."""
    users = len(offsets) - 1
    separation = np.zeros((users, len(limits)), np.int64)
    best = np.empty(len(limits))
    for user in range(users):
        own_items, own_journeys, own_sizes = _of_user(user, offsets, items, journeys, journey_offsets, sizes)
        count = len(own_sizes)
        if count < 2:
            continue
        levels, reaching = _levels(own_sizes, limits)
        cosines = pairwise_cosines(own_items, vectors, scratch)
        sq_norms = np.zeros(count)  # of the sum of each journey
        for row in range(len(own_items)):
            for other in range(len(own_items)):
                if own_journeys[row] == own_journeys[other]:
                    sq_norms[own_journeys[row]] += cosines[row, other]
        sums = np.zeros(len(limits))
        others = np.arange(count)
        for row in range(len(own_items)):
            dots = np.zeros(count)  # with the sum of each journey; then the cosines
            for other in range(len(own_items)):
                dots[own_journeys[other]] += cosines[row, other]
            for journey in range(count):
                inside = journey == own_journeys[row]
                dots[journey] = _cosine_to_others(dots[journey], sq_norms[journey], own_sizes[journey], inside)
            _add_silhouettes(own_journeys[row], count, others, dots, levels, reaching, own_sizes, -1.0, sums, best)
        _finish(sums, own_journeys, levels, reaching, SEPARATION_UNIT, separation[user])
    return separation


@_compiled
def _norm(item, offsets, saliences):  # type: ignore[no-untyped-def]
    """Compute the length of the term vector of an item."""
    squared = 0.0
    for position in range(offsets[item], offsets[item + 1]):
        squared += np.float64(saliences[position]) * saliences[position]
    return math.sqrt(squared)


@_compiled
def _index(items, journeys, count, offsets, terms, saliences, last):  # type: ignore[no-untyped-def]
    """Build an inverted index of one user's journeys: for each term a linked list of the journeys with it.

    `last` holds the newest entry of each list. The weights are those of the sum of the unit vectors of a journey's
    items. Also returns the squared norms of these sums.
    """
    capacity = 0
    for item in items:
        capacity += offsets[item + 1] - offsets[item]
    entry_journey, entry_previous = np.empty(capacity, np.int64), np.empty(capacity, np.int64)
    entry_term, entry_weight = np.empty(capacity, np.int64), np.empty(capacity)
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
    sq_norms = np.zeros(count)
    for entry in range(entries):
        sq_norms[entry_journey[entry]] += entry_weight[entry] * entry_weight[entry]
    return entry_term[:entries], entry_journey, entry_weight, entry_previous, sq_norms


@_compiled
def _by_terms(  # type: ignore[no-untyped-def]
    offsets, items, journeys, journey_offsets, sizes, term_offsets, terms, saliences, vocabulary_size, limits
):
    """Compute the separation of all users by terms; an item costs the postings of its terms, as in `icpc`."""
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
        entry_term, entry_journey, entry_weight, entry_previous, sq_norms = _index(
            own_items, own_journeys, count, term_offsets, terms, saliences, last
        )
        dots, reached = np.full(count, float(_NONE)), np.empty(count, np.int64)
        inside = np.zeros(count, np.bool_)
        sums = np.zeros(len(limits))
        # Each distinct item; it has one row for each journey that it is in.
        start = 0
        while start < len(own_items):
            item = own_items[start]
            end = start
            while end < len(own_items) and own_items[end] == item:
                inside[own_journeys[end]] = True
                end += 1

            # Dot products with the sums of all journeys that share a term with it.
            norm = _norm(item, term_offsets, saliences)
            count_reached = 0
            for position in range(term_offsets[item], term_offsets[item + 1]):
                entry = last[terms[position]]
                while entry != _NONE:
                    journey = entry_journey[entry]
                    if dots[journey] == _NONE:
                        dots[journey] = 0.0
                        reached[count_reached] = journey
                        count_reached += 1
                    dots[journey] += saliences[position] / norm * entry_weight[entry]
                    entry = entry_previous[entry]

            # Replace the dot products by cosines, add the silhouettes, and reset the work arrays.
            for position in range(count_reached):
                journey = reached[position]
                dots[journey] = _cosine_to_others(dots[journey], sq_norms[journey], own_sizes[journey], inside[journey])
            for row in range(start, end):
                _add_silhouettes(
                    own_journeys[row], count_reached, reached, dots, levels, reaching, own_sizes, 0.0, sums, best
                )
                inside[own_journeys[row]] = False
            for position in range(count_reached):
                dots[reached[position]] = _NONE
            start = end
        for term in entry_term:
            last[term] = _NONE
        _finish(sums, own_journeys, levels, reaching, SEPARATION_UNIT, separation[user])
    return separation
