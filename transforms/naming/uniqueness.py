"""No two journeys of a user are called the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transforms.naming.text import contains, display_width, normalize, split_words


class Collisions(NamedTuple):
    """Names of one user, by their places.

    Attributes:
        kept: those that nobody before has.
        colliding: the others.
    """

    kept: list[int]
    colliding: list[int]


def find_collisions(names: Sequence[str], taken: Iterable[str] = ()) -> Collisions:
    """Who keeps a name: the first that has it. Case, punctuation and plurals make no difference.

    Args:
        names: in the order of ranks.
        taken: names that are given already.
    """
    seen = {normalize(name) for name in taken}
    collisions = Collisions([], [])
    for place, name in enumerate(names):
        (collisions.colliding if normalize(name) in seen else collisions.kept).append(place)
        seen.add(normalize(name))
    return collisions


def disambiguate(name: str, terms: Sequence[str], taken: Iterable[str], most: int) -> str:
    """A name that none of those taken equals: with its heaviest term that makes the difference, else with a number.

    `Jazz` becomes `Jazz: bebop`, or `Jazz 2`.

    Args:
        name: may be taken or not; cut where there is no room behind it.
        terms: of the journey, the heaviest first.
        taken: names that are given already.
        most: columns that a name may take.
    """
    folds = {normalize(each) for each in taken}
    if normalize(name) not in folds:
        return name
    said = " ".join(split_words(name))
    for term in terms:
        longer = f"{name}: {term}"
        if (
            not contains(said, " ".join(split_words(term)))
            and display_width(longer) <= most
            and normalize(longer) not in folds
        ):
            return longer
    number = 2
    while normalize(numbered := _numbered(name, number, most)) in folds:
        number += 1
    return numbered


def _numbered(name: str, number: int, most: int) -> str:
    end = f" {number}"
    while name and display_width(name + end) > most:
        name = name[:-1]
    return name.rstrip() + end
