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
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from transforms.boilerplate.completeness import (
    Neighbours,
    begins_with_topic,
    completed,
    is_whole_at_end,
    neighbours_of,
)
from transforms.boilerplate.phrases import (
    Phrase,
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
MAX_SIMILARITY: dict[PhraseForm, float] = {"segment": 0.05, "number": 0.1, "code": 0.045, "window": 0.1}
"""Maximum mean cosine between titles with a phrase, without their candidates; plus its standard error."""

_ONE_PLACE: tuple[PhraseForm, ...] = ("segment", "code")
"""Forms of phrases whose bounds are certain."""
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
    catalogue = _count(distinct, phrases)
    candidates = _without_topics(catalogue)
    if not candidates:
        return []
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
        or _is_independent(directions, usable, catalogue.owners[pattern], MAX_SIMILARITY[catalogue.forms[pattern]])
    }
    short = {each for each in boilerplate if catalogue.forms[each] in _ONE_PLACE or not _has_shorter(each, boilerplate)}
    return sorted(short | {_completed(each, catalogue) for each in short})


class _Catalogue(NamedTuple):
    """The phrases of titles.

    Attributes:
        owners: the titles with each pattern.
        forms: the form of each pattern.
        words: the number of titles with each word.
        neighbours: the words next to phrases with numbers.
        least: minimum number of titles with a phrase.
    """

    owners: Mapping[str, list[int]]
    forms: Mapping[str, PhraseForm]
    words: Mapping[str, int]
    neighbours: Neighbours
    least: int


def _count(titles: Sequence[str], phrases: Sequence[list[Phrase]]) -> _Catalogue:
    owners: dict[str, list[int]] = defaultdict(list)
    forms: dict[str, PhraseForm] = {}
    for number, found in enumerate(phrases):
        for pattern, form in {phrase.pattern: phrase.form for phrase in reversed(found)}.items():
            owners[pattern].append(number)
            if forms.get(pattern, "window") == "window":
                forms[pattern] = form
    words = Counter(word for title in titles for word in set(words_of_pattern(pattern_of(title))))
    least = max(MIN_TITLES, int(MIN_FRACTION * len(titles)))
    return _Catalogue(owners, forms, words, neighbours_of(phrases), least)


def _completed(pattern: str, catalogue: _Catalogue) -> str:
    if catalogue.forms[pattern] == "segment":
        return pattern
    return completed(pattern, catalogue.owners, catalogue.words, catalogue.neighbours)


def _has_shorter(pattern: str, found: set[str]) -> bool:
    """Return whether a part of a pattern with a number was found too: of `set of 0 mugs`, `mugs` says something.

    The number alone is no part: as a pattern it is only found where brackets or separators part it off.
    """
    words = pattern.split()
    parts = (words[first:end] for first in range(len(words)) for end in range(first + 2, len(words) + 1))
    return any("0" in part and " ".join(part) in found and len(part) < len(words) for part in parts)


def _without_topics(catalogue: _Catalogue) -> set[str]:
    """Select the frequent patterns that no word marks as a topic.

    Left out are those of which every word stands mostly in titles without any of the patterns that have the word, and
    phrases with a number that begin with a topic.
    """
    frequent = {
        pattern: numbers
        for pattern, numbers in catalogue.owners.items()
        if len(numbers) >= catalogue.least
        and (catalogue.forms[pattern] != "window" or is_whole_at_end(pattern, catalogue.neighbours))
    }
    with_pattern: dict[str, set[int]] = defaultdict(set)
    for pattern, numbers in frequent.items():
        for word in words_of_pattern(pattern):
            with_pattern[word].update(numbers)
    exclusive = {word: len(found) / max(catalogue.words[word], 1) for word, found in with_pattern.items()}
    topics = {word for word, fraction in exclusive.items() if fraction < MIN_EXCLUSIVE_FRACTION}
    return {
        pattern
        for pattern, numbers in frequent.items()
        if pattern in common_phrases()
        or not words_of_pattern(pattern)
        or not (topics.issuperset(words_of_pattern(pattern)) or _begins_with_topic(pattern, exclusive, catalogue))
    }


def _begins_with_topic(pattern: str, exclusive: Mapping[str, float], catalogue: _Catalogue) -> bool:
    if catalogue.forms[pattern] in _ONE_PLACE:
        return False
    fraction = exclusive.get(pattern.partition(" ")[0], 1)
    return begins_with_topic(pattern, len(catalogue.owners[pattern]), fraction, catalogue.neighbours)


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
