"""Removal of boilerplate from titles."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import regex

from transforms.boilerplate.phrases import Phrase, affixes_of, has_letter, pattern_of, phrases_of
from transforms.text_cleaning.markup import without_ends

_MAX_ROUNDS = 4
_EMPTY_BRACKETS = regex.compile(r"[(\[{【（]\s*[,;|·/–—-]*\s*[)\]}】）]")  # noqa: RUF001
_SPACE_BEFORE_MARK = regex.compile(r" ([:;,.])(?= |$)")
_SEPARATORS_AT_ENDS = regex.compile(r"^[\s|｜·•~/:;,.–—-]+(?=\s)|(?:\s+[|·•~/–—-]+|[|｜:;,])+\s*$")  # noqa: RUF001


def cut_phrases(title: str, phrases: Iterable[Phrase]) -> str:
    """Remove phrases from a title, and the brackets and separators around them."""
    kept = bytearray(b"\1" * len(title))
    for phrase in phrases:
        kept[phrase.start : phrase.end] = b"\0" * (phrase.end - phrase.start)
    rest = "".join(character if keep else " " for character, keep in zip(title, kept, strict=True))
    before = None
    while rest != before:
        before, rest = rest, _SEPARATORS_AT_ENDS.sub("", _EMPTY_BRACKETS.sub(" ", rest)).strip()
    return without_ends(_SPACE_BEFORE_MARK.sub(r"\1", " ".join(rest.split())))


def remove_boilerplate(title: str, patterns: Collection[str], creator: str = "") -> str:
    """Remove boilerplate, and the name of the creator where it is a part of its own, unless no letter would be left.

    Args:
        title: a clean title.
        patterns: patterns of boilerplate, the result of `find_boilerplate`.
        creator: the author or maker of the item; empty if not known.
    """
    own = pattern_of(creator)
    for _ in range(_MAX_ROUNDS):
        found = [phrase for phrase in phrases_of(title) if phrase.pattern in patterns or phrase.pattern == own]
        found = found or [phrase for phrase in affixes_of(title) if phrase.pattern in patterns]
        rest = cut_phrases(title, found) if found else title
        if rest == title or not has_letter(rest):
            break
        title = rest
    return title


class Removed(NamedTuple):
    """Items without boilerplate in their titles, and the number of titles that were changed."""

    items: pa.RecordBatch
    titles: int


def remove_from_items(items: pa.RecordBatch, patterns: Collection[str]) -> Removed:
    """Remove boilerplate from the titles of items.

    Args:
        items: rows of `items`.
        patterns: patterns of boilerplate, the result of `find_boilerplate`.
    """
    removable = frozenset(patterns)
    anywhere = _search_pattern(removable)
    before = items["title"].to_pylist()
    creators = pc.fill_null(items["creator"], "").to_pylist()
    titles = [
        remove_boilerplate(title, removable, creator)
        if anywhere.search(title.casefold()) or (creator and creator.casefold() in title.casefold())
        else title
        for title, creator in zip(before, creators, strict=True)
    ]
    place = items.schema.get_field_index("title")
    changed = sum(old != new for old, new in zip(before, titles, strict=True))
    return Removed(items.set_column(place, items.schema.field(place), pa.array(titles, pa.string())), changed)


def _search_pattern(patterns: Iterable[str]) -> regex.Pattern[str]:
    """Compile an expression that matches all case-folded titles with one of the patterns, and few others."""
    parts = [regex.escape(pattern).replace(r"\ ", r"\W+").replace("0", r"\p{N}[\p{N}.,]*") for pattern in patterns]
    return regex.compile("|".join(sorted(parts)) or r"(?!)")
