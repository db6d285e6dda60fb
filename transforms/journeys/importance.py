"""The importance of journeys to their users, with a half-life after which interactions count less.

PinnerSage (2007.03634) ranks the clusters of a user by the sum of `exp(-lambda (now - t))` over their interactions.
Here `now` is the user's last interaction, so that the result depends only on the user's history, and `lambda` is given
as a half-life: the weight is `2 ** (-(now - t) / half-life)`.

Weights are multiples of 2**-40, so that their sums are exact in any order. They are computed by operations that every
machine rounds equally, which `exp2` is not: its last digit differs between processors.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.journeys.icpc import Journeys

IMPORTANCE_UNIT = 1 << 40
"""The weight of an interaction at the time of the user's last one."""

_MICROSECONDS_PER_DAY = 86_400_000_000
_MAX_HALF_LIFE = 1 << 62  # in microseconds, what an int64 holds
_MAX_HALVINGS = 62  # what an int64 can be shifted by
_LOG_HALF = -0.6931471805599453
_TERMS = 18


def _coefficients() -> tuple[float, ...]:
    """Compute the Taylor coefficients of `2 ** -x`; the first omitted term is below 2**-60 for x in [0, 1]."""
    found = [1.0]
    for power in range(1, _TERMS):
        found.append(found[-1] * _LOG_HALF / power)
    return tuple(found)


_COEFFICIENTS = _coefficients()


def decayed_weights(ages: npt.NDArray[np.int64], half_life_days: float) -> npt.NDArray[np.int64]:
    """Compute the weight of interactions from their age.

    Args:
        ages: int64, shape (interactions,), microseconds, at least 0.
        half_life_days: age in days at which a weight is one half, above 0. It is rounded to microseconds.

    Returns:
        int64, shape (interactions,), in units of 1 / `IMPORTANCE_UNIT`; 0 after about forty half-lives.
    """
    half_life = max(round(min(half_life_days * _MICROSECONDS_PER_DAY, _MAX_HALF_LIFE)), 1)
    halvings, rest = np.divmod(ages, half_life)
    fractions = rest / half_life
    weights = np.zeros(len(ages))
    for coefficient in reversed(_COEFFICIENTS):
        weights = weights * fractions + coefficient
    whole: npt.NDArray[np.int64] = np.rint(weights * IMPORTANCE_UNIT).astype(np.int64)
    return whole >> np.minimum(halvings, _MAX_HALVINGS)


def importances(
    journeys: Journeys, offsets: npt.NDArray[np.int64], times: npt.NDArray[np.int64], half_life_days: float
) -> npt.NDArray[np.int64]:
    """Compute the importance of each journey: the sum of the weights of its interactions.

    The age of an interaction is relative to the user's last interaction.

    Args:
        journeys: the journeys; each has at least one interaction.
        offsets: int64, shape (users + 1,): the interactions of user u are `times[offsets[u]:offsets[u + 1]]`.
        times: int64, shape (interactions,), microseconds, ascending for each user, also of those in no journey.
        half_life_days: age in days at which a weight is one half, above 0.

    Returns:
        int64, shape (journeys,), in units of 1 / `IMPORTANCE_UNIT`; exact for journeys of up to 2**22 interactions.
    """
    now = times[offsets[journeys.users + 1] - 1]
    ages = np.repeat(now, np.diff(journeys.member_offsets)) - times[journeys.members]
    sums: npt.NDArray[np.int64] = np.add.reduceat(decayed_weights(ages, half_life_days), journeys.member_offsets[:-1])
    return sums
