"""Segmentation of scripts that are written without spaces between words, by the dictionaries of ICU."""

from __future__ import annotations

import functools

import regex

UNSPACED_SCRIPTS = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts of South-East Asia without spaces between words, as the content of a character class of `regex`."""

_RUN = regex.compile(rf"[{UNSPACED_SCRIPTS}]+")
_LETTERS_OR_DIGITS = regex.compile(r"[\p{L}\p{N}]")


def is_unspaced_run(text: str) -> bool:
    """Return whether a text consists of characters of `UNSPACED_SCRIPTS`."""
    return _RUN.fullmatch(text) is not None


@functools.lru_cache(maxsize=1 << 16)
def segment_words(run: str) -> tuple[str, ...]:
    """Split a run of characters of `UNSPACED_SCRIPTS` into words.

    A word of one character that follows another word belongs to it: it is mostly the end of a word that the dictionary
    lacks.
    """
    from icu4py.breakers import WordBreaker

    words: list[str] = []
    for word in map(str, WordBreaker(run, "th")):
        if words and len(word) == 1:
            words[-1] += word
        elif _LETTERS_OR_DIGITS.search(word):
            words.append(word)
    return tuple(words)
