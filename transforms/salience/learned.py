"""The learned scorer: salience of the terms in an item's text and of those nearest to it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from transforms.salience.features import Pairs, describe, measure, nearest_terms, pairs_in_text, union_pairs
from transforms.salience.model import SalienceModel
from transforms.salience.scoring import top_terms
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
    """Score the terms in the text of items, and the nearest others, by a model.

    Args:
        candidates: rows of `CANDIDATES`.
        vectors: vectors of the items, shape (items, dimensions).
        table: the terms of the vocabulary.
        model: the model.
        neighbours: number of nearest terms considered in addition to those in the text.
        min_items: a term of fewer items is considered only for items whose text contains it.
        max_terms: maximum number of terms kept per item: the most salient; ties by term.

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
    items, terms = (np.concatenate([pairs[field] for pairs in found] or [np.zeros(0, np.int64)]) for field in (0, 1))
    return top_terms(
        candidates["item_id"], items, terms, np.concatenate(saliences or [np.zeros(0)]), table.spellings, max_terms
    )
