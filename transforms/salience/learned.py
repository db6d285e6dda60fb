"""The learned scorer: of the terms in an item's text and those nearest to it, how relevant is each?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas import SALIENT_TERMS
from transforms.columnar import list_array, list_offsets
from transforms.salience.features import Pairs, describe, measure, nearest_terms, pairs_in_text, union_pairs
from transforms.salience.model import SalienceModel
from transforms.salience.term_table import Directions, Floats, TermTable
from transforms.salience.training import blocks


def learned_salience(
    candidates: pa.RecordBatch,
    vectors: Directions,
    table: TermTable,
    model: SalienceModel,
    neighbours: int,
    min_items: int,
    max_terms: int,
) -> pa.RecordBatch:
    """Salience by a model, of terms in the text and of the nearest others.

    Args:
        candidates: rows of `CANDIDATES`.
        vectors: of the items, shape (items, dimensions).
        table: of the vocabulary.
        model: the model.
        neighbours: how many of the nearest terms are considered besides those in the text.
        min_items: a term of fewer items is not considered where it does not stand in the text.
        max_terms: how many terms an item keeps: the most salient, ties by term.

    Returns:
        Rows of `salient_terms`, one for each row of `candidates`.
    """
    in_text = pairs_in_text(candidates, table)
    found: list[Pairs] = []
    saliences: list[Floats] = []
    for rows in blocks(np.arange(candidates.num_rows)):
        start, end = np.searchsorted(in_text.items, [rows[0], rows[-1] + 1])
        own = Pairs(in_text.items[start:end] - rows[0], in_text.terms[start:end], in_text.evidence[start:end])
        nearness = measure(vectors[rows], table)
        pairs = union_pairs(own, nearest_terms(nearness, table, neighbours, min_items), table)
        saliences.append(model.salience(describe(pairs, nearness, table)))
        found.append(pairs._replace(items=pairs.items + rows[0]))
    items, terms = (np.concatenate([pairs[place] for pairs in found] or [np.zeros(0, np.int64)]) for place in (0, 1))
    return keep_most_salient(
        candidates["item_id"], items, terms, np.concatenate(saliences or [np.zeros(0)]), table.terms, max_terms
    )


def keep_most_salient(
    item_ids: pa.StringArray,
    items: npt.NDArray[np.int64],
    terms: npt.NDArray[np.int64],
    saliences: Floats,
    names: pa.StringArray,
    max_terms: int,
) -> pa.RecordBatch:
    """Rows of `salient_terms`, one for each item.

    Args:
        item_ids: shape (items,).
        items: the row of the item of each pair, shape (pairs,).
        terms: the code of its term, shape (pairs,).
        saliences: shape (pairs,), in [0, 1].
        names: the term of each code, sorted.
        max_terms: how many an item keeps: the most salient, ties by term.
    """
    shown = saliences.astype(np.float32)
    order = np.lexsort((terms, -shown, items))
    items, terms, shown = items[order], terms[order], shown[order]
    starts = np.searchsorted(items, np.arange(len(item_ids)))
    kept = (np.arange(len(items)) - starts[items] < max_terms) & (shown > 0)
    ends = list_offsets(np.bincount(items[kept], minlength=len(item_ids)))
    return pa.RecordBatch.from_arrays(
        [
            item_ids,
            list_array(ends, names.take(pa.array(terms[kept]))),
            list_array(ends, pa.array(shown[kept])),
        ],
        schema=SALIENT_TERMS.arrow,
    )
