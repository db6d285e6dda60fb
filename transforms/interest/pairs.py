"""Pairs of user and item as indices: the training data of interest."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Integers = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int32]


class Pairs(NamedTuple):
    """Distinct pairs of user and item, by user, then item.

    Attributes:
        offsets: int64, shape (users + 1,): offsets of the users in `items`.
        items: int32, shape (pairs,): indices of items, ascending for each user.
        item_count: number of items.
    """

    offsets: Integers
    items: Codes
    item_count: int

    @property
    def users(self) -> Codes:
        """The user of each pair, int32, shape (pairs,)."""
        return np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int32), np.diff(self.offsets))

    @property
    def popularity(self) -> Integers:
        """The number of users of each item, int64, shape (item_count,)."""
        return np.bincount(self.items, minlength=self.item_count)


class NamedPairs(NamedTuple):
    """Pairs with ids: user i is `users[i]`, item i is `items[i]`; both ascending."""

    users: pa.StringArray
    items: pa.StringArray
    pairs: Pairs


def distinct_pairs(users: npt.NDArray[np.integer], items: npt.NDArray[np.integer], counts: tuple[int, int]) -> Pairs:
    """Remove repeated pairs.

    Args:
        users: shape (rows,): indices below `counts[0]`.
        items: shape (rows,): indices below `counts[1]`.
        counts: numbers of users and items.
    """
    width = max(counts[1], 1)
    keys = np.unique(users.astype(np.int64) * width + items)
    offsets = np.searchsorted(keys, np.arange(counts[0] + 1, dtype=np.int64) * width)
    return Pairs(offsets.astype(np.int64), (keys % width).astype(np.int32), counts[1])


def pairs_of_log(batches: Iterable[pa.RecordBatch]) -> NamedPairs:
    """Collect the pairs of a log; two numbers are held per row, and each id once.

    Args:
        batches: record batches with `user_id` and `item_id`, in any order.
    """
    columns: tuple[list[pa.Array], list[pa.Array]] = ([], [])
    for rows in batches:
        for name, column in zip(("user_id", "item_id"), columns, strict=True):
            column.append(rows[name].dictionary_encode())
    (user_ids, users), (item_ids, items) = map(_encode_sorted, columns)
    return NamedPairs(user_ids, item_ids, distinct_pairs(users, items, (len(user_ids), len(item_ids))))


def _encode_sorted(encoded: list[pa.Array]) -> tuple[pa.StringArray, Integers]:
    """Encode ids by a sorted dictionary: the distinct ids, ascending, and the index of each row."""
    kind = pa.dictionary(pa.int32(), pa.string())
    unified = pa.chunked_array(encoded, kind).unify_dictionaries()
    if not unified.num_chunks:
        return pa.array([], pa.string()), np.zeros(0, np.int64)
    ids = unified.chunk(unified.num_chunks - 1).dictionary
    order = pc.sort_indices(ids).to_numpy()
    positions = np.empty(len(order), np.int64)
    positions[order] = np.arange(len(order))
    codes = np.concatenate([chunk.indices.to_numpy() for chunk in unified.chunks])
    return ids.take(pa.array(order)), positions[codes]
