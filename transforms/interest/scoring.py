"""The interest of interactions: a probability for each user and item, from a trained model."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.hashing import StringIndex
from transforms.interest.training import InterestModel

UNKNOWN = -1
"""The index of a user or an item that is not in the model."""

_EVEN = 0.5


class NamedModel(NamedTuple):
    """A model with the ids of its rows: row i of `model.users` is `users[i]`, row i of `model.items` is `items[i]`."""

    users: pa.StringArray
    items: pa.StringArray
    model: InterestModel


def mean_item(model: InterestModel) -> npt.NDArray[np.float64]:
    """Compute the mean of all items, the reference of `interest_probabilities`; float64, shape (2 * dimensions,)."""
    mean: npt.NDArray[np.float64] = model.items.mean(axis=0, dtype=np.float64)
    return mean


def interest_probabilities(
    model: InterestModel,
    users: npt.NDArray[np.int32],
    items: npt.NDArray[np.int32],
    mean: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float32]:
    """Compute the probability that a user prefers an item to an average item by interest only.

    It is `sigmoid(user . item - user . mean of all items)` with the embeddings of interest; conformity is ignored.

    Args:
        model: the model.
        users: int32, shape (rows,): indices of users; `UNKNOWN` yields 0.5.
        items: int32, shape (rows,): indices of items; `UNKNOWN` yields 0.5.
        mean: the `mean_item` of the model, to compute it only once; None: it is computed.

    Returns:
        float32, shape (rows,), in [0, 1].
    """
    probabilities = np.full(len(users), _EVEN, np.float32)
    valid = np.flatnonzero((users != UNKNOWN) & (items != UNKNOWN))
    mean = mean_item(model) if mean is None else mean
    found = np.empty(len(valid), np.float32)
    _fill_probabilities(model.users, model.items, mean, users[valid], items[valid], found)
    probabilities[valid] = found
    return probabilities


class Scorer:
    """Interest by ids, for many batches: ids are indexed, and the mean item is computed, only once.

    Args:
        named: the model.
    """

    def __init__(self, named: NamedModel) -> None:
        self.named = named
        self._users, self._items = StringIndex(named.users), StringIndex(named.items)
        self._mean = mean_item(named.model)

    def probabilities(self, rows: pa.RecordBatch) -> npt.NDArray[np.float32]:
        """Compute the interest of each row with `user_id` and `item_id`; float32, shape (rows,)."""
        users, items = self._users.lookup(rows["user_id"]), self._items.lookup(rows["item_id"])
        return interest_probabilities(self.named.model, users, items, self._mean)


@numba.njit(cache=True, nogil=True)
def _fill_probabilities(users, items, mean, user_of_row, item_of_row, probabilities):  # type: ignore[no-untyped-def]
    half = users.shape[1] // 2
    for row in range(len(probabilities)):
        user, item = users[user_of_row[row]], items[item_of_row[row]]
        advantage = 0.0
        for dimension in range(half):
            advantage += user[dimension] * (item[dimension] - mean[dimension])
        probabilities[row] = 1.0 / (1.0 + math.exp(-advantage))
