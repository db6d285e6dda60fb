"""Changes of the terms of journeys: the months of each journey, their similarity, and its drift.

The drift of a journey is the cosine of its odd and its even items less that of its earlier and its later items, in time
order. Both halves of a pair have the same number of items, so few items lower both cosines equally: the drift is 0 on
average if the order of the items means nothing, and positive if the terms moved.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transforms.columnar import list_offsets
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.config import IcpcConfig
from transforms.journeys.explaining_terms import JourneyTerms, explain_journeys
from transforms.journeys.icpc import Journeys, TermVectors
from transforms.lifecycle.recurrence import months_of_days
from transforms.lifecycle.rhythm import DAY, Floats, Integers, owners_of
from transforms.lifecycle.term_sums import cosines, sum_terms

MIN_ITEMS = 4
"""Minimum number of interactions of a journey with a drift: two in each half."""


class Months(NamedTuple):
    """The calendar months (UTC) of each journey with an interaction, in compressed rows.

    Attributes:
        offsets: int64, shape (journeys + 1,).
        months: int64, shape (months,): months since January 1970, ascending in each journey.
        starts: int64, shape (months + 1,): the interactions of each month, as offsets.
    """

    offsets: Integers
    months: Integers
    starts: Integers


def months_of(offsets: Integers, times: Integers) -> Months:
    """Find the months of each journey.

    Args:
        offsets: int64, shape (journeys + 1,).
        times: int64, shape (interactions,), microseconds since 1970, ascending in each journey.
    """
    owners, months = owners_of(offsets), months_of_days(np.floor_divide(times, DAY))
    changes = np.ones(len(months), np.bool_)
    changes[1:] = (months[1:] != months[:-1]) | (owners[1:] != owners[:-1])
    starts = np.flatnonzero(changes)
    counts = np.bincount(owners[starts], minlength=len(offsets) - 1)
    return Months(list_offsets(counts), months[starts], np.append(starts, len(months)))


def terms_of_months(
    months: Months, offsets: Integers, items: Integers, catalogue: Catalogue, count: int
) -> JourneyTerms:
    """Select the terms that explain each month, as `explain_journeys` does: those of the month, not of the others.

    Args:
        months: the months of each journey.
        offsets: int64, shape (journeys + 1,): the interactions of journeys.
        items: int64, shape (interactions,): rows of the catalogue.
        catalogue: the items.
        count: maximum number of terms of a month.
    """
    rows = owners_of(months.starts)
    pairs = np.unique(rows * max(len(catalogue.item_ids), 1) + items) // max(len(catalogue.item_ids), 1)
    groups = Journeys(
        users=owners_of(months.offsets),
        sizes=np.bincount(pairs, minlength=len(months.months)).astype(np.int64),
        member_offsets=months.starts,
        members=np.arange(len(items), dtype=np.int64),
    )
    return explain_journeys(groups, offsets, items.astype(np.int32), catalogue, IcpcConfig(journey_terms=count))


def month_similarities(months: Months, items: Integers, vectors: TermVectors) -> Floats:
    """Compute the cosine of the terms of each month with those of the month before it, the last one with interactions.

    Args:
        months: the months of each journey.
        items: int64, shape (interactions,): rows of `vectors`.
        vectors: the salient terms of all items.

    Returns:
        float64, shape (months,), in [0, 1]; NaN for the first month of a journey.
    """
    count = len(months.months)
    sums = sum_terms(owners_of(months.starts), items, count, vectors)
    is_first = np.zeros(count, np.bool_)
    is_first[months.offsets[:-1]] = True
    later = np.flatnonzero(~is_first)
    found = np.full(count, np.nan)
    found[later] = cosines(sums, sums, later, later - 1)
    return found


def drifts(offsets: Integers, items: Integers, vectors: TermVectors) -> Floats:
    """Compute the drift of each journey.

    Args:
        offsets: int64, shape (journeys + 1,).
        items: int64, shape (interactions,): rows of `vectors`, in time order in each journey.
        vectors: the salient terms of all items.

    Returns:
        float64, shape (journeys,), in [-1, 1]; NaN below `MIN_ITEMS` interactions, and where a half has no terms.
    """
    owners, lengths = owners_of(offsets), np.diff(offsets)
    places = np.arange(len(owners)) - offsets[:-1][owners]
    count = len(lengths)
    every, others = np.arange(count), np.arange(count) + count
    found = []
    defined = lengths >= MIN_ITEMS
    for is_second in (places % 2 == 1, 2 * places >= lengths[owners]):
        sums = sum_terms(owners + count * is_second, items, 2 * count, vectors)
        found.append(cosines(sums, sums, every, others))
        defined = defined & (sums.norms[:count] > 0) & (sums.norms[count:] > 0)
    return np.where(defined, found[0] - found[1], np.nan)
