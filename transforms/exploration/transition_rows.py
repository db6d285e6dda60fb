"""Conversion between counts of transitions and rows of `transitions`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import TRANSITIONS
from schemas.context import format_contexts, parse_contexts
from schemas.splits import SPLITS
from transforms.columnar import StringIndex, concatenate
from transforms.exploration.selection import select_balanced
from transforms.exploration.transitions import TransitionCounts

_KEYS = ["context", "next", "split"]


def rows_of_counts(counts: TransitionCounts, cluster_ids: pa.StringArray) -> pa.RecordBatch:
    """Convert counts to rows of `transitions`, in the same order.

    Args:
        counts: the counts.
        cluster_ids: the id of each code.
    """
    places = [cluster_ids.take(pa.array(place)) for place in counts.contexts.T]
    contexts = format_contexts(places) if places else pa.array([""] * len(counts.users), pa.string())
    return pa.RecordBatch.from_arrays(
        [
            contexts,
            cluster_ids.take(pa.array(counts.next_clusters)),
            pa.array(SPLITS, pa.string()).take(pa.array(counts.splits)),
            pa.array(counts.users),
        ],
        schema=TRANSITIONS.arrow,
    )


def counts_of_rows(rows: pa.RecordBatch, size: int, cluster_ids: StringIndex) -> TransitionCounts:
    """Convert rows of `transitions` to counts; the users of a transition are its count.

    Args:
        rows: rows with contexts of `size` clusters.
        size: number of clusters of each context.
        cluster_ids: the code of a cluster is its position.
    """
    contexts = cluster_ids.lookup(parse_contexts(rows["context"]).flatten()).reshape(rows.num_rows, size)
    users = rows["users"].to_numpy()
    splits = pc.index_in(rows["split"], pa.array(SPLITS, pa.string())).to_numpy().astype(np.int8)
    return TransitionCounts(contexts, cluster_ids.lookup(rows["next"]), splits, users, users)


def add_rows(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Add the users of equal transitions of disjoint sets of users; rows by context, next cluster and split."""
    rows = pa.Table.from_batches([concatenate(batches, TRANSITIONS.arrow)])
    summed = rows.group_by(_KEYS, use_threads=False).aggregate([("users", "sum")])
    summed = summed.rename_columns([*_KEYS, "users"]).sort_by([(key, "ascending") for key in _KEYS])
    columns = [summed[name].combine_chunks() for name in TRANSITIONS.arrow.names]
    return pa.RecordBatch.from_arrays(columns, schema=TRANSITIONS.arrow)


def with_context_size(rows: pa.RecordBatch, size: int) -> pa.RecordBatch:
    """Select the rows whose context has a number of clusters."""
    lengths = pc.add(pc.count_substring(rows["context"], " "), pc.cast(pc.not_equal(rows["context"], ""), pa.int32()))
    return rows.filter(pc.equal(lengths, size))


def select_balanced_rows(
    rows: pa.RecordBatch, size: int, per_label: int, cluster_ids: pa.StringArray
) -> pa.RecordBatch:
    """Select the most frequent contexts of each next cluster, for each split.

    Args:
        rows: all rows of `transitions` of some next clusters.
        size: number of clusters of the contexts that are selected from.
        per_label: number of contexts for each next cluster and split.
        cluster_ids: the clusters.
    """
    counts = counts_of_rows(with_context_size(rows, size), size, StringIndex(cluster_ids))
    selected = []
    for split in range(len(SPLITS)):
        of_split = TransitionCounts(*(column[counts.splits == split] for column in counts))
        selected.append(rows_of_counts(select_balanced(of_split, per_label), cluster_ids))
    return concatenate(selected, TRANSITIONS.arrow)
