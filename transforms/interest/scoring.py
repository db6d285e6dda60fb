"""How much an interaction is interest: one number for a user and an item, from what was learnt."""

from __future__ import annotations

import math
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.columnar import StringIndex
from transforms.interest.training import InterestModel

UNKNOWN = -1
"""The number of a user or an item that nothing was learnt of."""

_EVEN = 0.5


class NamedModel(NamedTuple):
    """A model that travels, with the names of its rows: row i of `model.users` is of `users[i]`, items likewise."""

    users: pa.StringArray
    items: pa.StringArray
    model: InterestModel


def mean_item(model: InterestModel) -> npt.NDArray[np.float64]:
    """The average of all items, against which `interest_probabilities` sets each; float64, shape (2 * dimensions,)."""
    mean: npt.NDArray[np.float64] = model.items.mean(axis=0, dtype=np.float64)
    return mean


def interest_probabilities(
    model: InterestModel,
    users: npt.NDArray[np.int32],
    items: npt.NDArray[np.int32],
    mean: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float32]:
    """The chance that interest alone puts an item before an average one, for this user: a number in [0, 1].

    It is `sigmoid(user . item - user . mean of all items)` with the embeddings of interest. What conformity explains
    is left out: it took its part when both were learnt.

    Args:
        model: what was learnt.
        users: int32, shape (rows,): numbers of users; `UNKNOWN` gets 0.5.
        items: int32, shape (rows,): numbers of items, likewise.
        mean: the `mean_item` of the model, for those who ask often; None: it is computed.

    Returns:
        float32, shape (rows,).
    """
    probabilities = np.full(len(users), _EVEN, np.float32)
    known = np.flatnonzero((users != UNKNOWN) & (items != UNKNOWN))
    mean = mean_item(model) if mean is None else mean
    found = np.empty(len(known), np.float32)
    _fill_probabilities(model.users, model.items, mean, users[known], items[known], found)
    probabilities[known] = found
    return probabilities


class Scorer:
    """The same by names, for many batches: the names are indexed, and all items averaged, once.

    Args:
        named: the model.
    """

    def __init__(self, named: NamedModel) -> None:
        self.named = named
        self._users, self._items = StringIndex(named.users), StringIndex(named.items)
        self._mean = mean_item(named.model)

    def probabilities(self, rows: pa.RecordBatch) -> npt.NDArray[np.float32]:
        """The chance of each row with `user_id` and `item_id`; float32, shape (rows,)."""
        users, items = self._users.lookup(rows["user_id"]), self._items.lookup(rows["item_id"])
        return interest_probabilities(self.named.model, users, items, self._mean)


@numba.njit(cache=True, nogil=True)
def _fill_probabilities(users, items, mean, user_of_row, item_of_row, probabilities):  # type: ignore[no-untyped-def]
    half = users.shape[1] // 2
    for row in range(len(probabilities)):
        user, item = users[user_of_row[row]], items[item_of_row[row]]
        advantage = 0.0
        for place in range(half):
            advantage += user[place] * (item[place] - mean[place])
        probabilities[row] = 1.0 / (1.0 + math.exp(-advantage))
