"""Recognition of names that fit every journey: listed ones, and those that say only that the topics vary."""

from __future__ import annotations

import functools
from typing import NamedTuple

import regex

from transforms.naming.reply_words import listed_lines, word_pattern
from transforms.naming.text import fold_case, normalize, word_list

_CONJUNCTION = regex.compile(r"\s*[,&/、،]\s*|\s+(?:and|or|y|et|und|e)\s+|\s+(?=various\b)", regex.I)
_ARTICLE = regex.compile(r"^\s*(?:an?|the|some)\s+", regex.I)
_WORD_CHARACTER = regex.compile(r"[\p{L}\p{N}]")


class Variety(NamedTuple):
    """The words of one language of which names without a topic consist.

    Attributes:
        variety: words such as `various`.
        named: words for what is named, such as `topics`.
        other: words between them.
    """

    variety: regex.Pattern[str]
    named: regex.Pattern[str]
    other: regex.Pattern[str]


def is_generic(name: str) -> bool:
    """Whether a name is generic: an entry of a list, several of them joined (`Videos and music`), or one of variety."""
    generic = _generic_names()
    parts = [part for part in _CONJUNCTION.split(_ARTICLE.sub("", name)) if part.strip()]
    return all(normalize(part) in generic for part in parts) or is_variety(name)


def is_variety(name: str) -> bool:
    """Whether a name has words of variety and for what is named, and no others, in one language: `Mixed interests`."""
    folded = fold_case(name).replace("’", "'")
    return any(_consists_of(folded, each) for each in _varieties())


def _consists_of(folded: str, words: Variety) -> bool:
    without_named, num_named = words.named.subn(" ", folded)
    rest, num_varied = words.variety.subn(" ", without_named)
    return bool(num_named and num_varied) and _WORD_CHARACTER.search(words.other.sub(" ", rest)) is None


@functools.cache
def _generic_names() -> frozenset[str]:
    return frozenset(map(normalize, word_list("generic_names.txt")))


@functools.cache
def _varieties() -> tuple[Variety, ...]:
    lines = (line.split("|") for line in listed_lines("variety_words.txt"))
    return tuple(Variety(*(word_pattern(words.split()) for words in line)) for line in lines)
