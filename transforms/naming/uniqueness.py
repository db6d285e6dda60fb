"""Distinct names for the journeys of one user."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transforms.inflection import is_same_word
from transforms.naming.normal_form import forms_of_name
from transforms.naming.text import contains, display_width, normalize, split_words


class Collisions(NamedTuple):
    """Names of one user, by index.

    Attributes:
        kept: the first occurrence of each name.
        colliding: all others.
    """

    kept: list[int]
    colliding: list[int]


def is_same_name(first: str, second: str) -> bool:
    """Whether two names differ at most in case, accents, spelling, punctuation, word order, plurals and function words.

    `Guitar jazz`, `Jazz guitars` and `jazz-guitar` are the same, and so are `hip hop` and `hiphop`, `World War II` and
    `World War 2`, `Perros y gatos` and `Perros & gatos`.
    """
    if normalize(first) == normalize(second):
        return True
    return any(_has_same_words(ours, theirs) for ours in forms_of_name(first) for theirs in forms_of_name(second))


def _has_same_words(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    if not ours or not theirs:
        return False
    if len(ours) == len(theirs):
        if all(map(is_same_word, _sorted(ours), _sorted(theirs))):
            return True
        if _letters(ours) != _letters(theirs):
            return False
    if "".join(ours) == "".join(theirs):
        return True
    if not _has_initials(min(ours, theirs, key=len), max(ours, theirs, key=len)):
        return False
    joined = sorted(_joined(ours, theirs)), sorted(_joined(theirs, ours))
    return len(joined[0]) == len(joined[1]) and all(map(is_same_word, *joined))


@functools.lru_cache(maxsize=1 << 14)
def _sorted(words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted(words))


@functools.lru_cache(maxsize=1 << 14)
def _letters(words: tuple[str, ...]) -> str:
    return "".join(sorted("".join(words)))


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
