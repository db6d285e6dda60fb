"""Safety filter of word lists and patterns: obscene or hateful names, personal data, and prompt injections."""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import regex

from transforms.extras import INSTALL_NAMING
from transforms.naming.text import count_scripts, word_list

if TYPE_CHECKING:
    from glin_profanity import Filter

UnsafeReason = Literal["", "obscene", "personal_data", "instruction", "harmful"]

# Latin names are checked against English, and against long words of other languages: short ones are often harmless
# words of another language (`bite`, `concha`, `Trio`).
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
_OTHER_LATIN_LANGUAGES = ("german", "french", "spanish", "italian", "portuguese", "dutch", "polish", "turkish")
_MIN_FOREIGN_LENGTH = 7
_MAX_CACHED_NAMES = 1 << 14

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
    """Decides whether a name may be published. It travels to workers, and loads its models there."""

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the models of the filter; empty: it has none. Word lists belong to the version of the code."""
        ...

    def prefetch(self, names: Iterable[str]) -> None:
        """Process names in batches before `unsafe_reason` is called for them."""
        ...

    def unsafe_reason(self, name: str) -> UnsafeReason:
        """Return why a name must not be published; empty: it may be."""
        ...


class WordLists:
    """Checks names against the lists of glin-profanity, which detects spaced, doubled or replaced letters.

    The lists are extended by `unsafe_words.txt`; `ordinary_phrases.txt` lists harmless interests that they reject.
    Personal data and prompt injections are found by patterns.
    """

    fingerprint = ""

    def prefetch(self, names: Iterable[str]) -> None:
        """Do nothing: names are checked one by one."""

    def unsafe_reason(self, name: str) -> UnsafeReason:
        """Return why a name must not be published; empty: it may be.

        Raises:
            ImportError: when the word lists are not installed.
        """
        if _instruction().search(name):
            return "instruction"
        if _PERSONAL_DATA.search(name):
            return "personal_data"
        return "obscene" if _is_obscene(name) else ""


@functools.lru_cache(maxsize=_MAX_CACHED_NAMES)
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
        raise ImportError(f"names are checked against word lists: {INSTALL_NAMING}") from error
    options: dict[str, Any] = {
        "languages": list(_LANGUAGES[script]),
        "custom_words": [*sorted(word_list("unsafe_words.txt")), *(_long_foreign_words() if script == "Latin" else ())],
        "whitelist": sorted(word_list("ordinary_phrases.txt")),
        "detect_leetspeak": True,
        "normalize_unicode": True,
    }
    return Filter(options)


def _long_foreign_words() -> Sequence[str]:
    """Return long words of other languages in Latin letters, which are hardly a word of another language."""
    from glin_profanity.data.dictionary import dictionary

    words = {word for language in _OTHER_LATIN_LANGUAGES for word in dictionary.get_words(language)}
    return sorted(word for word in words if len(word) >= _MIN_FOREIGN_LENGTH and " " not in word)
