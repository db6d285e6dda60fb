"""Retrieval of the best items of a cluster for many users, by one matrix product for each cluster.

The cost of a request is the number of members of its cluster, not of the catalogue. Vectors are whole numbers, so the
products are exact in float64, and which requests are computed together changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from transforms.columnar import run_offsets
from transforms.recommendation.histories import NO_ITEM, Codes, Integers, ItemHistories
from transforms.recommendation.members import Members
from transforms.recommendation.ranker import Vectors

Scores = npt.NDArray[np.float64]

MemberScores = Callable[[Integers, Codes], Scores]
"""Computes scores of some requests and items, a new array of float64, shape (requests, items)."""

_SCORES_PER_BLOCK = 1 << 22
"""Number of scores that are held at a time: 32 MiB."""


class Requests(NamedTuple):
    """Requests for the best items of clusters.

    Attributes:
        users: int64, shape (requests,): positions of the users.
        clusters: int32, shape (requests,): the cluster of each.
    """

    users: Integers
    clusters: Codes


class Consumed(NamedTuple):
    """The distinct items of each user, in compressed rows, ascending within a user.

    Attributes:
        offsets: int64, shape (users + 1,).
        items: int32, shape (pairs,).
    """

    offsets: Integers
    items: Codes


class Retrieved(NamedTuple):
    """The best items of each request.

    Attributes:
        items: int32, shape (requests, count): the best first; ties: the lower code. `NO_ITEM` after the last one.
        scores: float64, of the same shape; minus infinity for `NO_ITEM`.
        lowest: float64, shape (requests,): the lowest score of a member of the cluster; infinity for a cluster without
            members.
    """

    items: Codes
    scores: Scores
    lowest: Scores

    @classmethod
    def nothing(cls, requests: int, count: int) -> Retrieved:
        """Return requests for which no item is found."""
        shape = requests, count
        return cls(np.full(shape, NO_ITEM, np.int32), np.full(shape, -np.inf), np.full(requests, np.inf))


def consumed_items(histories: ItemHistories) -> Consumed:
    """Return the distinct items of each user."""
    users = np.repeat(np.arange(histories.user_count, dtype=np.int64), np.diff(histories.offsets))
    inside = histories.items != NO_ITEM
    order = np.lexsort((histories.items[inside], users[inside]))
    users, items = users[inside][order], histories.items[inside][order]
    is_first = np.ones(len(items), bool)
    is_first[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    lengths = np.bincount(users[is_first], minlength=histories.user_count)
    return Consumed(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), items[is_first])


def top_items(
    user_vectors: Vectors,
    item_vectors: Vectors,
    members: Members,
    requests: Requests,
    consumed: Consumed,
    count: int,
) -> Retrieved:
    """Find the items with the highest scores among the members of clusters, without those that users consumed.

    Args:
        user_vectors: int16, shape (requests, dimensions): the vector of the user of each request.
        item_vectors: int16, shape (items, dimensions).
        members: the members of clusters.
        requests: the requests, in any order.
        consumed: the items of users.
        count: maximum number of items of a request.
    """

    def products(rows: Integers, items: Codes) -> Scores:
        found: Scores = user_vectors[rows].astype(np.float64) @ item_vectors[items].astype(np.float64).T
        return found

    return best_members(products, members, requests, consumed, count)


def best_members(
    scores_of: MemberScores, members: Members, requests: Requests, consumed: Consumed, count: int
) -> Retrieved:
    """Find the items with the highest scores among the members of clusters, as `top_items` does, by given scores.

    Args:
        scores_of: the scores of the members of a cluster, for positions in `requests`.
        members: the members of clusters.
        requests: the requests, in any order.
        consumed: the items of users.
        count: maximum number of items of a request.
    """
    found = Retrieved.nothing(len(requests.users), count)
    order = np.argsort(requests.clusters, kind="stable")
    starts = run_offsets(requests.clusters[order])
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        cluster = int(requests.clusters[order[start]])
        own = members.items[members.offsets[cluster] : members.offsets[cluster + 1]]
        if not len(own):
            continue
        rows_per_block = max(_SCORES_PER_BLOCK // len(own), 1)
        for low in range(start, end, rows_per_block):
            rows = order[low : min(low + rows_per_block, end)]
            scores = scores_of(rows, own)
            found.lowest[rows] = scores.min(axis=1)
            _select(scores, own, requests.users[rows], *consumed, rows, found.items, found.scores)
    return found


@numba.njit(cache=True, nogil=True)
def _select(scores, members, users, offsets, consumed, rows, items, best):  # type: ignore[no-untyped-def]
    count = items.shape[1]
    for row in range(len(rows)):
        own = scores[row]
        # Phase 1: remove what the user consumed. Both lists are ascending.
        place = 0
        for position in range(offsets[users[row]], offsets[users[row] + 1]):
            item = consumed[position]
            place += np.searchsorted(members[place:], item)
            if place < len(members) and members[place] == item:
                own[place] = -np.inf
        # Phase 2: insert into a list that is sorted by score, then by code.
        target, filled = rows[row], 0
        for member in range(len(members)):
            score = own[member]
            if score == -np.inf or (filled == count and score <= best[target, count - 1]):
                continue
            slot = min(filled, count - 1)
            while slot > 0 and best[target, slot - 1] < score:
                best[target, slot] = best[target, slot - 1]
                items[target, slot] = items[target, slot - 1]
                slot -= 1
            best[target, slot] = score
            items[target, slot] = members[member]
            filled = min(filled + 1, count)
