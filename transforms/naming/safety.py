"""Whether a name may be written: neither obscene or hateful, nor personal data, nor an order to a machine."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import regex

from transforms.naming.words import listed, scripts_of

if TYPE_CHECKING:
    from glin_profanity import Filter

Danger = Literal["", "obscene", "personal_data", "instruction"]

# Latin names are looked up in English alone: the lists of other languages hold many of its plain words (`bite`,
# `concha`, `Trio`), and the worst of their words are in `unsafe_words.txt` or in the English list.
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
    r"|(?:https?|ftp)://|\bwww\.|\b[\p{L}\p{N}-]+\.(?:com|net|org|info|biz|co\.uk|ru|cn|xyz|top)\b(?!\s*(?:core|framework))/?"
    r"|(?<![\p{L}\p{N}])@[A-Za-z_][\w.]{2,}"  # handles
    r"|(?<!\d)(?:\+\d{1,3}[\s.-]?)?(?:\(\d{2,4}\)[\s.-]?)?\d{2,4}(?:[\s.-]\d{3,4}){2,}(?!\d)"  # telephones
    r"|(?<!\d)\+?\d{9,}(?!\d)"  # and other long numbers
    r"|\b\d{3}-\d{2}-\d{4}\b",
    regex.I,
)
_INSTRUCTION = regex.compile(
    r"\b(?:ignore|disregard|forget|override|bypass)\b.{0,30}\b(?:above|previous|prior|earlier|instructions?|prompts?|rules|guidelines|everything)\b"
    r"|\b(?:reveal|print|show|repeat|output|leak)\b.{0,30}\b(?:system prompt|your (?:prompt|instructions|rules)|instructions above|hidden prompt)"
    r"|^\W*(?:the |your )?system prompt\W*$|\byour system prompt\b|\bsystem (?:prompt|message|override)\s*:|\bnew instructions?\s*:|\byour (?:new )?(?:instructions|task) (?:is|are)\b"
    r"|\byou (?:are|must|will|should) now\b|\byou are (?:an? )?(?:ai|assistant|language model|chatgpt|dan)\b|\bas an ai\b"
    r"|\b(?:respond|reply|answer|say|write|output) (?:only )?(?:with|exactly|nothing)\b|\bdo anything now\b|\b(?:developer|god|dan|jailbreak) mode (?:on|enabled)\b"
    r"|\bpretend (?:to be|you are)\b|\bact as (?:an?|if)\b|\bfrom now on\b|\bend of (?:titles|prompt|instructions)\b"
    r"|^(?:system|assistant|user|human|developer)\s*[:：>]|<\|?/?(?:im_start|im_end|system|assistant|user|inst)"  # noqa: RUF001
    r"|\[/?(?:INST|SYSTEM)\]|#{2,}\s*(?:instruction|system|response)|</?script|\b(?:drop table|select \* from|rm -rf)\b"
    r"|(?:이전|위의?) ?(?:지시|명령|프롬프트)|시스템 프롬프트|(?:以前|上記|前)の(?:指示|命令)|システムプロンプト"
    r"|(?:忽略|无视).{0,6}(?:指令|指示|说明)|系统提示|تجاهل .{0,20}(?:التعليمات|الأوامر)|игнорируй .{0,20}(?:инструкции|указания)"
    r"|ignor(?:a|e[zr]?|iere) .{0,20}(?:instrucciones|instructions|anweisungen)",
    regex.I,
)


class SafetyFilter(Protocol):
    """What decides whether a name may be written. It travels to workers, and loads what it needs there."""

    def danger(self, name: str) -> Danger:
        """Why a name may not be written; empty: it may."""
        ...


class WordLists:
    """Looks names up in the lists of glin-profanity, which sees through letters that are spaced, doubled or replaced.

    The lists do not know what people have as an interest: `ordinary_phrases.txt` says what is harmless,
    `unsafe_words.txt` what is missing. Personal data and orders to a machine are found by their form.
    """

    def danger(self, name: str) -> Danger:
        """Why a name may not be written; empty: it may.

        Raises:
            ImportError: when the word lists are not installed.
        """
        if _INSTRUCTION.search(name):
            return "instruction"
        if _PERSONAL_DATA.search(name):
            return "personal_data"
        return "obscene" if _is_obscene(name) else ""


@functools.lru_cache(maxsize=_NAMES_REMEMBERED)
def _is_obscene(name: str) -> bool:
    scripts = sorted({"Latin", *(script for script in scripts_of([name]) if script in _LANGUAGES)})
    return any(_filter(script).is_profane(name) for script in scripts)


@functools.cache
def _filter(script: str) -> Filter:
    try:
        from glin_profanity import Filter
    except ImportError as error:
        raise ImportError("names are checked against word lists: install interest-journeys[naming]") from error
    options: dict[str, Any] = {
        "languages": list(_LANGUAGES[script]),
        "custom_words": [*sorted(listed("unsafe_words.txt")), *(_unmistakable() if script == "Latin" else ())],
        "whitelist": sorted(listed("ordinary_phrases.txt")),
        "detect_leetspeak": True,
        "normalize_unicode": True,
    }
    return Filter(options)


def _unmistakable() -> Sequence[str]:
    """Long words of other languages in Latin letters, which are hardly a word of another."""
    from glin_profanity.data.dictionary import dictionary

    words = {word for language in _LATIN_TOO for word in dictionary.get_words(language)}
    return sorted(word for word in words if len(word) >= _UNMISTAKABLE_WIDTH and " " not in word)
