"""From labels to rows of `journeys`: histories and vectors as arrays, and back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import HISTORIES
from transforms.baselines.labels import Labels
from transforms.columnar import StringIndex, concatenate
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.config import IcpcConfig
from transforms.journeys.grouping import journeys_of_labels
from transforms.journeys.histories import Histories
from transforms.journeys.icpc import TermVectors
from transforms.journeys.rows import journey_rows

ITEM_VECTORS = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("vector", pa.list_(pa.float32()), nullable=False),
    ]
)
"""An item and its vector; all vectors have the same length."""

ITEM_CLUSTERS = pa.schema(
    [pa.field("item_id", pa.string(), nullable=False), pa.field("cluster", pa.int64(), nullable=False)]
)
"""An item and its global cluster; -1: none."""


def pack_vectors(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """All rows of `ITEM_VECTORS` as one batch, sorted by item."""
    rows = concatenate(batches, ITEM_VECTORS)
    return rows.take(pc.sort_indices(rows["item_id"]))


def matrix_of(packed: pa.RecordBatch) -> npt.NDArray[np.float32]:
    """The vectors of `ITEM_VECTORS` as a matrix, shape (items, dimensions).

    Raises:
        ValueError: when they differ in length.
    """
    lengths = pc.unique(pc.list_value_length(packed["vector"])).to_pylist()
    if len(lengths) > 1:
        raise ValueError(f"vectors must be of one length, got {sorted(lengths)}")
    values: npt.NDArray[np.float32] = packed["vector"].flatten().to_numpy()
    return values.reshape(packed.num_rows, *lengths or [0])


def histories_by_user(rows: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `histories` in one batch, sorted by user, without further columns."""
    names = HISTORIES.arrow.names
    together = concatenate([batch.select(names).cast(HISTORIES.arrow) for batch in rows], HISTORIES.arrow)
    return together.take(pc.sort_indices(together["user_id"]))


class NumberedHistories(NamedTuple):
    """Histories over a catalogue.

    Attributes:
        histories: users and their events.
        items: int32, shape (events,): the number of each event's item in the catalogue; -1 where it is not there.
        item_ids: the catalogue.
    """

    histories: Histories
    items: npt.NDArray[np.int32]
    item_ids: pa.StringArray


def number_histories(rows: pa.RecordBatch, item_ids: pa.StringArray) -> NumberedHistories:
    """Rows of `histories`, sorted by user, as arrays over a catalogue."""
    lengths = pc.list_value_length(rows["item_ids"]).to_numpy()
    events = pa.RecordBatch.from_arrays([rows["timestamps"].flatten()], names=["timestamp"])
    histories = Histories(
        user_ids=rows["user_id"],
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        events=events,
        truncated=rows["truncated"].to_numpy(zero_copy_only=False),
        removed=np.zeros(rows.num_rows, np.int64),
    )
    return NumberedHistories(histories, StringIndex(item_ids).lookup(rows["item_ids"].flatten()), item_ids)


def labelled_journeys(numbered: NumberedHistories, labels: Labels, min_size: int) -> pa.RecordBatch:
    """Rows of `journeys`, without terms, which baselines do not have.

    Args:
        numbered: the histories.
        labels: int64, shape (events,): the cluster of each event in its history, -1 for none.
        min_size: journeys with fewer distinct items are dropped.
    """
    nothing = TermVectors(
        np.zeros(len(numbered.item_ids) + 1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.float32), 0
    )
    offsets = numbered.histories.offsets
    labels = number_by_first(offsets, labels)
    journeys = journeys_of_labels(offsets, numbered.items, labels, nothing, IcpcConfig(min_size=min_size))
    known = Catalogue(numbered.item_ids, pa.array([], pa.string()), nothing)
    return journey_rows(journeys, numbered.histories, numbered.items, known)


def number_by_first(offsets: npt.NDArray[np.int64], labels: Labels) -> Labels:
    """The same labels, numbered within each user by first interaction, without a gap.

    Args:
        offsets: int64, shape (users + 1,).
        labels: int64, shape (interactions,): mean nothing beyond their user; -1 for none, and stays so.
    """
    users = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    positions = np.flatnonzero(labels >= 0)
    pairs = np.stack([users[positions], labels[positions]])
    _, first, codes = np.unique(pairs, axis=1, return_index=True, return_inverse=True)
    opened = np.empty(len(first), np.int64)
    opened[np.argsort(first)] = np.arange(len(first))
    journeys_before = np.searchsorted(users[positions[np.sort(first)]], users[positions])
    numbered = np.full(len(labels), -1, np.int64)
    numbered[positions] = opened[codes.reshape(-1)] - journeys_before
    return numbered
