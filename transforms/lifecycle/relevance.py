"""The relevance of journeys, by which a user's journeys are ordered."""

from __future__ import annotations

import numpy as np

from transforms.journeys.importance import IMPORTANCE_UNIT, decayed_weights
from transforms.lifecycle.config import RhythmConfig, TopListConfig
from transforms.lifecycle.rhythm import ActiveDays, Floats, Integers, owners_of, return_rates


def importance_of(offsets: Integers, times: Integers, users: Integers, half_life_days: float) -> Floats:
    """Compute the importance of journeys: the number of interactions, each with a weight that halves with its age.

    Args:
        offsets: int64, shape (journeys + 1,); each journey has an interaction.
        times: int64, shape (interactions,), microseconds, ascending in each journey.
        users: int64, shape (journeys,): the user of each, ascending; ages are relative to the last interaction of the
            user's journeys.
        half_life_days: age in days at which a weight is one half.

    Returns:
        float64, shape (journeys,), above 0 for the journey that the user continued last.
    """
    last = times[offsets[1:] - 1]
    starts = np.flatnonzero(np.r_[True, users[1:] != users[:-1]]) if len(users) else np.zeros(0, np.int64)
    now = np.repeat(np.maximum.reduceat(last, starts), np.diff(np.r_[starts, len(users)])) if len(users) else last
    weights = decayed_weights(now[owners_of(offsets)] - times, half_life_days)
    return np.add.reduceat(weights, offsets[:-1]) / IMPORTANCE_UNIT if len(users) else np.zeros(0)


def relevance_of(
    offsets: Integers,
    times: Integers,
    users: Integers,
    days: ActiveDays,
    silent: Floats,
    mean_gap: float,
    config: tuple[RhythmConfig, TopListConfig],
) -> Floats:
    """Compute the relevance of journeys, float64, shape (journeys,), not negative.

    Args:
        offsets: int64, shape (journeys + 1,).
        times: int64, shape (interactions,), microseconds, ascending in each journey.
        users: int64, shape (journeys,): the user of each, ascending.
        days: the active days of each journey.
        silent: float64, shape (journeys,): days since the last interaction.
        mean_gap: mean gap of the log in days.
        config: the configuration of the rhythm, and of the order.
    """
    rhythm, top_list = config
    if top_list.relevance == "return_rate":
        return return_rates(days, silent, mean_gap, rhythm.gap_weight)
    return importance_of(offsets, times, users, top_list.importance_half_life)
