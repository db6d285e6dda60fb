"""The statistical scorer of candidate terms: evidence of their mentions times specificity.

A scorer is a function from rows of `CANDIDATES` and a vocabulary to rows of `salient_terms`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import SALIENT_TERMS
from transforms.columnar import list_array, list_offsets

Scorer = Callable[[pa.RecordBatch, pa.RecordBatch, int], pa.RecordBatch]
"""(candidates, vocabulary, maximum number of terms per item) -> rows of `salient_terms`, in the same order."""


def statistical_salience(candidates: pa.RecordBatch, vocabulary: pa.RecordBatch, max_terms: int) -> pa.RecordBatch:
    """Compute salience as evidence times specificity, in [0, 1].

    Args:
        candidates: rows of `CANDIDATES`.
        vocabulary: rows of `VOCABULARY`, sorted by term.
        max_terms: maximum number of terms kept per item: the most salient; ties by term.

    Returns:
        Rows of `salient_terms`, one for each row of `candidates`.
    """
    codes = pc.index_in(candidates["terms"].flatten(), vocabulary["term"])
    found = np.flatnonzero(codes.is_valid().to_numpy(zero_copy_only=False))
    items = pc.list_parent_indices(candidates["terms"]).to_numpy()[found]
    terms = codes.to_numpy(zero_copy_only=False)[found].astype(np.int64)
    evidence = candidates["evidence"].flatten().to_numpy()[found].astype(np.float64)
    saliences = (evidence * vocabulary["specificity"].to_numpy()[terms]).astype(np.float32)

    order = np.lexsort((terms, -saliences, items))
    items, terms, saliences = items[order], terms[order], saliences[order]
    starts = np.searchsorted(items, np.arange(candidates.num_rows))
    kept = (np.arange(len(items)) - starts[items] < max_terms) & (saliences > 0)
    ends = list_offsets(np.bincount(items[kept], minlength=candidates.num_rows))
    return pa.RecordBatch.from_arrays(
        [
            candidates["item_id"],
            list_array(ends, vocabulary["term"].take(pa.array(terms[kept]))),
            list_array(ends, pa.array(saliences[kept])),
        ],
        schema=SALIENT_TERMS.arrow,
    )
