"""Terms that explain journeys: several items share them, and few of the user's other items have them.

The clusterings by vectors and by terms share this selection. The score of a term is its mean salience over the
distinct items of the journey, times p, times the square of its contrast `p / (p + q)`, where p is the fraction of
these items that have the term, and q that of the user's other items. The contrast is 1 for a term of this journey
alone, 0.5 for one that is as frequent elsewhere. Salience grows with the specificity of the term in the catalogue.

Terms are selected in descending order of their scores. A term that shares a word with a selected one is not selected;
singular and plural are the same word. A bigram takes the place of one of its words if it scores at least half as
high.

Nine scores were compared by terms that are selected from half of a journey's items: the other half has one of the
first three more often than the user's other items. On papers and products the difference was largest for this
score and for that without the square; on films `p - q` was better; on repositories only five were compared.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import list_offsets
from transforms.inflection import singularize
from transforms.journeys.catalogue import Catalogue
from transforms.journeys.config import IcpcConfig
from transforms.journeys.icpc import Journeys

MIN_ITEMS = 2
"""Minimum number of distinct items of a journey that share a term that explains it; all of a smaller journey."""

MAX_LONE_TERMS = 2
"""Maximum number of terms of a journey no two items of which share a term."""

WIDER_FRACTION = 0.5
"""A bigram takes the place of one of its words if its score is at least this fraction of the score of the word."""

CANDIDATES_PER_TERM = 4
"""Number of the best terms of a journey that are considered for each that can be selected."""

_NONE = -1
_WORD_SEPARATOR = r"[\s\-]+"

_compiled = numba.njit(cache=True, nogil=True)


class JourneyTerms(NamedTuple):
    """The terms that explain journeys.

    Attributes:
        offsets: int64, shape (journeys + 1,): the terms of journey j are `terms[offsets[j]:offsets[j + 1]]`.
        terms: int32: codes of terms, by weight descending, then by code.
        weights: float64: the score of each term, as the module describes it.
    """

    offsets: npt.NDArray[np.int64]
    terms: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]


class _TermWords(NamedTuple):
    """The words of terms as compressed sparse rows: codes in [0, size), equal for singular and plural."""

    offsets: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]
    size: int


def explain_journeys(
    journeys: Journeys,
    offsets: npt.NDArray[np.int64],
    items: npt.NDArray[np.int32],
    catalogue: Catalogue,
    config: IcpcConfig,
) -> JourneyTerms:
    """Select the terms that explain each journey.

    Args:
        journeys: the journeys of some users.
        offsets: int64, shape (users + 1,): the interactions of user u are `items[offsets[u]:offsets[u + 1]]`.
        items: int32, shape (interactions,): indices of items in the catalogue.
        catalogue: its terms are used.
        config: its `journey_terms` and `centroid` are used.

    Returns:
        At most `config.journey_terms` terms of each journey that at least `MIN_ITEMS` of its items share; if they share
        none, at most `MAX_LONE_TERMS` others.
    """
    vectors = catalogue.term_vectors
    scored, shared = _scored(
        journeys,
        (np.ascontiguousarray(offsets, np.int64), np.ascontiguousarray(items, np.int32)),
        (vectors.offsets, vectors.terms, vectors.saliences, max(vectors.vocabulary_size, 1)),
        CANDIDATES_PER_TERM * config.journey_terms,
    )
    distinct, codes = np.unique(scored.terms, return_inverse=True)
    words = _words_of_terms(catalogue.vocabulary.take(pa.array(distinct)))
    kept = np.zeros(len(scored.terms), np.bool_)
    _select(
        scored.offsets,
        codes,
        scored.weights,
        shared,
        words.offsets,
        words.words,
        words.size,
        config.journey_terms,
        kept,
    )
    owners = np.repeat(np.arange(len(journeys.users)), np.diff(scored.offsets))[kept]
    weights = scored.weights[kept]
    if config.centroid == "sum":
        weights = weights * journeys.sizes[owners]
    return JourneyTerms(list_offsets(np.bincount(owners, minlength=len(journeys.users))), scored.terms[kept], weights)


def _words_of_terms(terms: pa.StringArray) -> _TermWords:
    """Split terms into words. Python code runs once per distinct word."""
    parts = pc.split_pattern_regex(terms.cast(pa.string()), _WORD_SEPARATOR)
    encoded = parts.flatten().dictionary_encode()
    stems = pa.array([singularize(word.casefold()) for word in encoded.dictionary.to_pylist()], pa.string())
    stem_codes = stems.dictionary_encode()
    words = stem_codes.indices.to_numpy()[encoded.indices.to_numpy()] if len(encoded) else np.zeros(0)
    offsets = list_offsets(pc.list_value_length(parts).to_numpy())
    return _TermWords(offsets, words.astype(np.int64), max(len(stem_codes.dictionary), 1))


def _scored(
    journeys: Journeys,
    histories: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]],
    vectors: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.float32], int],
    keep: int,
) -> tuple[JourneyTerms, npt.NDArray[np.bool_]]:
    """Score the terms of all journeys; return the `keep` best of each, and whether they are shared.

    Terms that are not shared are returned only for journeys without shared ones.
    """
    count = len(journeys.users)
    lengths, shared = np.zeros(count, np.int64), np.zeros(count, np.bool_)
    terms = np.empty((count, keep), np.int32)
    weights = np.empty((count, keep), np.float64)
    _score(
        *histories,
        journeys.users,
        journeys.member_offsets,
        journeys.members,
        *vectors,
        keep,
        (lengths, shared, terms.reshape(-1), weights.reshape(-1)),
    )
    filled = np.arange(keep) < lengths[:, None]
    return JourneyTerms(list_offsets(lengths), terms[filled], weights[filled]), shared


@_compiled
def _count_items(items, vector_offsets, vector_terms, seen_by, stamp, counts):  # type: ignore[no-untyped-def]
    """Add the distinct items to the counts of their terms; return the number of items. `stamp` marks them."""
    distinct = 0
    for item in items:
        if seen_by[item] != stamp:
            seen_by[item] = stamp
            distinct += 1
            for entry in range(vector_offsets[item], vector_offsets[item + 1]):
                counts[vector_terms[entry]] += 1
    return distinct


@_compiled
def _reset(items, vector_offsets, vector_terms, counts):  # type: ignore[no-untyped-def]
    for item in items:
        for entry in range(vector_offsets[item], vector_offsets[item + 1]):
            counts[vector_terms[entry]] = 0


@_compiled
def _sum_members(  # type: ignore[no-untyped-def]
    own, vector_offsets, vector_terms, saliences, seen_by, stamp, counts, sums, touched
):
    """Sum the saliences of the terms of the distinct items of one journey; return the numbers of terms and items."""
    reached = 0
    distinct = 0
    for item in own:
        if seen_by[item] == stamp:
            continue
        seen_by[item] = stamp
        distinct += 1
        for entry in range(vector_offsets[item], vector_offsets[item + 1]):
            term = vector_terms[entry]
            if counts[term] == 0:
                touched[reached] = term
                reached += 1
                sums[term] = 0.0
            counts[term] += 1
            sums[term] += saliences[entry]
    return reached, distinct


@_compiled
def _insert(terms, weights, first, length, keep, term, weight):  # type: ignore[no-untyped-def]
    """Insert a term into the list that begins at `first`, ordered by weight descending, then code.

    Only the `keep` best terms are kept. Returns the length of the list.
    """
    position = first + length
    if length == keep and weights[position - 1] > weight:
        return length
    while position > first and (
        weights[position - 1] < weight or (weights[position - 1] == weight and terms[position - 1] > term)
    ):
        if position < first + keep:
            terms[position] = terms[position - 1]
            weights[position] = weights[position - 1]
        position -= 1
    if position < first + keep:
        terms[position] = term
        weights[position] = weight
        return min(length + 1, keep)
    return length


@_compiled
def _score(  # type: ignore[no-untyped-def]
    offsets,
    items,
    users,
    member_offsets,
    members,
    vector_offsets,
    vector_terms,
    saliences,
    vocabulary_size,
    keep,
    found,
):
    """Write the best terms of each journey to the arrays of `found`, one journey after another."""
    lengths, shared, terms, weights = found
    seen_by = np.full(len(vector_offsets) - 1, _NONE, np.int64)
    user_counts = np.zeros(vocabulary_size, np.int64)
    counts = np.zeros(vocabulary_size, np.int64)
    sums = np.zeros(vocabulary_size)
    touched = np.empty(vocabulary_size, np.int32)
    stamp = 0
    user = _NONE
    user_items = 0
    for journey in range(len(users)):
        if users[journey] != user:
            if user != _NONE:
                _reset(items[offsets[user] : offsets[user + 1]], vector_offsets, vector_terms, user_counts)
            user = users[journey]
            own = items[offsets[user] : offsets[user + 1]]
            user_items = _count_items(own, vector_offsets, vector_terms, seen_by, stamp, user_counts)
            stamp += 1
        own = items[members[member_offsets[journey] : member_offsets[journey + 1]]]
        reached, distinct = _sum_members(
            own, vector_offsets, vector_terms, saliences, seen_by, stamp, counts, sums, touched
        )
        stamp += 1
        largest = 0
        for position in range(reached):
            largest = max(largest, counts[touched[position]])
        needed = min(MIN_ITEMS, distinct, largest)
        shared[journey] = needed == min(MIN_ITEMS, distinct)
        others = user_items - distinct
        for position in range(reached):
            term = touched[position]
            if counts[term] >= needed:
                inside = counts[term] / distinct
                outside = (user_counts[term] - counts[term]) / others if others else 0.0
                contrast = inside / (inside + outside)
                weight = sums[term] / distinct * inside * contrast * contrast
                lengths[journey] = _insert(terms, weights, journey * keep, lengths[journey], keep, term, weight)
            counts[term] = 0


@_compiled
def _select(offsets, terms, weights, shared, word_offsets, words, word_count, keep, kept):  # type: ignore[no-untyped-def]
    """Mark in `kept` the terms of each journey that are selected; they are ordered by weight."""
    used_by = np.full(word_count, _NONE, np.int64)
    for journey in range(len(offsets) - 1):
        selected = 0
        room = keep if shared[journey] else min(keep, MAX_LONE_TERMS)
        for position in range(offsets[journey], offsets[journey + 1]):
            if selected == room:
                break
            if _repeats(terms[position], word_offsets, words, used_by, journey):
                continue
            chosen = position
            for other in range(position + 1, offsets[journey + 1]):
                if weights[other] < WIDER_FRACTION * weights[position]:
                    break
                if _contains(terms[other], terms[position], word_offsets, words) and not _repeats(
                    terms[other], word_offsets, words, used_by, journey
                ):
                    chosen = other
                    break
            kept[chosen] = True
            selected += 1
            for entry in range(word_offsets[terms[chosen]], word_offsets[terms[chosen] + 1]):
                used_by[words[entry]] = journey


@_compiled
def _repeats(term, word_offsets, words, used_by, journey):  # type: ignore[no-untyped-def]
    """Whether a word of the term is used by a term that was selected for the journey."""
    repeats = False
    for entry in range(word_offsets[term], word_offsets[term + 1]):
        repeats = repeats or used_by[words[entry]] == journey
    return repeats


@_compiled
def _contains(whole, part, word_offsets, words):  # type: ignore[no-untyped-def]
    """Whether a term has all words of another one, and more."""
    if word_offsets[whole + 1] - word_offsets[whole] <= word_offsets[part + 1] - word_offsets[part]:
        return False
    for entry in range(word_offsets[part], word_offsets[part + 1]):
        found = False
        for other in range(word_offsets[whole], word_offsets[whole + 1]):
            found = found or words[other] == words[entry]
        if not found:
            return False
    return True
