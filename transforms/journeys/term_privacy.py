"""Privacy of salient terms: the number of users of each term, so that a term of few users is never written."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import concatenate, list_array, list_offsets
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.histories import Histories

TERM_USERS = pa.schema([pa.field("term", pa.string(), nullable=False), pa.field("users", pa.int64(), nullable=False)])
"""Per term: the number of users who consumed an item with this term."""


def term_users(histories: Histories, items: npt.NDArray[np.int32], catalogue: Catalogue) -> pa.RecordBatch:
    """Count the users of each term in one bucket: rows of `TERM_USERS`."""
    users = np.repeat(np.arange(len(histories.user_ids)), np.diff(histories.offsets))
    consumed = np.unique(users * len(catalogue.item_ids) + items)
    users, items = consumed // max(len(catalogue.item_ids), 1), consumed % max(len(catalogue.item_ids), 1)
    lengths = np.diff(catalogue.term_vectors.offsets)[items]
    entries = np.arange(lengths.sum()) + np.repeat(
        catalogue.term_vectors.offsets[items] - (np.cumsum(lengths) - lengths), lengths
    )
    size = max(len(catalogue.vocabulary), 1)
    reached = np.unique(np.repeat(users, lengths) * size + catalogue.term_vectors.terms[entries]) % size
    counts = np.bincount(reached, minlength=size)
    present = np.flatnonzero(counts)
    return pa.RecordBatch.from_arrays(
        [catalogue.vocabulary.take(pa.array(present)), pa.array(counts[present])], schema=TERM_USERS
    )


def terms_above_min_users(batches: Iterable[pa.RecordBatch], min_term_users: int) -> pa.RecordBatch:
    """Sum rows of `TERM_USERS` by term; return those with at least `min_term_users` users, sorted by term."""
    table = pa.Table.from_batches([concatenate(batches, TERM_USERS)])
    summed = table.group_by("term").aggregate([("users", "sum")]).sort_by("term")
    enough = summed.filter(pc.greater_equal(summed["users_sum"], min_term_users))
    return pa.RecordBatch.from_arrays(
        [enough["term"].combine_chunks(), enough["users_sum"].combine_chunks()], schema=TERM_USERS
    )


def keep_terms(features: pa.RecordBatch, kept: pa.StringArray) -> pa.RecordBatch:
    """Remove terms that are not among `kept` from item features."""
    inside = pc.is_in(features["terms"].flatten(), kept)
    parents = pc.list_parent_indices(features["terms"]).filter(inside).to_numpy()
    lengths = np.bincount(parents, minlength=features.num_rows)
    offsets = list_offsets(lengths)
    columns = {name: features[name] for name in features.schema.names}
    for name in ("terms", "saliences"):
        columns[name] = list_array(offsets, features[name].flatten().filter(inside))
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=features.schema)
