"""What it takes to compare and measure names in any script."""

from __future__ import annotations

import functools
import importlib.resources
import unicodedata
from collections import Counter
from collections.abc import Iterable

import regex

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
_SHORTEST_PLURAL = 4


def fold_case(text: str) -> str:
    """NFKC and folded case, as terms of journeys are."""
    return unicodedata.normalize("NFKC", text).casefold()


def split_words(text: str) -> list[str]:
    """The words of a normalised text: runs of letters, marks and digits; scripts without blanks are not cut further."""
    found: list[str] = _WORD.findall(fold_case(text))
    return found


def singularize(word: str) -> str:
    """An English plural in `s` without it; other words as they are. Good enough to compare, not to be read."""
    if len(word) < _SHORTEST_PLURAL or not word.isascii() or word.endswith(("ss", "us", "is")):
        return word
    if word.endswith("ies") and len(word) > _SHORTEST_PLURAL:
        return word[:-3] + "y"
    if word.endswith(("ches", "shes", "sses", "xes", "zes")):
        return word[:-2]
    return word.removesuffix("s")


@functools.lru_cache(maxsize=1 << 14)
def normalize(name: str) -> str:
    """What two names have in common that a person takes for the same: blind to case, punctuation and plurals."""
    return (
        " ".join(singularize(word.replace("'", "").replace("’", "")) for word in split_words(name))
        or fold_case(name).strip()
    )


def display_width(text: str) -> int:
    """Columns that a text takes: two for wide characters, as those of Chinese, Japanese and Korean, none for marks."""
    return sum(
        2 if unicodedata.east_asian_width(character) in "WF" else not unicodedata.combining(character)
        for character in text
    )


def is_unspaced(word: str) -> bool:
    """Whether a word is written in a script that puts no blanks between words."""
    return _UNSPACED.fullmatch(word) is not None


def script_of(letter: str) -> str:
    """The script of one letter: a key of `_SCRIPTS`, or `OTHER_SCRIPT`."""
    return next((name for name, pattern in _SCRIPTS.items() if pattern.match(letter)), OTHER_SCRIPT)


def count_scripts(texts: Iterable[str]) -> Counter[str]:
    """How many letters of each script there are."""
    letters = Counter(letter for text in texts for letter in _LETTER.findall(text))
    scripts: Counter[str] = Counter()
    for letter, number in letters.items():
        scripts[script_of(letter)] += number
    return scripts


def contains(whole: str, part: str) -> bool:
    """Whether the words of `part` follow each other in `whole`; in scripts without blanks, its characters."""
    if not part:
        return True
    if is_unspaced(part.replace(" ", "")):
        return part.replace(" ", "") in whole.replace(" ", "")
    return f" {part} " in f" {whole} "


@functools.cache
def word_list(file_name: str) -> frozenset[str]:
    """The lines of a list of this package, normalised; those that begin with `#` are remarks."""
    text = importlib.resources.files("transforms.naming").joinpath(file_name).read_text(encoding="utf-8")
    lines = (fold_case(line).strip() for line in text.splitlines())
    return frozenset(line for line in lines if line and not line.startswith("#"))
