"""The recurrence of journeys: whether one lasts over months, or belongs to a situation.

The effective number of months is the inverse Simpson index of the active days by month, `(sum n)^2 / sum n^2` (Hill
numbers of order 2; M. O. Hill, Ecology 54, 1973): 1 for a journey of one month, m for one that was as active in each
of m months. A burst with a few later days has few effective months, however long it spans.

The burstiness of the gaps is `(r - 1) / (r + 1)` for the ratio r of standard deviation and mean (Goh and Barabasi,
physics/0610233), here with the correction for few gaps of Kim and Jo (1604.01125): -1 for a regular rhythm, 0 for
random times, 1 for a single burst.
"""

from __future__ import annotations

import numpy as np

from transforms.lifecycle.rhythm import ActiveDays, Floats, Integers, owners_of

MIN_DAYS = 3
"""Minimum number of active days of a journey with a burstiness: two gaps."""


def months_of_days(days: Integers) -> Integers:
    """Return the calendar month of each day, in months since January 1970, int64."""
    return days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)


def effective_months(days: ActiveDays) -> Floats:
    """Compute the effective number of months of each journey, float64, at least 1."""
    owners, months = owners_of(days.offsets), months_of_days(days.days)
    changes = np.ones(len(months), np.bool_)
    changes[1:] = (months[1:] != months[:-1]) | (owners[1:] != owners[:-1])
    starts = np.flatnonzero(changes)
    counts = np.diff(np.append(starts, len(months)))
    squares = np.bincount(owners[starts], counts.astype(np.float64) ** 2, len(days.offsets) - 1)
    return np.diff(days.offsets).astype(np.float64) ** 2 / squares


def burstiness(days: ActiveDays) -> Floats:
    """Compute the burstiness of the gaps of each journey, float64, in [-1, 1]; NaN below `MIN_DAYS` active days."""
    owners = owners_of(days.offsets)
    same = owners[1:] == owners[:-1]
    gaps, of = np.diff(days.days)[same].astype(np.float64), owners[1:][same]
    journeys = len(days.offsets) - 1
    count = np.diff(days.offsets).astype(np.float64)
    sums, squares = (np.bincount(of, values, journeys) for values in (gaps, gaps**2))
    has = count >= MIN_DAYS
    number = np.where(has, count - 1, 1.0)
    mean = np.where(has, sums / number, 1.0)
    # Sums of whole numbers are exact, so a regular rhythm has a variance of exactly 0.
    ratio = np.sqrt(np.maximum(number * squares - sums**2, 0.0)) / number / mean
    more, fewer = np.sqrt(number + 1), np.sqrt(np.maximum(number - 1, 1.0))
    found = (more * ratio - fewer) / ((more - 2) * ratio + fewer)
    return np.where(has, np.clip(found, -1.0, 1.0), np.nan)
