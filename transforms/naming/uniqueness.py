"""Distinct names for the journeys of one user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transforms.naming.text import contains, display_width, normalize, split_words


class Collisions(NamedTuple):
    """Names of one user, by index.

    Attributes:
        kept: the first occurrence of each name.
        colliding: all others.
    """

    kept: list[int]
    colliding: list[int]


def find_collisions(names: Sequence[str], taken: Iterable[str] = ()) -> Collisions:
    """Find collisions: the first occurrence keeps a name. Case, punctuation and plurals are ignored.

    Args:
        names: in rank order.
        taken: names already assigned.
    """
    seen = {normalize(name) for name in taken}
    collisions = Collisions([], [])
    for index, name in enumerate(names):
        (collisions.colliding if normalize(name) in seen else collisions.kept).append(index)
        seen.add(normalize(name))
    return collisions


def disambiguate(name: str, terms: Sequence[str], taken: Iterable[str], max_width: int) -> str:
    """Make a name unique by appending the heaviest term that does so, or else a number.

    `Jazz` becomes `Jazz: bebop`, or `Jazz 2`.

    Args:
        name: returned unchanged if it is not taken; truncated to leave room for a number.
        terms: terms of the journey, the heaviest first.
        taken: names already assigned.
        max_width: maximum number of columns of a name.
    """
    normalized = {normalize(each) for each in taken}
    if normalize(name) not in normalized:
        return name
    words = " ".join(split_words(name))
    for term in terms:
        longer = f"{name}: {term}"
        if (
            not contains(words, " ".join(split_words(term)))
            and display_width(longer) <= max_width
            and normalize(longer) not in normalized
        ):
            return longer
    number = 2
    while normalize(numbered := _numbered(name, number, max_width)) in normalized:
        number += 1
    return numbered


def _numbered(name: str, number: int, max_width: int) -> str:
    suffix = f" {number}"
    while name and display_width(name + suffix) > max_width:
        name = name[:-1]
    return name.rstrip() + suffix
