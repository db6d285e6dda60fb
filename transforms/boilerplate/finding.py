"""Finding boilerplate in a sample of a catalogue.

A phrase is boilerplate if it stands in many titles, its words stand hardly anywhere else, and what the other words of
these titles say is nearly independent of it. Independence is measured by the mean cosine between the remaining titles,
less the mean of the catalogue: 0 for titles drawn at random. Measured on papers, repositories, films and products:
`set of 6` 0.03, `v2` 0.01, `a survey` 0.05; `3D` 0.06 to 0.12, programming languages 0.06 to 0.09, `k8s` 0.12,
`dotfiles` 0.22. Words that stand elsewhere too, such as `Python` in many titles, are topics even next to a number.
"""

from __future__ import annotations

import math
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from transforms.boilerplate.phrases import (
    PhraseForm,
    common_phrases,
    has_letter,
    pattern_of,
    phrases_of,
    words_of_pattern,
)
from transforms.boilerplate.removal import cut_phrases
from transforms.encoders.spec import EncoderSpec
from transforms.encoders.vocabulary_coverage import MIN_COVERED_FRACTION, covered_word_fraction

MIN_TITLES = 5
"""Minimum number of distinct titles with a phrase."""
MIN_FRACTION = 0.001
"""Minimum fraction of the titles with a phrase."""
MIN_EXCLUSIVE_FRACTION = 0.5
"""Minimum fraction, of the titles with a word of a phrase, of those with the phrase or another candidate."""
MAX_SIMILARITY: dict[PhraseForm, float] = {"segment": 0.05, "number": 0.1, "code": 0.045}
"""Maximum mean cosine between titles with a phrase, without their candidates; plus its standard error."""

_MAX_MEASURED = 400
_DEVIATION_OF_COSINES = 0.18
"""Standard deviation of the cosine of two titles, for the standard error of the mean of a few."""
_MIN_USABLE_FRACTION = 0.5
_MAX_COVERAGE_SAMPLE = 2000
_LEXICAL_DIMENSIONS = 1024


def find_boilerplate(titles: Iterable[str]) -> list[str]:
    """Find the patterns of boilerplate in titles, sorted.

    Args:
        titles: a sample of a catalogue, in any order.
    """
    distinct = sorted(set(titles))
    phrases = [phrases_of(title) for title in distinct]
    owners: dict[str, list[int]] = defaultdict(list)
    forms: dict[str, PhraseForm] = {}
    for number, found in enumerate(phrases):
        for pattern, form in {phrase.pattern: phrase.form for phrase in reversed(found)}.items():
            owners[pattern].append(number)
            forms.setdefault(pattern, form)
    least = max(MIN_TITLES, int(MIN_FRACTION * len(distinct)))
    frequent = {pattern: numbers for pattern, numbers in owners.items() if len(numbers) >= least}
    if not frequent:
        return []
    candidates = _without_topics(frequent, distinct)
    bare = [
        cut_phrases(title, [phrase for phrase in found if phrase.pattern in candidates])
        for title, found in zip(distinct, phrases, strict=True)
    ]
    usable = np.array([has_letter(title) for title in bare])
    directions = _directions(bare, usable)
    boilerplate = {
        pattern
        for pattern in candidates
        if pattern in common_phrases()
        or _is_independent(directions, usable, frequent[pattern], MAX_SIMILARITY[forms[pattern]])
    }
    return sorted(each for each in boilerplate if forms[each] != "number" or not _has_shorter(each, boilerplate))


def _has_shorter(pattern: str, found: set[str]) -> bool:
    """Return whether a part of a pattern with a number was found too: of `set of 0 mugs`, `mugs` says something."""
    words = pattern.split()
    parts = (words[first:end] for first in range(len(words)) for end in range(first + 1, len(words) + 1))
    return any("0" in part and " ".join(part) in found and len(part) < len(words) for part in parts)


def _without_topics(frequent: dict[str, list[int]], titles: Sequence[str]) -> set[str]:
    """Drop the patterns of which every word stands mostly in titles without any of the patterns that have the word."""
    with_pattern: dict[str, set[int]] = defaultdict(set)
    for pattern, numbers in frequent.items():
        for word in words_of_pattern(pattern):
            with_pattern[word].update(numbers)
    everywhere: Counter[str] = Counter()
    for title in titles:
        everywhere.update(set(words_of_pattern(pattern_of(title))) & with_pattern.keys())
    topics = {word for word, found in with_pattern.items() if len(found) < MIN_EXCLUSIVE_FRACTION * everywhere[word]}
    return {
        pattern
        for pattern in frequent
        if pattern in common_phrases()
        or not words_of_pattern(pattern)
        or not topics.issuperset(words_of_pattern(pattern))
    }


def _directions(titles: Sequence[str], usable: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Compute a vector of unit length for each title, less their mean, shape (titles, dimensions).

    Vectors are those of the packaged encoder, or counts of character trigrams if it covers too few words.
    """
    if covered_word_fraction(titles[:_MAX_COVERAGE_SAMPLE]) >= MIN_COVERED_FRACTION:
        vectors = EncoderSpec("static").load().encode(titles).astype(np.float64)
    else:
        vectors = _trigram_vectors(titles)
    vectors -= vectors[usable].mean(axis=0) if usable.any() else 0
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))


def _trigram_vectors(titles: Sequence[str]) -> npt.NDArray[np.float64]:
    """Count the character trigrams of each title, hashed; unit length."""
    vectors = np.zeros((len(titles), _LEXICAL_DIMENSIONS))
    for row, title in enumerate(titles):
        padded = f" {title.casefold()} "
        for start in range(len(padded) - 2):
            vectors[row, zlib.crc32(padded[start : start + 3].encode()) % _LEXICAL_DIMENSIONS] += 1
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-9))


def _is_independent(
    directions: npt.NDArray[np.float64], usable: npt.NDArray[np.bool_], titles: Sequence[int], limit: float
) -> bool:
    """Return whether the mean cosine between different titles is below a limit, rounded so that all machines agree."""
    rows = [title for title in titles if usable[title]]
    rows = rows[:: max(-(-len(rows) // _MAX_MEASURED), 1)]
    if len(rows) < MIN_TITLES - 2 or len(rows) < _MIN_USABLE_FRACTION * min(len(titles), _MAX_MEASURED):
        return False
    total = directions[rows].sum(axis=0)
    pairs = len(rows) * (len(rows) - 1)
    mean = (float(total @ total) - len(rows)) / pairs
    return round(mean, 6) < limit + _DEVIATION_OF_COSINES * math.sqrt(2 / pairs)
