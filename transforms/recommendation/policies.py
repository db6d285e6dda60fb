"""Policies that fill a list: novel items by the table, familiar items by the history, popular items where both end.

- Novel items are ranked by the score of the item times the probability of its cluster to a power; or they are taken
  from the looked-up clusters in turn, in the order of the table: the best item of each cluster, then the second of
  each, and so on.
- Familiar items are those with the highest scores among the best items of the familiar clusters.
- Of `slots` places, n are for novel items, evenly spaced: place p is one if `floor(p n / slots)` exceeds
  `floor((p - 1) n / slots)`. Where one kind ends, the other takes its places, then popular items do.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from schemas.recommendations import POLICIES
from transforms.recommendation.histories import NO_ITEM, Codes, Integers
from transforms.recommendation.retrieval import Consumed, Retrieved, Scores

NOVEL, FAMILIAR, POPULAR = (POLICIES.index(name) for name in ("novel", "familiar", "popular"))

_LEAST_RELATIVE = 1e-6
_WEIGHT_UNIT = 1 << 20


class Candidates(NamedTuple):
    """Items of one policy for each user, the best first.

    Attributes:
        items: int32, shape (users, places): `NO_ITEM` after the last one.
        scores: float64, of the same shape.
        columns: int64, of the same shape: the number of the user's request, from 0.
    """

    items: Codes
    scores: Scores
    columns: Integers


class Lists(NamedTuple):
    """The lists of users, shape (users, slots) each.

    Attributes:
        items: int32; `NO_ITEM` after the last one.
        policies: int8: indices into `POLICIES`.
        places: int32: the place of the item among the candidates of its policy.
    """

    items: Codes
    policies: npt.NDArray[np.int8]
    places: Codes


def allocate(
    retrieved: Retrieved, probabilities: Scores, power: float | None, origins: Scores | None = None
) -> Candidates:
    """Order the items of the clusters that were looked up for each user.

    Args:
        retrieved: the items of requests, shape (users * width, count), by user, then by the order of requests.
        probabilities: float64, shape (users, width): the probability, or another score that is not negative, of the
            cluster of each request.
        power: see `by_weighted_score`; None: `in_turn`.
        origins: see `by_weighted_score`.
    """
    width = probabilities.shape[1]
    if power is None:
        return in_turn(retrieved, width)
    return by_weighted_score(retrieved, cluster_weights(probabilities, power), origins)


def cluster_weights(probabilities: Scores, power: float) -> Scores:
    """Compute the factors by which the scores of the items of clusters are multiplied.

    A factor is the probability of the cluster, relative to the highest one of the user and at least 1e-6, to a power.
    It is rounded to a multiple of 2**-20: the last bits of logarithms and powers, which may differ between machines,
    then change no list.

    Args:
        probabilities: float64, shape (users, width), not negative; also numbers of interactions.
        power: at least 0; 0: all factors are 1.

    Returns:
        Shape (users, width), in (0, 1].
    """
    highest = probabilities.max(axis=1, keepdims=True, initial=np.finfo(np.float64).tiny)
    relative = np.maximum(probabilities / highest, _LEAST_RELATIVE)
    weights: Scores = np.maximum(np.rint(relative**power * _WEIGHT_UNIT), 1.0) / _WEIGHT_UNIT
    return weights


def by_weighted_score(retrieved: Retrieved, weights: Scores, origins: Scores | None = None) -> Candidates:
    """Order the items of each user by score times the weight of their cluster; ties: the lower code.

    Args:
        retrieved: as for `in_turn`.
        weights: float64, shape (users, width), above 0.
        origins: float64, shape (users,): the score that counts as 0 for each user, at most that of any item; None: 0,
            for scores that are not negative.
    """
    users, width = weights.shape
    count = retrieved.scores.shape[1]
    above = retrieved.scores.reshape(users, width, count)
    if origins is not None:
        above = above - origins[:, None, None]
    return _by_key(retrieved, width, (weights[:, :, None] * above).reshape(users, width * count))


def lowest_scores(retrieved: Retrieved, width: int) -> Scores:
    """Return the lowest score of any member of the clusters of each user, float64, shape (users,); 0 without any."""
    lowest = retrieved.lowest.reshape(-1, width).min(axis=1, initial=np.inf)
    return np.where(np.isfinite(lowest), lowest, 0.0)


def in_turn(retrieved: Retrieved, width: int) -> Candidates:
    """Order the items of `width` requests of each user: the best of each request, then the second of each, and so on.

    Args:
        retrieved: the items of requests, shape (users * width, count), by user, then by the order of requests.
        width: number of requests of a user.
    """
    count = retrieved.items.shape[1]
    users = len(retrieved.items) // width
    items = retrieved.items.reshape(users, width, count).transpose(0, 2, 1).reshape(users, width * count)
    scores = retrieved.scores.reshape(users, width, count).transpose(0, 2, 1).reshape(users, width * count)
    columns = np.broadcast_to(np.tile(np.arange(width, dtype=np.int64), count), items.shape)
    return _reorder(Candidates(items, scores, columns), np.argsort(items == NO_ITEM, axis=1, kind="stable"))


def by_score(retrieved: Retrieved, width: int) -> Candidates:
    """Order the items of `width` requests of each user by score; ties: the lower code. Arguments as for `in_turn`."""
    requests, count = retrieved.scores.shape
    return _by_key(retrieved, width, retrieved.scores.reshape(requests // width, width * count))


def _by_key(retrieved: Retrieved, width: int, keys: Scores) -> Candidates:
    """Order the items of each user by a key, the highest first; ties: the lower code."""
    count = retrieved.items.shape[1]
    items, scores = retrieved.items.reshape(keys.shape), retrieved.scores.reshape(keys.shape)
    columns = np.broadcast_to(np.repeat(np.arange(width, dtype=np.int64), count), items.shape)
    return _reorder(Candidates(items, scores, columns), np.lexsort((items, -keys)))


def _reorder(candidates: Candidates, order: npt.NDArray[np.intp]) -> Candidates:
    items, scores, columns = candidates
    return Candidates(
        np.take_along_axis(items, order, axis=1),
        np.take_along_axis(scores, order, axis=1),
        np.take_along_axis(columns, order, axis=1),
    )


def novel_places(slots: int, fraction: float, exploration: Scores | None, users: int) -> Integers:
    """Compute the number of places for novel items of each user.

    Args:
        slots: length of a list.
        fraction: fraction of novel items; with `exploration`, that of a user of the mean.
        exploration: float64, shape (users,): the probability that each user explores, divided by the mean over all
            users; NaN: it is not available, and 1 is used. None: all users have `fraction`.
        users: number of users.

    Returns:
        int64, shape (users,): `slots * fraction * exploration`, at most `slots`, rounded to the next whole number.
    """
    if exploration is None:
        return np.full(users, round(slots * fraction), np.int64)
    relative = np.where(np.isnan(exploration), 1.0, exploration)
    return np.rint(np.minimum(slots * fraction * relative, slots)).astype(np.int64)


def fill_lists(
    novel: Candidates, familiar: Candidates, popular: Codes, consumed: Consumed, slots: int, places: Integers
) -> Lists:
    """Fill the list of each user.

    Args:
        novel: candidates of novel clusters, which have no item in common with familiar ones.
        familiar: candidates of familiar clusters.
        popular: int32, shape (items,): codes of popular items, the most popular first.
        consumed: the items of users, which are not recommended.
        slots: length of a list.
        places: int64, shape (users,): number of places for novel items.
    """
    users = len(novel.items)
    lists = Lists(
        np.full((users, slots), NO_ITEM, np.int32),
        np.zeros((users, slots), np.int8),
        np.zeros((users, slots), np.int32),
    )
    _fill(novel.items, familiar.items, popular, *consumed, places, *lists)
    return lists


@numba.njit(cache=True, nogil=True)
def _fill(novel, familiar, popular, offsets, consumed, wanted, items, policies, places):  # type: ignore[no-untyped-def]
    users, slots = items.shape
    for user in range(users):
        own = consumed[offsets[user] : offsets[user + 1]]
        first = second = third = 0
        for place in range(slots):
            is_novel = (place + 1) * wanted[user] // slots > place * wanted[user] // slots
            has_novel = first < novel.shape[1] and novel[user, first] >= 0
            has_familiar = second < familiar.shape[1] and familiar[user, second] >= 0
            if has_novel and (is_novel or not has_familiar):
                items[user, place], policies[user, place], places[user, place] = novel[user, first], 0, first
                first += 1
            elif has_familiar:
                items[user, place], policies[user, place], places[user, place] = familiar[user, second], 1, second
                second += 1
            else:
                # Phase 2: popular items that are neither consumed nor in the list.
                while third < len(popular):
                    item = popular[third]
                    third += 1
                    at = np.searchsorted(own, item)
                    taken = at < len(own) and own[at] == item
                    for earlier in range(place):
                        taken = taken or items[user, earlier] == item
                    if not taken:
                        items[user, place], policies[user, place], places[user, place] = item, 2, third - 1
                        break
