"""Descriptions of the nodes of a topical tree: a few keywords, of which no two nodes of the tree have the same.

Keywords are salient terms of the items of a node that its siblings, the other children of its parent, have less. The
score of a term is its mean salience over the items of the node times the square of its contrast `p / (p + q)`, where p
is the fraction of these items that have the term, and q that of the items of the siblings. This is the term weighting
by classes of c-TF-IDF (Grootendorst 2022) with the contrast of `journeys.explaining_terms` in place of the logarithm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.clusters.costs import Floats, Integers
from transforms.clusters.tree import Paths, Tree
from transforms.columnar import run_offsets
from transforms.inflection import singularize

NO_TERMS = "other"
"""The first keyword of a node whose items have no terms."""

MAX_KEYWORD_CHARACTERS = 32
"""Longer terms are selected only if a node has no others."""

MIN_ITEMS = 2
"""Minimum number of items of a node that have a keyword; all of a smaller node."""

WIDER_FRACTION = 0.5
"""A term takes the place of one of its words if its score is at least this fraction of the score of the word."""

_CANDIDATES = 64
_SPARE_KEYWORDS = 4
_SALIENCE_SCALE = 1 << 20
_SEPARATORS = re.compile(r"[\s\-]+")

Keywords: TypeAlias = tuple[str, ...]
"""The keywords of a node, the most distinguishing one first."""


class ItemTerms(NamedTuple):
    """The salient terms of items as compressed sparse rows.

    Attributes:
        offsets: int64, shape (items + 1,).
        terms: int32, shape (entries,): codes of terms, each at most once in a row.
        saliences: float32, shape (entries,), in [0, 1].
    """

    offsets: Integers
    terms: npt.NDArray[np.int32]
    saliences: npt.NDArray[np.float32]


class _Term(NamedTuple):
    """A candidate keyword: as people write it, its words for comparison, and its score."""

    text: str
    words: frozenset[str]
    score: float


class _Entries(NamedTuple):
    """Terms of nodes, sorted by node, then term: the number of items with the term, and the sum of its saliences."""

    nodes: Integers
    terms: Integers
    items: Integers
    saliences: Floats


def join_keywords(keywords: Sequence[str]) -> str:
    """Join keywords to the text of a description."""
    return ", ".join(keywords)


def describe(
    tree: Tree, paths: Paths, items: ItemTerms, vocabulary: pa.StringArray, keywords: int
) -> tuple[list[Keywords], ...]:
    """Describe all nodes of a tree.

    Nodes are described from the broadest level to the most specific one, within a level by index. If the best keywords
    of a node are those of another one, the last is replaced; if this does not suffice, more keywords are added, then
    one of the parent, then a number. No word occurs twice in a description; singular and plural are the same word. A
    node whose items have no terms has the keyword `NO_TERMS`.

    Args:
        tree: the tree.
        paths: the nodes of the items, shape (items, levels).
        items: the salient terms of the items.
        vocabulary: the terms as people write them, by code.
        keywords: number of keywords of a description, at least 1; fewer if there are no more terms.

    Returns:
        For each level the keywords of each node. No two nodes have the same set of keywords, ignoring case, and so no
        two texts are equal. The result does not depend on the order of the items.
    """
    taken: set[tuple[str, ...]] = set()
    levels: list[list[Keywords]] = []
    above: list[Keywords] = [()]
    for depth, level in enumerate(tree.levels):
        candidates = _candidates(paths[:, depth].astype(np.int64), level.parents, items, vocabulary)
        described = []
        for node, parent in enumerate(level.parents.tolist()):
            selected = _select(candidates[node], keywords + _SPARE_KEYWORDS)
            described.append(_unused(_attempts(selected, above[parent], keywords), taken))
        levels.append(described)
        above = described
    return tuple(levels)


def _candidates(owners: Integers, parents: Integers, items: ItemTerms, vocabulary: pa.StringArray) -> list[list[_Term]]:
    """Return the best terms of each node: short ones first, by score descending, then by code."""
    entries = _count(owners, items, max(len(vocabulary), 1))
    sizes = np.bincount(owners, minlength=len(parents))
    scores = _scores(entries, sizes, parents, max(len(vocabulary), 1))
    frequent = entries.items >= np.minimum(MIN_ITEMS, sizes[entries.nodes])
    rows = np.flatnonzero(frequent)
    rows = rows[np.lexsort((entries.terms[rows], -scores[rows], entries.nodes[rows]))]
    found: list[list[_Term]] = [[] for _ in parents]
    if not len(rows):
        return found
    ends = run_offsets(entries.nodes[rows])
    for start, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        best = rows[start : min(end, start + _CANDIDATES)]
        texts = vocabulary.take(pa.array(entries.terms[best])).to_pylist()
        terms = [_Term(text, _words(text), score) for text, score in zip(texts, scores[best].tolist(), strict=True)]
        terms.sort(key=lambda term: len(term.text) > MAX_KEYWORD_CHARACTERS)  # stable
        found[int(entries.nodes[best[0]])] = terms
    return found


def _count(owners: Integers, items: ItemTerms, vocabulary_size: int) -> _Entries:
    """Count the terms of each node; saliences are rounded, so that sums are exact in any order."""
    keys = np.repeat(owners, np.diff(items.offsets)) * vocabulary_size + items.terms
    saliences = np.rint(items.saliences.astype(np.float64) * _SALIENCE_SCALE)
    distinct, codes, counts = np.unique(keys, return_inverse=True, return_counts=True)
    sums = np.bincount(codes, saliences, minlength=len(distinct)) / _SALIENCE_SCALE
    return _Entries(distinct // vocabulary_size, distinct % vocabulary_size, counts, sums)


def _scores(entries: _Entries, sizes: Integers, parents: Integers, vocabulary_size: int) -> Floats:
    """Compute the score of each entry, as the module describes it."""
    owners = parents[entries.nodes]
    _, codes = np.unique(owners * vocabulary_size + entries.terms, return_inverse=True)
    family = np.bincount(codes, entries.items)[codes] if len(codes) else np.zeros(0)
    family_sizes = np.bincount(parents, sizes)[owners]
    own_sizes = sizes[entries.nodes]
    inside = entries.items / own_sizes
    outside = (family - entries.items) / np.maximum(family_sizes - own_sizes, 1)
    return np.asarray(entries.saliences / own_sizes * (inside / (inside + outside)) ** 2)


def _words(text: str) -> frozenset[str]:
    """Return the words of a term for comparison: without case and plural."""
    return frozenset(singularize(word) for word in _SEPARATORS.split(text.casefold()) if word)


def _select(candidates: Sequence[_Term], count: int) -> list[_Term]:
    """Select the best terms without common words; a longer term may take the place of one of its words."""
    selected: list[_Term] = []
    used: set[str] = set()
    for position, term in enumerate(candidates):
        if len(selected) == count:
            break
        if term.words & used:
            continue
        wider = (
            other
            for other in candidates[position + 1 :]
            if other.words > term.words
            and other.score >= WIDER_FRACTION * term.score
            and len(other.text) <= MAX_KEYWORD_CHARACTERS
            and not other.words & used
        )
        best = next(wider, term)
        selected.append(best)
        used |= best.words
    return selected


def _attempts(selected: Sequence[_Term], parent: Keywords, keywords: int) -> Iterator[Keywords]:
    """Yield possible keywords of a node, the best first, without end."""
    texts = tuple(term.text for term in selected)
    base = texts[:keywords] or (NO_TERMS,)
    yield base
    for spare in texts[keywords:]:
        yield (*base[:-1], spare)
    for count in range(keywords + 1, len(texts) + 1):
        yield texts[:count]
    used = _words(" ".join(base))
    for keyword in parent:
        if not _words(keyword) & used:
            yield (*base, keyword)
    number = 2
    while True:
        if str(number) not in used:
            yield (*base, str(number))
        number += 1


def _unused(attempts: Iterator[Keywords], taken: set[tuple[str, ...]]) -> Keywords:
    """Return the first keywords whose text no other node has in any order of the keywords, and record them."""
    for keywords in attempts:
        # Of the text, since a term may contain the separator.
        key = tuple(sorted(join_keywords(keywords).casefold().split(join_keywords(("", "")))))
        if key not in taken:
            taken.add(key)
            return keywords
    raise AssertionError("there is always another number")
