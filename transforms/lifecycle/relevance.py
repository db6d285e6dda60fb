"""The relevance of journeys, by which a user's journeys are ordered: their importance with recency.

It is that of PinnerSage (2007.03634): the number of interactions, each with a weight that decays with its age.
"""

from __future__ import annotations

import numpy as np

from transforms.journeys.importance import IMPORTANCE_UNIT, decayed_weights
from transforms.lifecycle.rhythm import Floats, Integers, owners_of


def importance_of(offsets: Integers, times: Integers, users: Integers, half_life_days: float) -> Floats:
    """Compute the importance of journeys.

    Args:
        offsets: int64, shape (journeys + 1,); each journey has an interaction.
        times: int64, shape (interactions,), microseconds, ascending in each journey.
        users: int64, shape (journeys,): the user of each; ages are relative to the last interaction of the user's
            journeys.
        half_life_days: age in days at which a weight is one half.

    Returns:
        float64, shape (journeys,), above 0 for the journey that the user continued last.
    """
    if not len(users):
        return np.zeros(0)
    now = np.full(int(users.max()) + 1, np.iinfo(np.int64).min)
    np.maximum.at(now, users, times[offsets[1:] - 1])
    weights = decayed_weights(now[users][owners_of(offsets)] - times, half_life_days)
    return np.add.reduceat(weights, offsets[:-1]) / IMPORTANCE_UNIT
