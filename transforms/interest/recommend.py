"""Recommendations of items by a model of interest and by popularity."""

from __future__ import annotations

from typing import Literal

import numba
import numpy as np
import numpy.typing as npt

from transforms.interest.pairs import Codes, Pairs
from transforms.interest.training import Embeddings, InterestModel

Cause = Literal["both", "interest"]


def recommend(model: InterestModel, pairs: Pairs, users: Codes, count: int, cause: Cause = "both") -> Codes:
    """Recommend the items with the highest scores that a user did not consume.

    Args:
        model: the model.
        pairs: the pairs of user and item.
        users: int32, shape (users,).
        count: number of items; each user must have at least this number of items not consumed.
        cause: `both`: scores of interest and conformity; `interest`: scores of interest only.

    Returns:
        int32, shape (users, count): items, the best first; ties: the lower index.
    """
    width = model.dimensions if cause == "interest" else 2 * model.dimensions
    items = np.ascontiguousarray(model.items[:, :width])
    return np.stack([_best(items, model.users[user, :width], _seen(pairs, user), count) for user in users])


def recommend_popular(pairs: Pairs, users: Codes, count: int) -> Codes:
    """Recommend the most popular items that a user did not consume, in the format of `recommend`."""
    popularity = pairs.popularity.astype(np.float64)
    return np.stack([_highest(popularity.copy(), _seen(pairs, user), count) for user in users])


def top_popular(pairs: Pairs, count: int) -> Codes:
    """Return the most popular items, int32, shape (count,); ties: the lower index."""
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
    """Compute scores in a fixed order of summation, which a matrix product does not guarantee."""
    for item in range(len(scores)):
        score = 0.0
        for dimension in range(len(user)):
            score += items[item, dimension] * user[dimension]
        scores[item] = score
