"""Which items a model would show a user next."""

from __future__ import annotations

from typing import Literal

import numba
import numpy as np
import numpy.typing as npt

from transforms.interest.pairs import Codes, Pairs
from transforms.interest.training import Embeddings, InterestModel

Cause = Literal["both", "interest"]


def recommend(model: InterestModel, pairs: Pairs, users: Codes, count: int, cause: Cause = "both") -> Codes:
    """The items with the highest scores that a user did not consume.

    Args:
        model: what was learnt.
        pairs: who consumed what.
        users: int32, shape (users,): for whom.
        count: how many items; each user must have so many that they did not consume.
        cause: whether scores are those of interest and conformity together, or of interest alone.

    Returns:
        int32, shape (users, count): items, the best first; ties: the lower number.
    """
    width = model.dimensions if cause == "interest" else 2 * model.dimensions
    items = np.ascontiguousarray(model.items[:, :width])
    return np.stack([_best(items, model.users[user, :width], _seen(pairs, user), count) for user in users])


def recommend_popular(pairs: Pairs, users: Codes, count: int) -> Codes:
    """The most popular items that a user did not consume, as `recommend` gives them."""
    popularity = pairs.popularity.astype(np.float64)
    return np.stack([_highest(popularity.copy(), _seen(pairs, user), count) for user in users])


def most_popular(pairs: Pairs, count: int) -> Codes:
    """The most popular items of all; int32, shape (count,); ties: the lower number."""
    return _highest(pairs.popularity.astype(np.float64), pairs.items[:0], count)


def _seen(pairs: Pairs, user: np.integer) -> Codes:
    return pairs.items[pairs.offsets[user] : pairs.offsets[user + 1]]


def _best(items: Embeddings, user: Embeddings, seen: Codes, count: int) -> Codes:
    scores = np.empty(len(items))
    _score_items(items, user, scores)
    return _highest(scores, seen, count)


def _highest(scores: npt.NDArray[np.float64], seen: Codes, count: int) -> Codes:
    scores[seen] = -np.inf
    return np.argsort(-scores, kind="stable")[:count].astype(np.int32)


@numba.njit(cache=True, nogil=True)
def _score_items(items, user, scores):  # type: ignore[no-untyped-def]
    """Sums in one order, which a matrix product does not promise."""
    for item in range(len(scores)):
        score = 0.0
        for place in range(len(user)):
            score += items[item, place] * user[place]
        scores[item] = score
