"""Distinct names for the journeys of one user."""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import regex

from transforms.inflection import is_same_word
from transforms.naming.text import contains, display_width, fold_case, split_words

_LETTERS = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "æ": "ae", "œ": "oe", "ı": "i"})
"""Letters whose stroke or joint is no accent in Unicode."""
_ACCENT = regex.compile(r"[\u0300-\u036f\u0591-\u05c7\u064b-\u0655]")
"""Accents of Latin, Greek and Cyrillic, and vowel signs that Arabic and Hebrew leave out. Those of other scripts are
letters."""
_FUNCTION_WORDS = frozenset({"a", "an", "and", "of", "the"})
"""Words that make no difference between names; `&` is no word."""


class Collisions(NamedTuple):
    """Names of one user, by index.

    Attributes:
        kept: the first occurrence of each name.
        colliding: all others.
    """

    kept: list[int]
    colliding: list[int]


def is_same_name(first: str, second: str) -> bool:
    """Whether two names differ at most in case, accents, punctuation, word order, plurals, articles, `and` and `of`.

    `Guitar jazz`, `Jazz guitars` and `jazz-guitar` are the same, and so are `hip hop` and `hiphop`.
    """
    ours, theirs = _words(first), _words(second)
    if not ours or not theirs:
        return fold_case(first).strip() == fold_case(second).strip()
    if len(ours) == len(theirs) and all(map(is_same_word, _sorted_words(first), _sorted_words(second))):
        return True
    if len(ours) == len(theirs) and _letters(first) != _letters(second):
        return False
    if not _has_initials(min(ours, theirs, key=len), max(ours, theirs, key=len)):
        return False
    joined = sorted(_joined(ours, theirs)), sorted(_joined(theirs, ours))
    return len(joined[0]) == len(joined[1]) and all(map(is_same_word, *joined))


@functools.lru_cache(maxsize=1 << 14)
def _words(name: str) -> tuple[str, ...]:
    """Return the folded words of a name, without accents and function words unless it has no others."""
    decomposed = unicodedata.normalize("NFKD", fold_case(name).replace("'", "").replace("’", ""))
    words = split_words(_ACCENT.sub("", decomposed).translate(_LETTERS))
    return tuple(word for word in words if word not in _FUNCTION_WORDS) or tuple(words)


@functools.lru_cache(maxsize=1 << 14)
def _sorted_words(name: str) -> tuple[str, ...]:
    return tuple(sorted(_words(name)))


@functools.lru_cache(maxsize=1 << 14)
def _letters(name: str) -> str:
    return "".join(sorted("".join(_words(name))))


def _has_initials(fewer: Sequence[str], more: Sequence[str]) -> bool:
    """Whether each word has the first letter of one of the others: a quick test before words are joined."""
    return {word[0] for word in fewer} <= {word[0] for word in more}


def _joined(words: Sequence[str], others: Sequence[str]) -> list[str]:
    """Join pairs of adjacent words that are one word of the other name."""
    joined: list[str] = []
    for word in words:
        if joined and any(is_same_word(joined[-1] + word, other) for other in others):
            joined[-1] += word
        else:
            joined.append(word)
    return joined


def find_collisions(names: Sequence[str], taken: Iterable[str] = ()) -> Collisions:
    """Find collisions: the first occurrence keeps a name. `is_same_name` says which names are the same.

    Args:
        names: in rank order.
        taken: names already assigned.
    """
    seen = list(taken)
    collisions = Collisions([], [])
    for index, name in enumerate(names):
        if is_taken(name, seen):
            collisions.colliding.append(index)
        else:
            collisions.kept.append(index)
            seen.append(name)
    return collisions


def is_taken(name: str, taken: Iterable[str]) -> bool:
    """Whether a name is the same as one of some others."""
    return any(is_same_name(name, other) for other in taken)


def disambiguate(name: str, terms: Sequence[str], taken: Iterable[str], max_width: int) -> str:
    """Make a name unique by appending the heaviest term that does so, or else a number.

    `Jazz` becomes `Jazz: bebop`, or `Jazz 2`.

    Args:
        name: returned unchanged if it is not taken; truncated to leave room for a number.
        terms: terms of the journey, the heaviest first.
        taken: names already assigned.
        max_width: maximum number of columns of a name.
    """
    taken = list(taken)
    if not is_taken(name, taken):
        return name
    words = " ".join(split_words(name))
    for term in terms:
        longer = f"{name}: {term}"
        if (
            not contains(words, " ".join(split_words(term)))
            and display_width(longer) <= max_width
            and not is_taken(longer, taken)
        ):
            return longer
    number = 2
    while is_taken(numbered := _numbered(name, number, max_width), taken):
        number += 1
    return numbered


def _numbered(name: str, number: int, max_width: int) -> str:
    suffix = f" {number}"
    while name and display_width(name + suffix) > max_width:
        name = name[:-1]
    return name.rstrip() + suffix
