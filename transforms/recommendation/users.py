"""Interactions of users as histories over a catalogue, and the sample of users that a ranker is fitted to."""

from __future__ import annotations

from collections.abc import Iterable

import apache_beam as beam
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import TIMESTAMP
from transforms.columnar import concatenate, run_offsets
from transforms.hashing import StringIndex, stable_hash
from transforms.recommendation.histories import NO_ITEM, ItemHistories

LOG = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
    ]
)
"""The columns of interactions that are used."""

Hashes = npt.NDArray[np.uint64]

_KEYS = [("user_id", "ascending"), ("timestamp", "ascending"), ("item_id", "ascending")]


def histories_of(batches: Iterable[pa.RecordBatch], item_ids: StringIndex) -> tuple[pa.StringArray, ItemHistories]:
    """Convert interactions to the ids of users, ascending, and their histories.

    Args:
        batches: rows of `LOG` with all interactions of some users, in any order. Equal rows count once.
        item_ids: the items of the catalogue; other items are left out of histories.
    """
    rows = concatenate((rows.select(LOG.names).cast(LOG) for rows in batches), LOG)
    rows = rows.take(pc.sort_indices(rows, sort_keys=_KEYS))
    users = rows["user_id"].dictionary_encode()
    offsets = run_offsets(users.indices.to_numpy())
    items = item_ids.lookup(rows["item_id"]).astype(np.int32)
    times = rows["timestamp"].cast(pa.int64()).to_numpy()
    kept = items != NO_ITEM
    owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    is_repeated = np.zeros(len(items), bool)
    is_repeated[1:] = (owners[1:] == owners[:-1]) & (items[1:] == items[:-1]) & (times[1:] == times[:-1])
    kept &= ~is_repeated
    lengths = np.bincount(owners[kept], minlength=len(offsets) - 1)
    histories = ItemHistories(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), items[kept], times[kept])
    return rows["user_id"].take(pa.array(offsets[:-1])), histories


class LargestHash(beam.CombineFn):
    """Interactions -> the hash up to which users are sampled: the `limit`-th smallest hash of a user.

    Args:
        limit: maximum number of sampled users.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit

    def create_accumulator(self) -> Hashes:
        return np.zeros(0, np.uint64)

    def add_input(self, accumulator: Hashes, rows: pa.RecordBatch) -> Hashes:
        return self.merge_accumulators([accumulator, stable_hash(pc.unique(rows["user_id"]))])

    def merge_accumulators(self, accumulators: Iterable[Hashes]) -> Hashes:
        return np.unique(np.concatenate([np.zeros(0, np.uint64), *accumulators]))[: self.limit]

    def extract_output(self, accumulator: Hashes) -> int:
        return int(accumulator[-1]) if len(accumulator) else 0


def sampled_rows(rows: pa.RecordBatch, largest: int) -> pa.RecordBatch:
    """Return the interactions of sampled users, as rows of `LOG`; see `LargestHash`."""
    kept = stable_hash(rows["user_id"]) <= np.uint64(largest)
    return rows.select(LOG.names).filter(pa.array(kept)).cast(LOG)
