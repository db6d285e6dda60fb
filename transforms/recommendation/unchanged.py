"""Users of an earlier run whose interactions and journeys have not changed since, and who keep their rows.

The hash of a user is a sum of hashes of the interactions and of the journeys that the list is computed from. So it does
not depend on their order, and it changes when one is added, removed, or has another item or time. Two different
histories have the same hash with a probability of 2**-64.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_offsets
from transforms.hashing import mix_bits, stable_hash
from transforms.recommendation.histories import NO_ITEM, Integers, ItemHistories

Hashes = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]


class Kept(NamedTuple):
    """Rows and users that are kept of an earlier run.

    Attributes:
        rows: its rows of users who have not changed.
        is_kept: bool, shape (users,): the users who have such rows.
        left_out: number of users of the earlier run who are not among the users of now.
    """

    rows: pa.RecordBatch
    is_kept: Flags
    left_out: int


def history_hashes(
    histories: ItemHistories,
    item_ids: pa.StringArray,
    user_ids: pa.StringArray,
    journeys: pa.RecordBatch | None,
    places: Integers | None = None,
) -> Integers:
    """Compute the hash of all that the list of a user is computed from, besides what is the same for all users.

    Args:
        histories: the histories of users.
        item_ids: the ids of all items.
        user_ids: the ids of the users, distinct, in the order of the histories.
        journeys: rows of `journeys`; those of other users are ignored. None: none.
        places: int64, shape (users,): number of places for novel items; None: it is equal for all users.

    Returns:
        int64, shape (users,): the bits of an unsigned number.
    """
    inside = histories.items != NO_ITEM
    hashes = stable_hash(item_ids)[histories.items[inside]] if len(item_ids) else np.zeros(0, np.uint64)
    rows = np.zeros(len(histories.items), np.uint64)
    rows[inside] = mix_bits(hashes + mix_bits(histories.times[inside].astype(np.int64).view(np.uint64)))
    sums = _sums(rows, histories.offsets)
    if journeys is not None:
        sums += _journey_sums(journeys, user_ids)
    if places is not None:
        sums += mix_bits(places.view(np.uint64))
    return mix_bits(sums).view(np.int64)


def _journey_sums(journeys: pa.RecordBatch, user_ids: pa.StringArray) -> Hashes:
    """Sum the hashes of the journeys of each user: of their ids, times and items, uint64, shape (users,)."""
    items = journeys["item_ids"]
    lengths = pc.list_value_length(items).to_numpy()
    of_items = _sums(mix_bits(stable_hash(items.flatten())), list_offsets(lengths))
    last = journeys["last_timestamp"].cast(pa.int64()).to_numpy().view(np.uint64)
    hashes = mix_bits(stable_hash(journeys["journey_id"]) + mix_bits(last + mix_bits(of_items)))
    positions = pc.index_in(journeys["user_id"], user_ids)
    found = np.zeros(len(user_ids), np.uint64)
    np.add.at(found, positions.drop_null().to_numpy(), hashes[positions.is_valid().to_numpy(zero_copy_only=False)])
    return found


def _sums(hashes: Hashes, offsets: Integers) -> Hashes:
    """Sum the hashes of each list, modulo 2**64."""
    ends = np.concatenate([np.zeros(1, np.uint64), np.cumsum(hashes, dtype=np.uint64)])
    sums: Hashes = ends[offsets[1:]] - ends[offsets[:-1]]
    return sums


def keep_rows(previous: pa.RecordBatch, user_ids: pa.StringArray, hashes: Integers) -> Kept:
    """Select the rows of an earlier run whose users have the same hash now.

    Args:
        previous: rows of `recommendations` of an earlier run.
        user_ids: the ids of the users of now, distinct.
        hashes: int64, shape (users,): `history_hashes` of now.
    """
    positions = pc.fill_null(pc.index_in(previous["user_id"], user_ids), -1).to_numpy()
    stored = previous["history_hash"].to_numpy()
    is_same = positions >= 0
    is_same[is_same] = hashes[positions[is_same]] == stored[is_same]
    is_kept = np.zeros(len(user_ids), bool)
    is_kept[positions[is_same]] = True
    left_out = pc.count_distinct(previous["user_id"].filter(pa.array(positions < 0))).as_py()
    return Kept(previous.filter(pa.array(is_same)), is_kept, left_out)
