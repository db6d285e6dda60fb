"""Parts of a title that can be boilerplate: brackets, what separators part off, hashtags, and phrases with numbers.

A phrase is known by its pattern: case-folded, without marks at its ends, digits as `0`. `Episode 4` and `EPISODE 12`
have the pattern `episode 0`.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import regex

from transforms.function_words import all_function_words

PhraseForm: TypeAlias = Literal["segment", "number", "code", "window"]
"""Place of a phrase: alone between brackets or separators, or a hashtag; next to a number of its own; one word with
digits; words around a number or a code that may be only a part of a phrase, or more than one."""

MAX_WORDS = 4
"""Maximum number of words of a phrase with a number."""
LONGEST_PHRASE = 6
"""Maximum number of words of a phrase with several numbers, such as `0 x 0 x 0 cm`."""

_BRACKETS = regex.compile(r"[(\[{【（]([^()\[\]{}【】（）]*)[)\]}】）]")  # noqa: RUF001
_SEPARATOR = regex.compile(r"(?<!\s)\s++[|·•~/]+\s+|\s[-–—]+\s|(?:(?<!\s)\s++)?[｜|]\s*|:\s")  # noqa: RUF001
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’.,/×+#-]?[\p{L}\p{M}\p{N}]+)*[+#%]*")
_HASHTAG_AT_END = regex.compile(r"(?<=\s)#(?=[\p{N}_]*\p{L})[\p{L}\p{M}\p{N}_]+(?=(?:\s+#[\p{L}\p{M}\p{N}_]+)*\s*$)")
_MARKS_AT_START = regex.compile(r"^[^\p{L}\p{N}]+")
_MARKS_AT_END = regex.compile(r"(?r)[^\p{L}\p{M}\p{N}+#%]+$")  # reversed: forwards it tries the end from each mark
_DIGITS = regex.compile(r"\p{N}+(?:[.,]\p{N}+)*")
_CODE = regex.compile(r"(?=.*0)(?=.*\p{L})(?:0[^\s]{0,6}|(?:\p{L}{1,3}(?!\p{L})[^\p{L}\s]*)+)")
_LETTER = regex.compile(r"\p{L}")


class Phrase(NamedTuple):
    """A part of a title.

    Attributes:
        pattern: what is equal for all titles with the phrase.
        form: where it stands.
        start: position of its first character; brackets are part of it.
        end: position after its last character.
    """

    pattern: str
    form: PhraseForm
    start: int
    end: int


def pattern_of(text: str) -> str:
    """Return the pattern of a phrase."""
    bare = _MARKS_AT_END.sub("", _MARKS_AT_START.sub("", text))
    return " ".join(_DIGITS.sub("0", bare.casefold()).split())


def has_number(pattern: str) -> bool:
    """Return whether a word of a pattern is a number or a code."""
    return any(word == "0" or _CODE.fullmatch(word) for word in pattern.split())


def has_letter(text: str) -> bool:
    """Return whether a text has a letter."""
    return _LETTER.search(text) is not None


def words_of_pattern(pattern: str) -> list[str]:
    """Return the words of a pattern, without those that are numbers."""
    return [word for word in _WORD.findall(pattern) if word != "0"]


def phrases_of(title: str) -> list[Phrase]:
    """Find the phrases of a title; they may overlap, and the longest come first."""
    bare = _BRACKETS.sub(lambda found: " " * len(found[0]), title)
    segments = _segments(bare)
    phrases = [Phrase(pattern_of(found[1]), "segment", *found.span()) for found in _BRACKETS.finditer(title)]
    if len(segments) > 1:
        start, end = segments[-1]  # the first segment is mostly what the title is about
        phrases.append(Phrase(pattern_of(bare[start:end]), "segment", start, end))
    phrases += [Phrase(pattern_of(found[0]), "segment", *found.span()) for found in _HASHTAG_AT_END.finditer(title)]
    phrases += [phrase for phrase in affixes_of(title, min_words=1) if phrase.pattern in common_phrases()]
    for start, end in segments:
        phrases += _phrases_with_digits(bare, start, end)
    for found in _BRACKETS.finditer(title):
        phrases += _phrases_with_digits(title, *found.span(1))
    return sorted(filter(_has_pattern, phrases), key=lambda phrase: (phrase.start - phrase.end, phrase.start))


def affixes_of(title: str, min_words: int = 2) -> list[Phrase]:
    """Find the phrases of some to `MAX_WORDS` words at the beginning and the end of a title, the longest first."""
    words = list(_WORD.finditer(title))
    phrases = []
    for number in range(min(MAX_WORDS, len(words) - 1), min_words - 1, -1):
        for part in (words[-number:], words[:number]):
            start, end = part[0].start(), part[-1].end()
            phrases.append(Phrase(pattern_of(title[start:end]), "segment", start, end))
    return phrases


@functools.cache
def common_phrases() -> frozenset[str]:
    """Return patterns that are boilerplate wherever they begin or end many titles."""
    text = importlib.resources.files(__package__).joinpath("common_phrases.txt").read_text(encoding="utf-8")
    return frozenset(pattern_of(line) for line in text.splitlines() if line and not line.startswith("#"))


def _has_pattern(phrase: Phrase) -> bool:
    return bool(phrase.pattern)


def _segments(bare: str) -> list[tuple[int, int]]:
    cuts = [found.span() for found in _SEPARATOR.finditer(bare)]
    starts, ends = [0, *(end for _, end in cuts)], [*(start for start, _ in cuts), len(bare)]
    return [(start, end) for start, end in zip(starts, ends, strict=True) if bare[start:end].strip()]


def _phrases_with_digits(title: str, start: int, end: int) -> list[Phrase]:
    """Find codes such as `500ml` anywhere, phrases with a number, such as `Set of 6`, at both ends, and their parts."""
    words = list(_WORD.finditer(title, start, end))
    patterns = [pattern_of(word[0]) for word in words]
    codes = [place for place, pattern in enumerate(patterns) if _CODE.fullmatch(pattern)]
    phrases = [Phrase(patterns[place], "code", *words[place].span()) for place in codes]
    ends = {
        (first, first + number)
        for number in range(2, min(LONGEST_PHRASE, len(words)) + 1)
        for first in (0, len(words) - number)
    }
    pairs = {(first, first + 2) for place in codes for first in (place - 1, place) if 0 <= first <= len(words) - 2}
    for first, last in sorted(ends | pairs):
        form = _form_with_digits(patterns[first:last])
        if form is not None:
            phrases.append(Phrase(" ".join(patterns[first:last]), form, words[first].start(), words[last - 1].end()))
    return phrases


def _form_with_digits(patterns: Sequence[str]) -> PhraseForm | None:
    """Return the form of a phrase that may have a number; None for other phrases."""
    numbers = patterns.count("0")
    if numbers == len(patterns) or not has_number(" ".join(patterns)):
        return None
    is_cut_off = patterns[0] in all_function_words() or patterns[-1] in all_function_words()
    return "number" if numbers > 0 and len(patterns) <= MAX_WORDS and not is_cut_off else "window"
