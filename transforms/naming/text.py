"""Normalization, comparison and measurement of texts in any script."""

from __future__ import annotations

import functools
import importlib.resources
import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterable

import regex

from transforms.inflection import singularize
from transforms.segmentation import nfkc

_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+(?:['’]\p{L}+)*[+#]*")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}ーｰ\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]+")
_LETTER = regex.compile(r"\p{L}")
_SCRIPTS = {
    name: regex.compile(rf"[{pattern}]")
    for name, pattern in {
        "Latin": r"\p{Latin}",
        "Kana": r"\p{Hiragana}\p{Katakana}",
        "Han": r"\p{Han}",
        "Hangul": r"\p{Hangul}",
        "Arabic": r"\p{Arabic}",
        "Cyrillic": r"\p{Cyrillic}",
        "Greek": r"\p{Greek}",
        "Hebrew": r"\p{Hebrew}",
        "Devanagari": r"\p{Devanagari}",
        "Bengali": r"\p{Bengali}",
        "Tamil": r"\p{Tamil}",
        "Telugu": r"\p{Telugu}",
        "Thai": r"\p{Thai}",
    }.items()
}
OTHER_SCRIPT = "Other"


def fold_case(text: str) -> str:
    """Apply NFKC and case folding, like the terms of journeys."""
    return nfkc(text).casefold()


def split_words(text: str) -> list[str]:
    """Split a case-folded text into runs of letters, marks and digits; scripts without spaces are not split further."""
    found: list[str] = _WORD.findall(fold_case(text))
    return found


@functools.lru_cache(maxsize=1 << 14)
def normalize(name: str) -> str:
    """Normalize a name so that equal names differ only in case, punctuation or plurals."""
    return (
        " ".join(singularize(word.replace("'", "").replace("’", "")) for word in split_words(name))
        or fold_case(name).strip()
    )


def display_width(text: str) -> int:
    """Count the columns of a text: two for a wide (East Asian) character, none for a combining mark."""
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else not unicodedata.combining(character)
        for character in text
    )


def is_unspaced(word: str) -> bool:
    """Whether a word is written in a script without spaces between words."""
    return _UNSPACED.fullmatch(word) is not None


@functools.lru_cache(maxsize=1 << 14)
def script_of(letter: str) -> str:
    """Return the script of a letter: a key of `_SCRIPTS`, or `OTHER_SCRIPT`."""
    return next((name for name, pattern in _SCRIPTS.items() if pattern.match(letter)), OTHER_SCRIPT)


def count_scripts(texts: Iterable[str]) -> Counter[str]:
    """Count the letters of each script."""
    letters = Counter(itertools.chain.from_iterable(map(_LETTER.findall, texts)))
    scripts: Counter[str] = Counter()
    for letter, number in letters.items():
        scripts[script_of(letter)] += number
    return scripts


def contains(whole: str, part: str) -> bool:
    """Whether `whole` contains the words of `part` in a row; in scripts without spaces, its characters."""
    if not part:
        return True
    if is_unspaced(part.replace(" ", "")):
        return part.replace(" ", "") in whole.replace(" ", "")
    return f" {part} " in f" {whole} "


@functools.cache
def word_list(file_name: str) -> frozenset[str]:
    """Read a word list of this package: case-folded lines without comments (`#`)."""
    text = importlib.resources.files("transforms.naming").joinpath(file_name).read_text(encoding="utf-8")
    lines = (fold_case(line).strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))


@functools.cache
def pattern_list(file_name: str) -> regex.Pattern[str]:
    """Read a list of regular expressions of this package, one a line; return one for all of them, blind to case."""
    text = importlib.resources.files("transforms.naming").joinpath(file_name).read_text(encoding="utf-8")
    lines = (line.strip() for line in text.splitlines())
    return regex.compile("|".join(line for line in lines if line and not line.startswith("#")), regex.I)
