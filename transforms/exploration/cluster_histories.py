"""First and second interactions of users with clusters: from a log to rows of `cluster_histories`, and back to arrays.

The second interaction is the next one *at a later time*, with the same item or another item of the cluster. What has
the time of the first one, such as the other lines of a purchase, belongs to it: the user did not come back for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import CLUSTER_HISTORIES, INTERACTIONS, TIMESTAMP
from transforms.columnar import concatenate, list_array, run_offsets
from transforms.datasets.coercion import FILE, ROW, error_rows
from transforms.exploration.transitions import NEVER, NO_CLUSTER, Codes, FirstOccurrences, Integers
from transforms.hashing import StringIndex

EARLIEST_INTERACTIONS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
    ]
)
"""The first or the second interaction of a user with a cluster, among the rows that were read together."""

NO_ITEM = "item_not_in_clusters"
_KEYS = [("user_id", "ascending"), ("timestamp", "ascending"), ("item_id", "ascending")]


class JoinResult(NamedTuple):
    """The earliest interactions, and interactions with items that are in no cluster as rows of `errors`."""

    earliest: pa.RecordBatch
    errors: pa.RecordBatch


def join_clusters(rows: pa.RecordBatch, item_clusters: pa.RecordBatch, level: int) -> JoinResult:
    """Replace items by their clusters, and keep the two earliest interactions of each user with each cluster.

    Args:
        rows: interactions with `file` and `row`.
        item_clusters: rows of `item_clusters` of all their items, each item once.
        level: the level of the tree, from 1; 0: the last level.
    """
    positions = pc.index_in(rows["item_id"], item_clusters["item_id"])
    missing = rows.filter(pc.is_null(positions))
    shown = missing.select(["user_id", "item_id", "timestamp"])
    errors = error_rows(INTERACTIONS.name, missing[FILE.name], missing[ROW.name], NO_ITEM, shown)
    found = rows.filter(pc.is_valid(positions))
    depth = (level or _level_count(item_clusters)) - 1
    paths = item_clusters["cluster_ids"].take(positions.drop_null())
    clusters = pc.list_element(paths, depth) if found.num_rows else pa.array([], pa.string())
    columns = [found["user_id"], clusters, found["timestamp"], found["item_id"]]
    return JoinResult(keep_earliest(pa.RecordBatch.from_arrays(columns, schema=EARLIEST_INTERACTIONS)), errors)


def keep_earliest(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Keep the first and the second interaction of each user with each cluster; by user, time and item.

    At most twice as many rows per user are left as there are clusters. The two earliest of several parts of a log are
    among the two earliest of each part.

    Args:
        rows: rows of `EARLIEST_INTERACTIONS`.
    """
    ordered, first, second = _find_earliest(rows)
    return ordered.take(pa.array(np.sort(np.concatenate([first, second[second >= 0]]))))


def _find_earliest(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, Integers, Integers]:
    """Find the first and the second interaction of each user with each cluster.

    Returns:
        The rows by user, time and item; indices of the first interactions among them, ascending; and for each of these
        the index of the second interaction, -1 without one.
    """
    ordered = rows.take(pc.sort_indices(rows, sort_keys=_KEYS))
    users = ordered["user_id"].dictionary_encode().indices.to_numpy().astype(np.int64)
    clusters = ordered["cluster_id"].dictionary_encode()
    pairs = users * max(len(clusters.dictionary), 1) + clusters.indices.to_numpy()
    _, first, codes = np.unique(pairs, return_index=True, return_inverse=True)
    times = ordered["timestamp"].cast(pa.int64()).to_numpy()
    later = np.flatnonzero(times > times[first[codes]])
    returned, rows_of_later = np.unique(codes[later], return_index=True)
    second = np.full(len(first), -1, np.int64)
    second[returned] = later[rows_of_later]
    order = np.argsort(first)
    return ordered, first[order].astype(np.int64), second[order]


def history_rows(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Convert all rows of some users to rows of `cluster_histories`, by user.

    Args:
        batches: rows of `EARLIEST_INTERACTIONS`, in any order.
    """
    ordered, first_rows, second_rows = _find_earliest(concatenate(batches, EARLIEST_INTERACTIONS))
    first = ordered.take(pa.array(first_rows))
    second = ordered["timestamp"].take(pa.array(second_rows, mask=second_rows < 0))
    offsets = run_offsets(first["user_id"].dictionary_encode().indices.to_numpy())
    return pa.RecordBatch.from_arrays(
        [
            first["user_id"].take(pa.array(offsets[:-1])),
            list_array(offsets, first["cluster_id"]),
            list_array(offsets, first["timestamp"]),
            list_array(offsets, second),
        ],
        schema=CLUSTER_HISTORIES.arrow,
    )


def occurrences_of(histories: pa.RecordBatch, cluster_ids: StringIndex) -> FirstOccurrences:
    """Convert rows of `cluster_histories` to arrays.

    Args:
        histories: the rows.
        cluster_ids: the clusters of the tree's level; the code of a cluster is its position.

    Raises:
        ValueError: when a history has a cluster that is not among them: they belong to another tree.
    """
    clusters: Codes = cluster_ids.lookup(histories["cluster_ids"].flatten())
    if (clusters == NO_CLUSTER).any():
        position = int(np.argmax(clusters == NO_CLUSTER))
        wrong = histories["cluster_ids"].flatten()[position].as_py()
        raise ValueError(f"cluster {wrong!r} of a history is not among the clusters: they are of another tree")
    times = histories["timestamps"].flatten().cast(pa.int64()).to_numpy()
    offsets = histories["cluster_ids"].offsets.to_numpy().astype(np.int64)
    return FirstOccurrences(offsets - offsets[0], clusters, times)


def return_times_of(histories: pa.RecordBatch) -> Integers:
    """Return the times of second interactions, int64, shape (occurrences,), in microseconds; `NEVER` without one.

    Args:
        histories: rows of `cluster_histories`; the occurrences are in the order of `occurrences_of`.
    """
    times: Integers = histories["second_timestamps"].flatten().cast(pa.int64()).fill_null(NEVER).to_numpy()
    return times


def concatenate_occurrences(parts: Iterable[FirstOccurrences]) -> FirstOccurrences:
    """Concatenate the first occurrences of disjoint sets of users, in the given order."""
    found = list(parts)
    lengths = [np.diff(part.offsets) for part in found]
    offsets = np.concatenate([[0], np.cumsum(np.concatenate([np.zeros(0, np.int64), *lengths]))]).astype(np.int64)
    empty: npt.NDArray[np.int64] = np.zeros(0, np.int64)
    return FirstOccurrences(
        offsets,
        np.concatenate([empty.astype(np.int32), *(part.clusters for part in found)]),
        np.concatenate([empty, *(part.times for part in found)]),
    )


def _level_count(item_clusters: pa.RecordBatch) -> int:
    return int(pc.max(pc.list_value_length(item_clusters["cluster_ids"])).as_py() or 1)
