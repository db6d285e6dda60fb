"""Conversion between counts of transitions and rows of `transitions`."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import TRANSITIONS
from schemas.context import format_contexts, parse_contexts
from schemas.splits import SPLITS
from transforms.columnar import concatenate
from transforms.exploration.config import TransitionConfig
from transforms.exploration.selection import select_balanced, select_frequent
from transforms.exploration.transitions import TransitionCounts
from transforms.hashing import StringIndex, stable_hash

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


def select_rows(rows: pa.RecordBatch, config: TransitionConfig, cluster_ids: pa.StringArray) -> pa.RecordBatch:
    """Select the transitions for tuning, and samples of the other splits on which a tuned model is measured.

    Of the split `train`, the transitions of `config.selection` are selected. Of each other split, a uniform sample of
    at most `config.per_label` times the number of clusters is: the distinct transitions with the smallest hashes.
    Selecting from parts, and then from what is selected there, gives the same rows, if all transitions to a next
    cluster are in one part.

    Args:
        rows: rows of `transitions`; contexts of other sizes than `config.context_size` are ignored.
        config: the configuration.
        cluster_ids: the clusters.
    """
    rows = with_context_size(rows, config.context_size)
    limit = config.per_label * len(cluster_ids)
    training, *others = (rows.filter(pc.equal(rows["split"], split)) for split in SPLITS)
    samples = (_smallest_hashes(each, limit) for each in others)
    return concatenate([_select_training(training, config, cluster_ids), *samples], TRANSITIONS.arrow)


def _select_training(rows: pa.RecordBatch, config: TransitionConfig, cluster_ids: pa.StringArray) -> pa.RecordBatch:
    counts = counts_of_rows(rows, config.context_size, StringIndex(cluster_ids))
    if config.selection == "balanced":
        selected = select_balanced(counts, config.per_label)
    else:
        selected = select_frequent(counts, config.per_label * len(cluster_ids))
    return rows_of_counts(selected, cluster_ids)


def _smallest_hashes(rows: pa.RecordBatch, limit: int) -> pa.RecordBatch:
    texts = pc.binary_join_element_wise(rows["context"], rows["next"], ">")
    hashes = stable_hash(texts)
    # Rows in another order are the same transitions, so that ties of hashes are ordered by their text.
    order = np.lexsort((pc.rank(texts).to_numpy(), hashes))
    return rows.take(pa.array(np.sort(order[:limit])))
