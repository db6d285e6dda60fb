"""No two journeys of a user are called the same."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from transforms.naming.words import contains, folded, width, words_of


class Clashes(NamedTuple):
    """Names of one user, by their places.

    Attributes:
        kept: those that nobody before has.
        clashing: the others.
    """

    kept: list[int]
    clashing: list[int]


def find_clashes(names: Sequence[str], taken: Iterable[str] = ()) -> Clashes:
    """Who keeps a name: the first that has it. Case, punctuation and plurals make no difference.

    Args:
        names: in the order of ranks.
        taken: names that are given already.
    """
    seen = {folded(name) for name in taken}
    clashes = Clashes([], [])
    for place, name in enumerate(names):
        (clashes.clashing if folded(name) in seen else clashes.kept).append(place)
        seen.add(folded(name))
    return clashes


def told_apart(name: str, terms: Sequence[str], taken: Iterable[str], most: int) -> str:
    """A name that none of those taken equals: with its heaviest term that makes the difference, else with a number.

    `Jazz` becomes `Jazz: bebop`, or `Jazz 2`.

    Args:
        name: may be taken or not; cut where there is no room behind it.
        terms: of the journey, the heaviest first.
        taken: names that are given already.
        most: columns that a name may take.
    """
    folds = {folded(each) for each in taken}
    if folded(name) not in folds:
        return name
    said = " ".join(words_of(name))
    for term in terms:
        longer = f"{name}: {term}"
        if not contains(said, " ".join(words_of(term))) and width(longer) <= most and folded(longer) not in folds:
            return longer
    number = 2
    while folded(numbered := _numbered(name, number, most)) in folds:
        number += 1
    return numbered


def _numbered(name: str, number: int, most: int) -> str:
    end = f" {number}"
    while name and width(name + end) > most:
        name = name[:-1]
    return name.rstrip() + end
