"""The history of each user: all events in order, without duplicates, truncated to the last `max_history`.

Truncation commutes with union: the last N of a union are the last N of the union of the last Ns. So the events of a
user with very many are truncated in every batch, before the shuffle, and again whenever a worker holds many rows; no
worker ever holds all of them. Removal counts report what was removed early, so that the metrics do not depend on where
that happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import HISTORIES
from transforms.columnar import concatenate, list_array, list_offsets, run_offsets
from transforms.hashing import stable_hash
from transforms.journeys.catalogue import encode_sorted
from transforms.shuffle import split_by_bucket

ROWS_HELD = 1 << 22
_INSERTION_SORT_UP_TO = 64

REMOVAL_COUNTS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("removed", pa.int64(), nullable=False),
        pa.field("truncated", pa.bool_(), nullable=False),
    ]
)
"""Per user: the number of events removed so far, and whether some were removed as too old and not as duplicates."""


@numba.njit(cache=True, nogil=True)
def _order(users, times, items, user_count):  # type: ignore[no-untyped-def]
    """Sort events by user, then time, then item: a counting sort by user, then a sort of each history.

    Histories are mostly short and nearly sorted, for which insertion sort is fast.
    """
    # Counting sort by user.
    starts = np.zeros(user_count + 1, np.int64)
    for user in users:
        starts[user + 1] += 1
    for user in range(user_count):
        starts[user + 1] += starts[user]
    order = np.empty(len(users), np.int64)
    filled = starts[:-1].copy()
    for row in range(len(users)):
        order[filled[users[row]]] = row
        filled[users[row]] += 1
    # Each history by time, then item.
    for user in range(user_count):
        own = order[starts[user] : starts[user + 1]]
        if len(own) > _INSERTION_SORT_UP_TO:
            by_item = own[np.argsort(items[own], kind="mergesort")]
            own[:] = by_item[np.argsort(times[by_item], kind="mergesort")]
            continue
        for position in range(1, len(own)):
            row = own[position]
            before = position - 1
            while before >= 0 and (
                times[own[before]] > times[row]
                or (times[own[before]] == times[row] and items[own[before]] > items[row])
            ):
                own[before + 1] = own[before]
                before -= 1
            own[before + 1] = row
    return order


class Histories(NamedTuple):
    """The histories of the users of one bucket.

    Attributes:
        user_ids: the users, sorted.
        offsets: int64, shape (users + 1,): the events of user u are `events[offsets[u]:offsets[u + 1]]`.
        events: rows by user, then time, then item; each (user, time, item) once.
        truncated: bool, shape (users,): whether older events were cut off.
        removed: int64, shape (users,): number of events removed, here and before.
    """

    user_ids: pa.StringArray
    offsets: npt.NDArray[np.int64]
    events: pa.RecordBatch
    truncated: npt.NDArray[np.bool_]
    removed: npt.NDArray[np.int64]


def build_histories(batches: Iterable[pa.RecordBatch], schema: pa.Schema, max_history: int) -> Histories:
    """Build the histories of some users.

    Args:
        batches: events of `schema` and removal counts, in any order.
        schema: `EVENTS`, or that of events with features.
        max_history: maximum number of events kept per user, at least 1.
    """
    events: list[pa.RecordBatch] = []
    removals: list[pa.RecordBatch] = []
    for batch in batches:
        (removals if batch.schema.names == REMOVAL_COUNTS.names else events).append(batch)
    rows = concatenate(events, schema)
    users, user_ids = encode_sorted(rows["user_id"])
    times = rows["timestamp"].cast(pa.int64()).to_numpy()
    items = rows["item"].to_numpy() if "item" in schema.names else encode_sorted(rows["item_id"]).codes
    order = _order(users, times, items.astype(np.int64), len(user_ids))
    sorted_users = users[order]
    repeats = np.zeros(len(order), bool)
    repeats[1:] = (
        (sorted_users[1:] == sorted_users[:-1])
        & (times[order][1:] == times[order][:-1])
        & (items[order][1:] == items[order][:-1])
    )
    removed, truncated = _sum_removal_counts(removals, user_ids)
    removed += np.bincount(sorted_users[repeats], minlength=len(user_ids))
    order, sorted_users = order[~repeats], sorted_users[~repeats]
    lengths = np.diff(run_offsets(sorted_users))
    too_many = np.maximum(lengths - max_history, 0)
    first_kept = np.cumsum(lengths) - lengths + too_many
    order = order[np.arange(len(order)) >= first_kept[sorted_users]]
    removed += too_many
    truncated |= too_many > 0
    return Histories(
        user_ids=user_ids,
        offsets=list_offsets(lengths - too_many),
        events=rows.take(pa.array(order)),
        truncated=truncated,
        removed=removed,
    )


class HistoryBuilder:
    """Build histories from batches that arrive one after another and together may not fit into memory.

    Args:
        schema: `EVENTS`, or that of events with features.
        max_history: maximum number of events kept per user, at least 1.
    """

    def __init__(self, schema: pa.Schema, max_history: int) -> None:
        self._schema = schema
        self._max_history = max_history
        self._events: list[pa.RecordBatch] = []
        self._removals: list[
            pa.RecordBatch
        ] = []  # not built into `_events`: they may precede all events of their users
        self._rows = 0
        self._max_rows = ROWS_HELD

    def add(self, batch: pa.RecordBatch) -> None:
        """Add events or removal counts; truncate the histories held when they have become many rows."""
        if batch.schema.names == REMOVAL_COUNTS.names:
            self._removals.append(batch)
            return
        self._events.append(batch)
        self._rows += batch.num_rows
        if self._rows > self._max_rows:
            cut = build_histories(self._events, self._schema, self._max_history)
            self._events = [cut.events]
            self._removals.append(removal_counts(cut))
            self._rows = cut.events.num_rows
            self._max_rows = max(ROWS_HELD, 2 * self._rows)

    def histories(self) -> Histories:
        """Return the histories of all batches added."""
        return build_histories([*self._events, *self._removals], self._schema, self._max_history)


def histories_by_part(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, max_history: int, parts: int
) -> Iterator[tuple[int, Histories]]:
    """Build the histories of each part of the users, from batches that are read one at a time.

    Args:
        batches: events of `schema` and removal counts, in any order.
        schema: `EVENTS`, or that of events with features.
        max_history: maximum number of events kept per user, at least 1.
        parts: number of parts of all users.

    Yields:
        Parts, ascending, and their histories.
    """
    gathered: dict[int, HistoryBuilder] = {}
    for batch in batches:
        for part, rows in split_by_bucket(batch, "user_id", parts):
            gathered.setdefault(part, HistoryBuilder(schema, max_history)).add(rows)
    for part in sorted(gathered):
        yield part, gathered.pop(part).histories()


def _sum_removal_counts(
    batches: list[pa.RecordBatch], user_ids: pa.StringArray
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """Sum the removal counts of each user: events removed, and whether the history was truncated."""
    rows = concatenate(batches, REMOVAL_COUNTS)
    # A user without any event left, for example because the items have left the catalogue, has no history.
    rows = rows.filter(pc.is_in(rows["user_id"], user_ids))
    users = pc.index_in(rows["user_id"], user_ids).to_numpy()
    removed = np.zeros(len(user_ids), np.int64)
    np.add.at(removed, users, rows["removed"].to_numpy())
    truncated = np.zeros(len(user_ids), bool)
    truncated[users[rows["truncated"].to_numpy(zero_copy_only=False)]] = True
    return removed, truncated


def removal_counts(histories: Histories) -> pa.RecordBatch:
    """Return rows of `REMOVAL_COUNTS` for the users with events removed, here or before."""
    rows = pa.RecordBatch.from_arrays(
        [histories.user_ids, pa.array(histories.removed), pa.array(histories.truncated)], schema=REMOVAL_COUNTS
    )
    return rows.filter(pa.array((histories.removed > 0) | histories.truncated))


def stored_removal_counts(stored: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows of `REMOVAL_COUNTS` for the users whose stored histories were truncated.

    The number is 0, because the run that stored them has counted the events that it removed.

    Args:
        stored: rows of `histories`.
    """
    cut = stored.filter(stored["truncated"])
    return pa.RecordBatch.from_arrays(
        [cut["user_id"], pa.array(np.zeros(cut.num_rows, np.int64)), cut["truncated"]], schema=REMOVAL_COUNTS
    )


def history_rows(histories: Histories, item_ids: pa.StringArray) -> pa.RecordBatch:
    """Convert histories to rows of `histories`.

    Args:
        histories: the histories.
        item_ids: the item of each event.
    """
    return pa.RecordBatch.from_arrays(
        [
            histories.user_ids,
            list_array(histories.offsets, item_ids),
            list_array(histories.offsets, histories.events["timestamp"]),
            pa.array(histories.truncated),
        ],
        schema=HISTORIES.arrow,
    )


def rows_of_heavy_users(user_ids: pa.StringArray, threshold: int) -> npt.NDArray[np.bool_]:
    """Return whether each row belongs to a user with more than `threshold` rows, bool, shape (rows,).

    Rows are counted by 16 bits of the user's hash. By a collision a user may be considered heavy, which costs time but
    does not change the result.
    """
    slots = (stable_hash(user_ids) & np.uint64(0xFFFF)).astype(np.int64)
    return np.bincount(slots, minlength=1)[slots] > threshold
