"""The statistical scorer of candidate terms: evidence of their mentions times specificity.

A scorer is a function from rows of `CANDIDATES` and a vocabulary to rows of `salient_terms`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
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
    saliences = evidence * vocabulary["specificity"].to_numpy()[terms]
    return top_terms(candidates["item_id"], items, terms, saliences, vocabulary["spelling"], max_terms)


def top_terms(
    item_ids: pa.StringArray,
    items: npt.NDArray[np.integer],
    terms: npt.NDArray[np.int64],
    saliences: npt.NDArray[np.float64],
    names: pa.StringArray,
    max_terms: int,
) -> pa.RecordBatch:
    """Select the most salient terms of each item: rows of `salient_terms`, one for each item.

    Args:
        item_ids: shape (items,).
        items: index of the item of each pair, shape (pairs,).
        terms: code of its term, shape (pairs,).
        saliences: shape (pairs,), in [0, 1].
        names: how the term of each code is written; codes are in the order of the normalised terms.
        max_terms: maximum number of terms kept per item; ties by term.
    """
    rounded = saliences.astype(np.float32)
    order = np.lexsort((terms, -rounded, items))
    items, terms, rounded = items[order], terms[order], rounded[order]
    starts = np.searchsorted(items, np.arange(len(item_ids)))
    kept = (np.arange(len(items)) - starts[items] < max_terms) & (rounded > 0)
    ends = list_offsets(np.bincount(items[kept], minlength=len(item_ids)))
    return pa.RecordBatch.from_arrays(
        [
            item_ids,
            list_array(ends, names.take(pa.array(terms[kept]))),
            list_array(ends, pa.array(rounded[kept])),
        ],
        schema=SALIENT_TERMS.arrow,
    )
