"""A cache of the vectors of texts, so that no text is encoded twice."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas.dataset import BooleanArray, Column, DatasetSchema, Invariant, Rows, content_hash

_UNIT_TOLERANCE = 1e-3


def _has_unit_length(rows: Rows) -> BooleanArray:
    lists = rows["vector"]
    numbers = lists.flatten().to_numpy(zero_copy_only=False).astype(np.float64)
    parents = pc.list_parent_indices(lists).to_numpy()
    lengths = np.sqrt(np.bincount(parents, weights=numbers**2, minlength=rows.num_rows))
    unit = pa.array(np.abs(lengths - 1) <= _UNIT_TOLERANCE)
    return pc.or_(pc.is_null(lists), unit)


EMBEDDINGS = DatasetSchema(
    name="embeddings",
    doc="The vector of one text by one encoder.",
    key=("content_hash",),
    sort_by=("content_hash",),
    partition_by="content_hash",
    columns=(
        Column(
            "content_hash",
            pa.string(),
            "32 hexadecimal digits of the SHA-256 of the encoder's fingerprint and the text.",
        ),
        Column(
            "vector",
            pa.list_(pa.float32()),
            "A vector of unit length; all vectors of an encoder have the same dimension.",
        ),
    ),
    invariants=(
        content_hash("content_hash"),
        Invariant("vector_not_of_unit_length", "`vector` has the length 1, within 0.001", _has_unit_length),
    ),
)
