"""Whether a name may be written: neither obscene or hateful, nor personal data, nor an order to a machine."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import regex

from transforms.naming.text import count_scripts, word_list

if TYPE_CHECKING:
    from glin_profanity import Filter

UnsafeReason = Literal["", "obscene", "personal_data", "instruction", "harmful"]

# Latin names are looked up in English, and among the long words of other languages: the short ones are often plain
# words of another (`bite`, `concha`, `Trio`).
_LANGUAGES: dict[str, tuple[str, ...]] = {
    "Latin": ("english",),
    "Hangul": ("korean",),
    "Han": ("chinese",),
    "Kana": ("japanese",),
    "Arabic": ("arabic", "persian"),
    "Cyrillic": ("russian",),
    "Devanagari": ("hindi",),
    "Thai": ("thai",),
}
_LATIN_TOO = ("german", "french", "spanish", "italian", "portuguese", "dutch", "polish", "turkish")
_UNMISTAKABLE_WIDTH = 7
_NAMES_REMEMBERED = 1 << 14

_PERSONAL_DATA = regex.compile(
    r"[\p{L}\p{N}._%+-]+@[\p{L}\p{N}-]+\.\p{L}{2,}"  # mail
    r"|(?:https?|ftp)://|\bwww\.|\b(?!(?:asp|ado|ml|vb)\.net\b)[\p{L}\p{N}-]+\.(?:com|net|org|info|biz|co\.uk|ru|cn|xyz|top)\b"
    r"|(?<![\p{L}\p{N}])@[A-Za-z_][\w.]{2,}"  # handles
    r"|(?<!\d)(?:\+\d{1,3}[\s.-]?)?(?:\(\d{2,4}\)[\s.-]?)?\d{2,4}(?:[\s.-]\d{3,4}){2,}(?!\d)"  # telephones
    r"|(?<!\d)\+?\d{9,}(?!\d)"  # and other long numbers
    r"|\b\d{3}-\d{2}-\d{4}\b",
    regex.I,
)


class SafetyFilter(Protocol):
    """What decides whether a name may be written. It travels to workers, and loads what it needs there."""

    @property
    def fingerprint(self) -> str:
        """Of what decides beside the word lists, which are part of this version; empty: nothing does."""
        ...

    def prefetch(self, names: Iterable[str]) -> None:
        """Is told names that `unsafe_reason` may be asked about, where it is better to look at many together."""
        ...

    def unsafe_reason(self, name: str) -> UnsafeReason:
        """Why a name may not be written; empty: it may."""
        ...


class WordLists:
    """Looks names up in the lists of glin-profanity, which sees through letters that are spaced, doubled or replaced.

    The lists do not know what people have as an interest: `ordinary_phrases.txt` says what is harmless,
    `unsafe_words.txt` what is missing. Personal data and orders to a machine are found by their form.
    """

    fingerprint = ""

    def prefetch(self, names: Iterable[str]) -> None:
        """Does nothing: a name is looked up as fast alone."""

    def unsafe_reason(self, name: str) -> UnsafeReason:
        """Why a name may not be written; empty: it may.

        Raises:
            ImportError: when the word lists are not installed.
        """
        if _instruction().search(name):
            return "instruction"
        if _PERSONAL_DATA.search(name):
            return "personal_data"
        return "obscene" if _is_obscene(name) else ""


@functools.lru_cache(maxsize=_NAMES_REMEMBERED)
def _is_obscene(name: str) -> bool:
    scripts = sorted({"Latin", *(script for script in count_scripts([name]) if script in _LANGUAGES)})
    return any(_filter(script).is_profane(name) for script in scripts)


@functools.cache
def _instruction() -> Any:
    text = (
        importlib.resources.files("transforms.naming").joinpath("instruction_patterns.txt").read_text(encoding="utf-8")
    )
    lines = (line for line in text.splitlines() if line and not line.startswith("# "))
    return regex.compile("|".join(lines), regex.I)


@functools.cache
def _filter(script: str) -> Filter:
    try:
        from glin_profanity import Filter
    except ImportError as error:
        raise ImportError("names are checked against word lists: install interest-journeys[naming]") from error
    options: dict[str, Any] = {
        "languages": list(_LANGUAGES[script]),
        "custom_words": [*sorted(word_list("unsafe_words.txt")), *(_unmistakable() if script == "Latin" else ())],
        "whitelist": sorted(word_list("ordinary_phrases.txt")),
        "detect_leetspeak": True,
        "normalize_unicode": True,
    }
    return Filter(options)


def _unmistakable() -> Sequence[str]:
    """Long words of other languages in Latin letters, which are hardly a word of another."""
    from glin_profanity.data.dictionary import dictionary

    words = {word for language in _LATIN_TOO for word in dictionary.get_words(language)}
    return sorted(word for word in words if len(word) >= _UNMISTAKABLE_WIDTH and " " not in word)
