"""Histories and their catalogue -> journeys, formed by vectors or by salient terms."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from transforms.columnar import list_offsets
from transforms.journeys.bayesian import cluster_histories
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.config import ExtractConfig
from transforms.journeys.icpc import Journeys, extract_journeys, group_by_journey

_compiled = numba.njit(cache=True, nogil=True)
_NONE = -1


def form_journeys(
    offsets: npt.NDArray[np.int64], items: npt.NDArray[np.int32], catalogue: Catalogue, config: ExtractConfig
) -> Journeys:
    """Form the journeys of many users, by vectors or by terms, as the configuration says.

    Args:
        offsets: int64, shape (users + 1,): the interactions of user u are `items[offsets[u]:offsets[u + 1]]`, by time.
        items: int32, shape (interactions,): indices of items in the catalogue.
        catalogue: the catalogue; with `vectors` if `config.bayesian` is set.
        config: the configuration of the clustering.

    Raises:
        ValueError: if journeys are to be formed by vectors, but the catalogue has none.
    """
    if config.bayesian is None:
        return extract_journeys(offsets, items, catalogue.term_vectors, config.icpc)
    if catalogue.vectors is None:
        raise ValueError("the catalogue has no vectors, but journeys are to be formed by vectors")
    labels = cluster_histories(offsets, items, catalogue.vectors, config.bayesian)
    return journeys_from_labels(offsets, items, labels, len(catalogue.item_ids), config.icpc.min_size)


def journeys_from_labels(
    offsets: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    labels: npt.NDArray[np.int64],
    item_count: int,
    min_size: int,
) -> Journeys:
    """Collect the journeys that labels describe.

    Args:
        offsets: int64, shape (users + 1,).
        items: int32, shape (interactions,): numbers below `item_count`.
        labels: int64, shape (interactions,): the journey of each interaction, numbered within each user by first
            interaction, without gaps; -1 for none.
        item_count: number of items of the catalogue.
        min_size: minimum number of distinct items of a journey.

    Returns:
        The journeys that have at least `min_size` distinct items.
    """
    offsets, items = np.ascontiguousarray(offsets, np.int64), np.ascontiguousarray(items, np.int32)
    longest = _longest_history(offsets)
    kept, member_count = _count(offsets, items, labels, item_count, longest, min_size)
    users, sizes, lengths = (np.empty(kept, np.int64) for _ in range(3))
    members = np.empty(member_count, np.int64)
    _fill(offsets, items, labels, item_count, longest, min_size, (users, sizes, lengths, members))
    return Journeys(users=users, sizes=sizes, member_offsets=list_offsets(lengths), members=members)


def _longest_history(offsets: npt.NDArray[np.int64]) -> int:
    return int(np.diff(offsets).max(initial=0))


@_compiled
def _order(labels, starts, order):  # type: ignore[no-untyped-def]
    """Sort the interactions of one user by journey, then by time; return the number of journeys.

    Writes the offsets of the journeys to `starts` and positions in the history to `order`.
    """
    journeys = 0
    labelled = np.empty(len(labels), np.int32)
    positions = np.empty(len(labels), np.int64)
    count = 0
    for position in range(len(labels)):
        if labels[position] != _NONE:
            labelled[count] = labels[position]
            positions[count] = position
            count += 1
            journeys = max(journeys, labels[position] + 1)
    group_by_journey(labelled, count, journeys, starts, order)
    for index in range(count):
        order[index] = positions[order[index]]
    return journeys


@_compiled
def _distinct(items, order, start, end, seen_by, stamp):  # type: ignore[no-untyped-def]
    """Count the distinct items of one journey; `stamp` marks them in `seen_by`."""
    distinct = 0
    for index in range(start, end):
        item = items[order[index]]
        if seen_by[item] != stamp:
            seen_by[item] = stamp
            distinct += 1
    return distinct


@_compiled
def _count(offsets, items, labels, item_count, longest, min_size):  # type: ignore[no-untyped-def]
    """Count the journeys that are large enough, and their interactions."""
    starts = np.empty(longest + 2, np.int64)
    order = np.empty(longest + 1, np.int64)
    seen_by = np.full(item_count, _NONE, np.int64)
    stamp = 0
    kept = 0
    members = 0
    for user in range(len(offsets) - 1):
        own = items[offsets[user] : offsets[user + 1]]
        journeys = _order(labels[offsets[user] : offsets[user + 1]], starts, order)
        for journey in range(journeys):
            if _distinct(own, order, starts[journey], starts[journey + 1], seen_by, stamp) >= min_size:
                kept += 1
                members += starts[journey + 1] - starts[journey]
            stamp += 1
    return kept, members


@_compiled
def _fill(offsets, items, labels, item_count, longest, min_size, found):  # type: ignore[no-untyped-def]
    """Write the journeys that are large enough to the arrays of `found`, one user after another."""
    users, sizes, lengths, members = found
    starts = np.empty(longest + 2, np.int64)
    order = np.empty(longest + 1, np.int64)
    seen_by = np.full(item_count, _NONE, np.int64)
    stamp = 0
    slot = 0
    member_count = 0
    for user in range(len(offsets) - 1):
        first = offsets[user]
        own = items[first : offsets[user + 1]]
        journeys = _order(labels[first : offsets[user + 1]], starts, order)
        for journey in range(journeys):
            start, end = starts[journey], starts[journey + 1]
            distinct = _distinct(own, order, start, end, seen_by, stamp)
            stamp += 1
            if distinct < min_size:
                continue
            users[slot], sizes[slot], lengths[slot] = user, distinct, end - start
            for index in range(start, end):
                members[member_count] = first + order[index]
                member_count += 1
            slot += 1
