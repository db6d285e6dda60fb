"""Segmentation of scripts that are written without spaces between words, by the dictionaries of ICU."""

from __future__ import annotations

import functools
import unicodedata

import regex

UNSPACED_SCRIPTS = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
"""Scripts of South-East Asia without spaces between words, as the content of a character class of `regex`."""

_SPLIT_AM = regex.compile("\u0e4d\u0e32|\u0ecd\u0eb2")
_AM = {"\u0e4d": "\u0e33", "\u0ecd": "\u0eb3"}
_RUN = regex.compile(rf"[{UNSPACED_SCRIPTS}]+")
_STACKED_MARKS = regex.compile(r"(\p{M}{30})\p{M}+")
"""Of consecutive marks 30 are kept, as in the stream-safe format of Unicode: NFKC takes quadratic time to sort them."""
_LETTERS_OR_DIGITS = regex.compile(r"[\p{L}\p{N}]")


def is_unspaced_run(text: str) -> bool:
    """Return whether a text consists of characters of `UNSPACED_SCRIPTS`."""
    return _RUN.fullmatch(text) is not None


def nfkc(text: str) -> str:
    """Apply NFKC, except that the Thai and Lao vowel AM stays one character, as dictionaries have it."""
    composed = unicodedata.normalize("NFKC", _STACKED_MARKS.sub(r"\1", text))
    return composed if composed.isascii() else _SPLIT_AM.sub(lambda found: _AM[found[0][0]], composed)


@functools.lru_cache(maxsize=1 << 16)
def segment_words(run: str) -> tuple[str, ...]:
    """Split a run of characters of `UNSPACED_SCRIPTS`, or of Han, into words.

    A word of one character that follows another word belongs to it: it is mostly the end of a word that the dictionary
    lacks.
    """
    from icu4py.breakers import WordBreaker

    words: list[str] = []
    for word in map(str, WordBreaker(run, "th")):
        if words and len(word) == 1 and is_unspaced_run(word):
            words[-1] += word
        elif _LETTERS_OR_DIGITS.search(word):
            words.append(word)
    return tuple(words)
