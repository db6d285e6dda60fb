"""Greedy re-ranking of candidate lists: by intent, by maximal marginal relevance, and by a determinantal point process.

All three place one candidate after another, the one with the highest value given those placed so far; of equal values
the earlier candidate. They compute in float64, each user alone, so that the result does not depend on the batch.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Positions = npt.NDArray[np.int32]

NO_CANDIDATE = -1
"""The position in places that no candidate is left for."""

NO_INTENT = -1
"""The intent of a candidate that serves none."""

MIN_VOLUME = 1e-10
"""Squared distance of a unit vector from the span of the vectors placed, below which it counts as within the span."""

_SMALLEST_TOTAL = 1e-100
_SUM_TOLERANCE = 1e-6


class Reranked(NamedTuple):
    """Lists that were re-ranked by intent.

    Attributes:
        positions: int32, shape (users, count): positions of candidates; `NO_CANDIDATE` after the last one.
        beliefs: float64, shape (users, intents): the probabilities of the intents after the last placement.
    """

    positions: Positions
    beliefs: Floats


def rerank_by_intent(
    qualities: npt.NDArray[np.floating],
    engagement: npt.NDArray[np.floating],
    served: npt.NDArray[np.integer],
    beliefs: npt.NDArray[np.floating],
    strength: float,
    count: int,
) -> Reranked:
    """Re-rank candidates so that they serve several intents (2405.12327).

    The next candidate maximizes `s (sum_v Pr(v) Q(v))^strength`. Q(v) is the probability that the user engages with the
    candidate given the intent v: the engagement for the intent that the candidate serves, and 0 for the others.
    Afterwards the probabilities are those given that the user did not engage with it: `Pr(v) (1 - Q(v))`, normalized.
    This is Bayes' rule for intents of which one is true; the update that the paper prints changes nothing if Q is equal
    for all users with the intent.

    Each candidate serves one intent, given as a code: with hundreds of intents, such as interest clusters, a placement
    then changes one probability up to a common factor, and its cost does not depend on their product with the
    candidates. If intents overlap, take their combinations as intents.

    Args:
        qualities: shape (users, candidates): qualities s, not negative; minus infinity: there is no candidate.
        engagement: shape (users, candidates), in [0, 1]: the probability of engagement given the intent served.
        served: shape (users, candidates): codes of intents, from 0, or `NO_INTENT`.
        beliefs: shape (users, intents): the probabilities of the intents, of sum 1.
        strength: the exponent, at least 0; 0: candidates are ordered by quality.
        count: number of places.

    Returns:
        The positions and the last probabilities. If the user is certain to engage with a candidate but did not, the
        probabilities before it are kept.

    Raises:
        ValueError: naming the argument, what is wrong and what is allowed.
    """
    own = _checked_qualities(qualities, count)
    _check_not_below_zero(own)
    if not strength >= 0 or not np.isfinite(strength):
        raise ValueError(f"strength must be at least 0, got {strength}")
    odds = np.ascontiguousarray(engagement, np.float64)
    codes = np.ascontiguousarray(served, np.int64)
    probabilities = np.array(beliefs, np.float64)
    _check_intents(own, odds, codes, probabilities)
    positions = np.full((len(own), count), NO_CANDIDATE, np.int32)
    _place_by_intent(own, odds, codes, probabilities, float(strength), positions)
    return Reranked(positions, probabilities)


def rerank_by_mmr(
    qualities: npt.NDArray[np.floating], vectors: npt.NDArray[np.floating], weight: float, count: int
) -> Positions:
    """Re-rank candidates by maximal marginal relevance (Carbonell and Goldstein 1998).

    The next candidate maximizes `(1 - weight) s - weight c`, where c is the highest cosine with a candidate placed, 0
    before the first one.

    Args:
        qualities: shape (users, candidates): qualities s; minus infinity: there is no candidate.
        vectors: shape (users, candidates, D): vectors of the candidates; the cosine of a zero vector with another
            vector is 0.
        weight: weight of diversity, in [0, 1]; 0: candidates are ordered by quality.
        count: number of places.

    Returns:
        int32, shape (users, count): positions of candidates; `NO_CANDIDATE` after the last one.

    Raises:
        ValueError: naming the argument, what is wrong and what is allowed.
    """
    own = _checked_qualities(qualities, count)
    directions = _checked_directions(own, vectors, weight)
    positions = np.full((len(own), count), NO_CANDIDATE, np.int32)
    _place_by_mmr(own, directions, float(weight), positions)
    return positions


def rerank_by_dpp(
    qualities: npt.NDArray[np.floating], vectors: npt.NDArray[np.floating], weight: float, count: int
) -> Positions:
    """Re-rank candidates by greedy MAP inference of a determinantal point process (1709.05135).

    The candidates placed, R, maximize `(1 - weight) sum_R s + weight log det S_R` greedily, where S is the matrix of
    cosines. The determinants are updated by an incremental Cholesky factorization, in time linear in the candidates for
    each pair of places.

    Where the vectors placed span all others, every further determinant is 0. Such candidates have `log MIN_VOLUME` as
    their gain, so that quality orders them after the others.

    Args:
        qualities: as for `rerank_by_mmr`.
        vectors: as for `rerank_by_mmr`.
        weight: weight of diversity, in [0, 1]; 0: candidates are ordered by quality.
        count: number of places.

    Returns:
        As `rerank_by_mmr`.

    Raises:
        ValueError: naming the argument, what is wrong and what is allowed.
    """
    own = _checked_qualities(qualities, count)
    directions = _checked_directions(own, vectors, weight)
    positions = np.full((len(own), count), NO_CANDIDATE, np.int32)
    _place_by_dpp(own, directions, float(weight), MIN_VOLUME, positions)
    return positions


def _checked_qualities(qualities: npt.NDArray[np.floating], count: int) -> Floats:
    own = np.ascontiguousarray(qualities, np.float64)
    if own.ndim != 2:
        raise ValueError(f"qualities must have the shape (users, candidates), got {own.shape}")
    if (np.isnan(own) | (own == np.inf)).any():
        raise ValueError("qualities must be numbers, or minus infinity where there is no candidate")
    if count < 0:
        raise ValueError(f"count must be at least 0, got {count}")
    return own


def _check_not_below_zero(qualities: Floats) -> None:
    if ((qualities < 0) & (qualities > -np.inf)).any():
        raise ValueError("qualities must not be negative: they are multiplied with a power of a probability")


def _check_intents(qualities: Floats, engagement: Floats, served: npt.NDArray[np.int64], beliefs: Floats) -> None:
    if engagement.shape != qualities.shape or served.shape != qualities.shape:
        raise ValueError(
            f"engagement and served must have the shape of qualities, {qualities.shape}, got {engagement.shape} and "
            f"{served.shape}"
        )
    if beliefs.ndim != 2 or len(beliefs) != len(qualities):
        raise ValueError(f"beliefs must have the shape ({len(qualities)}, intents), got {beliefs.shape}")
    present = qualities > -np.inf
    if not ((engagement[present] >= 0) & (engagement[present] <= 1)).all():
        raise ValueError("engagement must be in [0, 1]")
    if ((served < NO_INTENT) | (served >= beliefs.shape[1]))[present].any():
        raise ValueError(f"served must be codes below {beliefs.shape[1]}, or {NO_INTENT} for none")
    if not (beliefs >= 0).all() or not (np.abs(beliefs.sum(axis=1) - 1) <= _SUM_TOLERANCE).all():
        raise ValueError("beliefs must be probabilities of sum 1 for each user")


def _checked_directions(qualities: Floats, vectors: npt.NDArray[np.floating], weight: float) -> Floats:
    """Return the vectors divided by their lengths, shape (users, D, candidates); zero vectors stay zero."""
    if vectors.ndim != 3 or vectors.shape[:2] != qualities.shape:
        raise ValueError(f"vectors must have the shape {(*qualities.shape, 'D')}, got {vectors.shape}")
    if not 0 <= weight <= 1:
        raise ValueError(f"weight must be in [0, 1], got {weight}")
    if not np.isfinite(vectors[qualities > -np.inf]).all():
        raise ValueError("vectors must be numbers")
    # Candidates last: sums over D are then vectorized over candidates, each in the same order.
    turned = np.ascontiguousarray(vectors.transpose(0, 2, 1), np.float64)
    lengths = np.sqrt((turned**2).sum(axis=1, keepdims=True))
    return np.divide(turned, lengths, out=turned, where=lengths > 0)


@numba.njit(cache=True, nogil=True)
def _best(values, free):  # type: ignore[no-untyped-def]
    """Return the first free candidate with the highest value, or -1."""
    best = -1
    for candidate in range(len(values)):
        if free[candidate] and (best < 0 or values[candidate] > values[best]):
            best = candidate
    return best


@numba.njit(cache=True, nogil=True)
def _place_by_intent(qualities, engagement, served, beliefs, strength, positions):  # type: ignore[no-untyped-def]
    users, candidates = qualities.shape
    intents = beliefs.shape[1]
    values = np.empty(candidates)
    powers = np.empty(intents)
    for user in range(users):
        own = beliefs[user]
        free = qualities[user] > -np.inf
        # The factors of a value that no placement changes.
        fixed = qualities[user] * engagement[user] ** strength
        powers[:] = own**strength
        for place in range(positions.shape[1]):
            for candidate in range(candidates):
                intent = served[user, candidate]
                # A candidate without an intent has the sum 0, whose power is 1 if the strength is 0.
                power = 0.0**strength if intent < 0 else powers[intent]
                values[candidate] = fixed[candidate] * power
            best = _best(values, free)
            if best < 0:
                break
            positions[user, place] = best
            free[best] = False
            intent = served[user, best]
            if intent < 0:
                continue
            before = own[intent]
            own[intent] = before * (1 - engagement[user, best])
            total = own.sum()
            if total == 0:  # all belief is in an intent that this observation excludes
                own[intent] = before
            elif total < _SMALLEST_TOTAL:
                own /= total
                powers[:] = own**strength
            else:
                # The others keep their values: the common factor, 1 / total, does not change which is best.
                powers[intent] = own[intent] ** strength
        own /= own.sum()


@numba.njit(cache=True, nogil=True)
def _cosines(directions, chosen, found):  # type: ignore[no-untyped-def]
    """Compute the cosines of one candidate with all, for directions of shape (D, candidates)."""
    found[:] = 0
    for dimension in range(directions.shape[0]):
        component = directions[dimension, chosen]
        for candidate in range(directions.shape[1]):
            found[candidate] += component * directions[dimension, candidate]


@numba.njit(cache=True, nogil=True)
def _place_by_mmr(qualities, directions, weight, positions):  # type: ignore[no-untyped-def]
    users, candidates = qualities.shape
    values, cosines, nearest = np.empty(candidates), np.empty(candidates), np.empty(candidates)
    for user in range(users):
        free = qualities[user] > -np.inf
        nearest[:] = 0
        for place in range(positions.shape[1]):
            for candidate in range(candidates):
                if free[candidate]:
                    values[candidate] = (1 - weight) * qualities[user, candidate] - weight * nearest[candidate]
            best = _best(values, free)
            if best < 0:
                break
            positions[user, place] = best
            free[best] = False
            _cosines(directions[user], best, cosines)
            for candidate in range(candidates):
                if place == 0 or cosines[candidate] > nearest[candidate]:
                    nearest[candidate] = cosines[candidate]


@numba.njit(cache=True, nogil=True)
def _place_by_dpp(qualities, directions, weight, min_volume, positions):  # type: ignore[no-untyped-def]
    users, candidates = qualities.shape
    count = positions.shape[1]
    values, row, volumes = np.empty(candidates), np.empty(candidates), np.empty(candidates)
    # Row r holds the r-th row of the transposed Cholesky factor, for all candidates.
    factor = np.empty((min(count, candidates), candidates))
    for user in range(users):
        free = qualities[user] > -np.inf
        volumes[:] = 1
        rows = 0
        for place in range(count):
            for candidate in range(candidates):
                if free[candidate]:
                    gain = np.log(max(volumes[candidate], min_volume))
                    values[candidate] = (1 - weight) * qualities[user, candidate] + weight * gain
            best = _best(values, free)
            if best < 0:
                break
            positions[user, place] = best
            free[best] = False
            if volumes[best] < min_volume:  # within the span of those placed: it changes no volume
                continue
            _cosines(directions[user], best, row)
            root = np.sqrt(volumes[best])
            for earlier in range(rows):
                component = factor[earlier, best]
                for candidate in range(candidates):
                    row[candidate] -= component * factor[earlier, candidate]
            for candidate in range(candidates):
                factor[rows, candidate] = row[candidate] / root
                volumes[candidate] -= factor[rows, candidate] ** 2
            rows += 1
