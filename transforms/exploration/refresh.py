"""Contexts of a stored table that a job ranks again, from rows of `transitions` before and now (2510.20260)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.context import format_contexts
from transforms.exploration.freshness import Successors, changed_contexts, top_successors
from transforms.exploration.transition_rows import counts_of_rows, with_context_size
from transforms.exploration.transitions import merge_counts
from transforms.hashing import StringIndex

LEARNED_SPLITS = ("train", "validation")
"""The splits that a table is computed from."""


def successors_of_rows(
    rows: pa.RecordBatch, size: int, cluster_ids: pa.StringArray, splits: Sequence[str] = LEARNED_SPLITS
) -> Successors:
    """Find the most frequent successors of the contexts of one size.

    Args:
        rows: rows of `transitions`.
        size: number of clusters of the contexts, at least 1.
        cluster_ids: the clusters; the code of a cluster is its position.
        splits: the splits whose users are added.
    """
    chosen = rows.filter(pc.is_in(rows["split"], pa.array(splits, pa.string())))
    counts = counts_of_rows(with_context_size(chosen, size), size, StringIndex(cluster_ids))
    count = len(cluster_ids)
    return top_successors(merge_counts([counts._replace(splits=np.zeros_like(counts.splits))], count), count)


def unchanged_rows(rows: pa.RecordBatch, changed: pa.StringArray) -> pa.RecordBatch:
    """Return the rows of `lookup` that a refresh keeps: all but those of some contexts and of the empty context.

    Args:
        rows: rows of the earlier `lookup`.
        changed: texts of the contexts that are ranked again.
    """
    return rows.filter(pc.invert(pc.or_(pc.equal(rows["context"], ""), pc.is_in(rows["context"], changed))))


def contexts_to_refresh(
    old: pa.RecordBatch, new: pa.RecordBatch, context_size: int, cluster_ids: pa.StringArray, threshold: float
) -> pa.StringArray:
    """Select the contexts whose most frequent successors changed, and those that are new.

    Args:
        old: rows of `transitions` that the stored table was computed from.
        new: rows of `transitions` now, of the same clusters.
        context_size: number of clusters of the longest contexts; shorter ones are selected from too.
        cluster_ids: the clusters of both.
        threshold: as for `freshness.changed_contexts`.

    Returns:
        Texts of contexts as in `lookup`, by size, ascending. The empty context is not among them: it is ranked always.
    """
    found = [pa.array([], pa.string())]
    for size in range(1, context_size + 1):
        before, now = (successors_of_rows(rows, size, cluster_ids) for rows in (old, new))
        changed = changed_contexts(before, now, len(cluster_ids), threshold)
        found.append(format_contexts([cluster_ids.take(pa.array(place)) for place in changed.T]))
    return pa.concat_arrays(found)
