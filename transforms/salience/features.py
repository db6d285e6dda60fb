"""What a model of salience looks at: some numbers for each pair of an item and a term."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from transforms.salience.term_table import SCALE, Directions, Floats, Integers, TermTable, cosines, lengths_of

_OF_TERM = ("specificity", "bigram", "given", "given share", "nearness", "context")
FEATURES = ("in text", "evidence", "statistical salience", *_OF_TERM, *(f"{name}, in text" for name in _OF_TERM))
"""Names of the features, in their order.

- `in text`: 1 where the term stands in the item's text; `evidence`: how much its mentions say (see `CANDIDATES`);
  `statistical salience`: evidence times specificity.
- `specificity`: how rare the term is among items; `bigram`: 1 where it has two words.
- `given`: how many items have the term among their tags and queries, as log(1 + number) / log(1 + items in all);
  `given share`: the same as a share of the items that have the term at all.
- `nearness`: the cosine of the item to the term's context, the item itself left out, as a z-score among all contexts.
- `context`: 1 where the term has one; without, nearness, `given` and `given share` are 0.
- `..., in text`: the same, 0 for terms that do not stand in the text, so that a model can weigh both kinds apart.
"""

_RANGE = (-4.0, 8.0)
_LEAST_DEVIATION = 0.02
_SHORTEST = 0.5


class Pairs(NamedTuple):
    """Pairs of an item and a term.

    Attributes:
        items: int64, shape (pairs,): row of the item, ascending.
        terms: int64, shape (pairs,): code of the term in its `TermTable`, ascending for each item.
        evidence: float64, shape (pairs,): how much the term's mentions say; 0 where it does not stand in the text.
    """

    items: Integers
    terms: Integers
    evidence: Floats


class Nearness(NamedTuple):
    """How near some items are to the contexts of all terms that have one.

    Attributes:
        cosines: float64, shape (items, rows); the item itself is part of the contexts of its terms.
        means: float64, shape (items,): the mean of each item's cosines.
        deviations: float64, shape (items,): their standard deviation, or a least one.
        lengths: float64, shape (items,): the length of each item's vector, nearly 1.
    """

    cosines: Floats
    means: Floats
    deviations: Floats
    lengths: Floats


def pairs_in_text(candidates: pa.RecordBatch, table: TermTable) -> Pairs:
    """The terms of a vocabulary that stand in the text of items.

    Args:
        candidates: rows of `CANDIDATES`.
        table: of the vocabulary.
    """
    codes = pc.index_in(candidates["terms"].flatten(), table.terms)
    known = np.flatnonzero(codes.is_valid().to_numpy(zero_copy_only=False))
    items = pc.list_parent_indices(candidates["terms"]).to_numpy()[known].astype(np.int64)
    terms = codes.to_numpy(zero_copy_only=False)[known].astype(np.int64)
    evidence = candidates["evidence"].flatten().to_numpy()[known].astype(np.float64)
    order = np.lexsort((terms, items))
    return Pairs(items[order], terms[order], evidence[order])


def measure(vectors: Directions, table: TermTable) -> Nearness:
    """How near items are to the contexts of all terms that have one.

    Args:
        vectors: of the items, shape (items, dimensions).
        table: of the terms.
    """
    lengths = lengths_of(vectors) / SCALE
    if not len(table.codes):
        nothing = np.zeros(len(vectors))
        return Nearness(np.zeros((len(vectors), 0)), nothing, nothing + _LEAST_DEVIATION, lengths)
    near = cosines(vectors, table.directions)
    return Nearness(near, near.mean(axis=1), np.maximum(near.std(axis=1), _LEAST_DEVIATION), lengths)


def nearest_terms(nearness: Nearness, table: TermTable, most: int, min_items: int) -> Pairs:
    """The terms whose contexts are nearest to each item, whether they stand in its text or not; ties by term.

    Args:
        nearness: of the items.
        table: of the terms.
        most: how many terms an item gets at most.
        min_items: terms of fewer items are left out.

    Returns:
        Pairs without evidence; none for an item whose vector is zero.
    """
    allowed = np.flatnonzero(table.items >= min_items)
    scores = nearness.cosines[:, allowed]
    most = min(most, len(allowed))
    if not most or not len(scores):
        return Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0))
    # The least score among the nearest; of those equal to it the first terms are taken.
    least = np.partition(scores, len(allowed) - most, axis=1)[:, len(allowed) - most]
    above, equal = scores > least[:, None], scores == least[:, None]
    room = most - above.sum(axis=1)
    chosen = above | (equal & (np.cumsum(equal, axis=1) <= room[:, None]))
    items, places = np.nonzero(chosen & (nearness.lengths > 0)[:, None])
    return Pairs(items.astype(np.int64), table.codes[allowed[places]], np.zeros(len(items)))


def union_pairs(in_text: Pairs, others: Pairs, table: TermTable) -> Pairs:
    """Pairs of both, each once, with the evidence of those that stand in the text."""
    size = max(len(table.terms), 1)
    keys = np.concatenate([in_text.items * size + in_text.terms, others.items * size + others.terms])
    keys, first = np.unique(keys, return_index=True)
    return Pairs(keys // size, keys % size, np.concatenate([in_text.evidence, others.evidence])[first])


def describe(pairs: Pairs, nearness: Nearness, table: TermTable) -> Floats:
    """The features of pairs, float64, shape (pairs, features), in the order of `FEATURES`."""
    in_text = (pairs.evidence > 0).astype(np.float64)
    specificity = table.specificity[pairs.terms]
    bigram = pc.match_substring(table.terms.take(pa.array(pairs.terms)), " ").to_numpy(zero_copy_only=False)
    of_term = [specificity, bigram.astype(np.float64), *_by_context(pairs, nearness, table)]
    of_text = [in_text, pairs.evidence, pairs.evidence * specificity]
    return np.stack([*of_text, *of_term, *(in_text * each for each in of_term)], axis=1)


def _by_context(pairs: Pairs, nearness: Nearness, table: TermTable) -> list[Floats]:
    """Given, given share, nearness, and whether there is a context; 0 where there is none."""
    rows = table.rows[pairs.terms]
    known = rows >= 0
    found = np.zeros((4, len(rows)))
    items, rows = pairs.items[known], rows[known]
    given = table.given[rows]
    found[0, known] = _logarithms(given) / math.log1p(table.catalogue)
    found[1, known] = given / np.maximum(table.items[rows], 1)
    cosine = nearness.cosines[items, rows]
    alone = _without_itself(cosine, nearness.lengths[items], table.lengths[rows])
    cosine = np.where(pairs.evidence[known] > 0, alone, cosine)
    found[2, known] = np.clip((cosine - nearness.means[items]) / nearness.deviations[items], *_RANGE)
    found[3, known] = 1.0
    return list(found)


def _logarithms(numbers: Integers) -> Floats:
    """`log(1 + number)`. By Python's logarithm, which does not depend on the width of the machine's vectors."""
    distinct, inverse = np.unique(numbers, return_inverse=True)
    return np.array([math.log1p(number) for number in distinct.tolist()])[inverse]


def _without_itself(cosine: Floats, length: Floats, total: Floats) -> Floats:
    """The cosine of an item to the sum of the others that have a term; 0 where there is none.

    Args:
        cosine: to the sum of all, the item among them.
        length: of the item's vector, nearly 1.
        total: the length of that sum.
    """
    product = cosine * length * total
    rest = np.sqrt(np.maximum(total**2 - 2 * product + length**2, 0.0))
    return np.where(
        rest > _SHORTEST, (product - length**2) / (np.maximum(length, _SHORTEST) * np.maximum(rest, _SHORTEST)), 0.0
    )
