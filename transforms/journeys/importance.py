"""How important journeys are to their users where interactions of long ago count less: a half-life for each of them.

PinnerSage (2007.03634) ranks the clusters of a user by the sum of `exp(-lambda (now - t))` over their interactions.
Here `now` is the user's own last interaction, so that nothing but the user's history decides, and `lambda` is told by
the time in which the weight of an interaction halves: the weight is `2 ** (-(now - t) / half-life)`.

Weights are whole multiples of 2**-40, so that their sums are exact in any order. They are computed by operations that
every machine rounds alike: `exp2` is none, its last digit differs between processors.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from transforms.journeys.icpc import Journeys

IMPORTANCE_UNIT = 1 << 40
"""The weight of an interaction at the time of the last one."""

_MICROSECONDS_PER_DAY = 86_400_000_000
_LONGEST = 1 << 62  # in microseconds, what an int64 holds
_MOST_HALVINGS = 62  # what an int64 can be shifted by
_LOGARITHM_OF_HALF = -0.6931471805599453
_TERMS = 18


def _coefficients() -> tuple[float, ...]:
    """Those of the Taylor series of `2 ** -x`; the first that is left out is below 2**-60 for x in [0, 1]."""
    found = [1.0]
    for power in range(1, _TERMS):
        found.append(found[-1] * _LOGARITHM_OF_HALF / power)
    return tuple(found)


_COEFFICIENTS = _coefficients()


def decayed_weights(ages: npt.NDArray[np.int64], half_life_days: float) -> npt.NDArray[np.int64]:
    """The weight of interactions by their age.

    Args:
        ages: int64, shape (interactions,), microseconds, at least 0.
        half_life_days: the age in days at which a weight is half; above 0. Rounded to microseconds.

    Returns:
        int64, shape (interactions,), in units of 1 / `IMPORTANCE_UNIT`; 0 past some forty half-lives.
    """
    half_life = max(round(min(half_life_days * _MICROSECONDS_PER_DAY, _LONGEST)), 1)
    halvings, rest = np.divmod(ages, half_life)
    fractions = rest / half_life
    weights = np.zeros(len(ages))
    for coefficient in reversed(_COEFFICIENTS):
        weights = weights * fractions + coefficient
    whole: npt.NDArray[np.int64] = np.rint(weights * IMPORTANCE_UNIT).astype(np.int64)
    return whole >> np.minimum(halvings, _MOST_HALVINGS)


def importances(
    journeys: Journeys, offsets: npt.NDArray[np.int64], times: npt.NDArray[np.int64], half_life_days: float
) -> npt.NDArray[np.int64]:
    """The importance of each journey: the sum of the weights of its interactions, each by its age at the user's last.

    Args:
        journeys: the journeys, each of one interaction at least.
        offsets: int64, shape (users + 1,): the interactions of user u are `times[offsets[u]:offsets[u + 1]]`.
        times: int64, shape (interactions,), microseconds, ascending for each user. Those in no journey count as last.
        half_life_days: the age in days at which a weight is half; above 0.

    Returns:
        int64, shape (journeys,), in units of 1 / `IMPORTANCE_UNIT`; exact for journeys of up to 2**22 interactions.
    """
    now = times[offsets[journeys.users + 1] - 1]
    ages = np.repeat(now, np.diff(journeys.member_offsets)) - times[journeys.members]
    sums: npt.NDArray[np.int64] = np.add.reduceat(decayed_weights(ages, half_life_days), journeys.member_offsets[:-1])
    return sums
