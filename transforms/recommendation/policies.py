"""Policies that fill a list: novel items by the table, familiar items by the history, popular items where both end.

- Novel items are taken from the looked-up clusters in turn, in the order of the table: the best item of each cluster,
  then the second of each, and so on.
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
    count = retrieved.items.shape[1]
    users = len(retrieved.items) // width
    items, scores = retrieved.items.reshape(users, width * count), retrieved.scores.reshape(users, width * count)
    columns = np.broadcast_to(np.repeat(np.arange(width, dtype=np.int64), count), items.shape)
    return _reorder(Candidates(items, scores, columns), np.lexsort((items, -scores)))


def _reorder(candidates: Candidates, order: npt.NDArray[np.intp]) -> Candidates:
    items, scores, columns = candidates
    return Candidates(
        np.take_along_axis(items, order, axis=1),
        np.take_along_axis(scores, order, axis=1),
        np.take_along_axis(columns, order, axis=1),
    )


def fill_lists(
    novel: Candidates, familiar: Candidates, popular: Codes, consumed: Consumed, slots: int, novel_places: int
) -> Lists:
    """Fill the list of each user.

    Args:
        novel: candidates of novel clusters, which have no item in common with familiar ones.
        familiar: candidates of familiar clusters.
        popular: int32, shape (items,): codes of popular items, the most popular first.
        consumed: the items of users, which are not recommended.
        slots: length of a list.
        novel_places: number of places for novel items.
    """
    users = len(novel.items)
    lists = Lists(
        np.full((users, slots), NO_ITEM, np.int32),
        np.zeros((users, slots), np.int8),
        np.zeros((users, slots), np.int32),
    )
    _fill(novel.items, familiar.items, popular, *consumed, novel_places, *lists)
    return lists


@numba.njit(cache=True, nogil=True)
def _fill(novel, familiar, popular, offsets, consumed, novel_places, items, policies, places):  # type: ignore[no-untyped-def]
    users, slots = items.shape
    for user in range(users):
        own = consumed[offsets[user] : offsets[user + 1]]
        first = second = third = 0
        for place in range(slots):
            is_novel = (place + 1) * novel_places // slots > place * novel_places // slots
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
