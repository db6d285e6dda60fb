"""Features of pairs of an item and a term, from which a model predicts salience."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.salience.term_table import SCALE, Directions, Floats, Integers, TermTable, cosines, lengths_of

_OF_TERM = ("specificity", "bigram", "given", "given fraction", "nearness", "context")
FEATURES = ("in text", "evidence", "statistical salience", *_OF_TERM, *(f"{name}, in text" for name in _OF_TERM))
"""Names of the features, in their order.

- `in text`: 1 if the term occurs in the item's text; `evidence`: that of its mentions (see `CANDIDATES`);
  `statistical salience`: evidence times specificity.
- `specificity`: inverse document frequency of the term; `bigram`: 1 if it has two words.
- `given`: number of items with the term among their tags and queries, as log(1 + number) / log(1 + all items);
  `given fraction`: this number as a fraction of the items with the term.
- `nearness`: the cosine of the item to the term's context, the item itself left out, as a z-score among all contexts.
- `context`: 1 if the term has a context; otherwise `nearness`, `given` and `given fraction` are 0.
- `..., in text`: the same, 0 for terms that do not occur in the text, so that a model can weight both kinds separately.
"""

_RANGE = (-4.0, 8.0)
_MIN_DEVIATION = 0.02
_MIN_LENGTH = 0.5


class Pairs(NamedTuple):
    """Pairs of an item and a term.

    Attributes:
        items: int64, shape (pairs,): row of the item, ascending.
        terms: int64, shape (pairs,): code of the term in its `TermTable`, ascending for each item.
        evidence: float64, shape (pairs,): evidence of the term's mentions; 0 if it does not occur in the text.
    """

    items: Integers
    terms: Integers
    evidence: Floats


class Nearness(NamedTuple):
    """Cosines of some items with the contexts of all terms that have one.

    Attributes:
        cosines: float64, shape (items, rows); the item itself is part of the contexts of its terms.
        means: float64, shape (items,): mean of each item's cosines.
        deviations: float64, shape (items,): their standard deviation, at lowest `_MIN_DEVIATION`.
        lengths: float64, shape (items,): length of each item's vector, nearly 1.
    """

    cosines: Floats
    means: Floats
    deviations: Floats
    lengths: Floats


def pairs_in_text(candidates: pa.RecordBatch, table: TermTable) -> Pairs:
    """Select the candidate terms of items that are in the vocabulary.

    Args:
        candidates: rows of `CANDIDATES`.
        table: the terms of the vocabulary.
    """
    codes = pc.index_in(candidates["terms"].flatten(), table.terms)
    found = np.flatnonzero(codes.is_valid().to_numpy(zero_copy_only=False))
    items = pc.list_parent_indices(candidates["terms"]).to_numpy()[found].astype(np.int64)
    terms = codes.to_numpy(zero_copy_only=False)[found].astype(np.int64)
    evidence = candidates["evidence"].flatten().to_numpy()[found].astype(np.float64)
    order = np.lexsort((terms, items))
    return Pairs(items[order], terms[order], evidence[order])


def measure(vectors: Directions, table: TermTable) -> Nearness:
    """Compute the cosines of items with the contexts of all terms that have one.

    Args:
        vectors: vectors of the items, shape (items, dimensions).
        table: the terms.
    """
    lengths = lengths_of(vectors) / SCALE
    if not len(table.codes):
        nothing = np.zeros(len(vectors))
        return Nearness(np.zeros((len(vectors), 0)), nothing, nothing + _MIN_DEVIATION, lengths)
    near = cosines(vectors, table.directions)
    return Nearness(near, near.mean(axis=1), np.maximum(near.std(axis=1), _MIN_DEVIATION), lengths)


def nearest_terms(nearness: Nearness, table: TermTable, count: int, min_items: int) -> Pairs:
    """Find the terms whose contexts are nearest to each item, in its text or not. Ties: the first term.

    Args:
        nearness: the cosines of the items.
        table: the terms.
        count: maximum number of terms per item.
        min_items: terms of fewer items are ignored.

    Returns:
        Pairs without evidence; none for an item whose vector is zero.
    """
    allowed = np.flatnonzero(table.items >= min_items)
    scores = nearness.cosines[:, allowed]
    count = min(count, len(allowed))
    if not count or not len(scores):
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    # The lowest score among the nearest; of the terms with exactly this score the first ones are chosen.
    lowest = np.partition(scores, len(allowed) - count, axis=1)[:, len(allowed) - count]
    above, equal = scores > lowest[:, None], scores == lowest[:, None]
    room = count - above.sum(axis=1)
    chosen = above | (equal & (np.cumsum(equal, axis=1) <= room[:, None]))
    items, columns = np.nonzero(chosen & (nearness.lengths > 0)[:, None])
    return Pairs(items.astype(np.int64), table.codes[allowed[columns]], np.zeros(len(items)))


def union_pairs(in_text: Pairs, others: Pairs, table: TermTable) -> Pairs:
    """Merge pairs, each once; pairs in both have the evidence of `in_text`."""
    size = max(len(table.terms), 1)
    keys = np.concatenate([in_text.items * size + in_text.terms, others.items * size + others.terms])
    keys, first = np.unique(keys, return_index=True)
    return Pairs(keys // size, keys % size, np.concatenate([in_text.evidence, others.evidence])[first])


def describe(pairs: Pairs, nearness: Nearness, table: TermTable) -> Floats:
    """Compute the features of pairs, float64, shape (pairs, features), in the order of `FEATURES`."""
    in_text = (pairs.evidence > 0).astype(np.float64)
    specificity = table.specificity[pairs.terms]
    bigram = pc.match_substring(table.terms.take(pa.array(pairs.terms)), " ").to_numpy(zero_copy_only=False)
    of_term = [specificity, bigram.astype(np.float64), *_by_context(pairs, nearness, table)]
    of_text = [in_text, pairs.evidence, pairs.evidence * specificity]
    return np.stack([*of_text, *of_term, *(in_text * each for each in of_term)], axis=1)


def _by_context(pairs: Pairs, nearness: Nearness, table: TermTable) -> list[Floats]:
    """Compute `given`, `given fraction`, `nearness` and `context`; all are 0 for terms without a context."""
    rows = table.rows[pairs.terms]
    has_context = rows >= 0
    found = np.zeros((4, len(rows)))
    items, rows = pairs.items[has_context], rows[has_context]
    given = table.given[rows]
    found[0, has_context] = _logarithms(given) / math.log1p(table.catalogue)
    found[1, has_context] = given / np.maximum(table.items[rows], 1)
    cosine = nearness.cosines[items, rows]
    others = _without_itself(cosine, nearness.lengths[items], table.lengths[rows])
    cosine = np.where(pairs.evidence[has_context] > 0, others, cosine)
    found[2, has_context] = np.clip((cosine - nearness.means[items]) / nearness.deviations[items], *_RANGE)
    found[3, has_context] = 1.0
    return list(found)


def _logarithms(numbers: Integers) -> Floats:
    """`log(1 + number)`. By Python's logarithm, which does not depend on the width of the machine's vectors."""
    distinct, inverse = np.unique(numbers, return_inverse=True)
    return np.array([math.log1p(number) for number in distinct.tolist()])[inverse]


def _without_itself(cosine: Floats, length: Floats, total: Floats) -> Floats:
    """Compute the cosine of an item with the sum of the other items of a term; 0 if there are none.

    Args:
        cosine: cosine with the sum of all items of the term, including the item.
        length: length of the item's vector, nearly 1.
        total: length of that sum.
    """
    product = cosine * length * total
    rest = np.sqrt(np.maximum(total**2 - 2 * product + length**2, 0.0))
    return np.where(
        rest > _MIN_LENGTH,
        (product - length**2) / (np.maximum(length, _MIN_LENGTH) * np.maximum(rest, _MIN_LENGTH)),
        0.0,
    )
