"""Sums of term vectors of groups of interactions, such as the months of a journey, and cosines between groups."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from transforms.columnar import list_offsets
from transforms.journeys.icpc import TermVectors
from transforms.lifecycle.rhythm import Floats, Integers, owners_of


class TermSums(NamedTuple):
    """Term vectors of groups as compressed sparse rows.

    Attributes:
        offsets: int64, shape (groups + 1,).
        terms: int64, shape (entries,): codes of terms, ascending in each group.
        weights: float64, shape (entries,): the sum of the saliences of the term.
        norms: float64, shape (groups,): Euclidean norm.
        vocabulary_size: number of codes.
    """

    offsets: Integers
    terms: Integers
    weights: Floats
    norms: Floats
    vocabulary_size: int


def sum_terms(groups: Integers, items: Integers, count: int, vectors: TermVectors) -> TermSums:
    """Sum the term vectors of the distinct items of each group.

    Args:
        groups: int64, shape (interactions,): the group of each interaction, in [0, count).
        items: int64, shape (interactions,): the item of each, a row of `vectors`.
        count: number of groups.
        vectors: the salient terms of all items.

    Returns:
        The sums; those of a group do not depend on the order of its interactions.
    """
    item_count = max(len(vectors.offsets) - 1, 1)
    pairs = np.unique(groups * item_count + items)
    groups, items = pairs // item_count, pairs % item_count
    starts, lengths = vectors.offsets[items], vectors.offsets[items + 1] - vectors.offsets[items]
    entry_offsets = list_offsets(lengths)
    entries = np.arange(entry_offsets[-1]) + np.repeat(starts - entry_offsets[:-1], lengths)
    size = max(vectors.vocabulary_size, 1)
    keys, places = np.unique(np.repeat(groups, lengths) * size + vectors.terms[entries], return_inverse=True)
    weights = np.bincount(places, vectors.saliences[entries].astype(np.float64), len(keys)).astype(np.float64)
    owners = keys // size
    norms = np.sqrt(np.bincount(owners, weights**2, count))
    return TermSums(list_offsets(np.bincount(owners, minlength=count)), keys % size, weights, norms, size)


def cosines(first: TermSums, second: TermSums, left: Integers, right: Integers) -> Floats:
    """Compute the cosine of pairs of groups.

    Args:
        first: groups over one vocabulary.
        second: groups over the same vocabulary.
        left: int64, shape (pairs,): groups of `first`, each once.
        right: int64, shape (pairs,): groups of `second`, each once.

    Returns:
        float64, shape (pairs,), in [0, 1]; 0 for a group without terms.
    """
    keys, weights = _keyed(first, left)
    other_keys, other_weights = _keyed(second, right)
    shared, here, there = np.intersect1d(keys, other_keys, assume_unique=True, return_indices=True)
    dots = np.bincount(shared // first.vocabulary_size, weights[here] * other_weights[there], len(left))
    lengths = first.norms[left] * second.norms[right]
    return np.clip(np.where(lengths > 0, dots / np.where(lengths > 0, lengths, 1.0), 0.0), 0.0, 1.0)


def _keyed(sums: TermSums, groups: Integers) -> tuple[Integers, Floats]:
    """Return the entries of some groups: number of the pair and term as one key, and the weight."""
    numbers = np.full(len(sums.norms), -1, np.int64)
    numbers[groups] = np.arange(len(groups))
    pairs = numbers[owners_of(sums.offsets)]
    kept = pairs >= 0
    return pairs[kept] * sums.vocabulary_size + sums.terms[kept], sums.weights[kept]
