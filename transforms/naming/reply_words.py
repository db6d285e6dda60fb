"""Recognition of words about the reply itself, such as `Suggested name`, as opposed to words about an interest.

The lists have words of many languages, not sentences, so that they cover any order and combination of them. Words that
the titles of a journey have are about its interest.
"""

from __future__ import annotations

import functools
import importlib.resources
from collections.abc import Iterable
from typing import NamedTuple

import regex

from transforms.function_words import ENGLISH, FUNCTION_WORDS, all_function_words, word_lists
from transforms.naming.text import contains, display_width, fold_case, is_unspaced, normalize, split_words

_SPACED = r"[\p{L}\p{M}\p{N}]"
_UNSPACED_LETTER = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}]")
_LETTER = regex.compile(r"\p{L}")
_MIN_UNSPACED_WIDTH = 4
_MIN_WORD_WIDTH = 4
_MIN_FRACTION = 0.15


class Refusal(NamedTuple):
    """The words of one language that refusals consist of.

    Attributes:
        negation: negations and words such as `unable`.
        task: what is refused or missing, such as `help` or `information`.
    """

    negation: regex.Pattern[str]
    task: regex.Pattern[str]


def is_about_reply(text: str) -> bool:
    """Whether a text has words about the reply, and no topic."""
    return _reply_words().search(_fold(text)) is not None and is_without_topic(text)


def is_without_topic(text: str) -> bool:
    """Whether a text has only words about the reply, words that qualify them, and function words of one language."""
    rest = _qualifiers().sub(" ", _reply_words().sub(" ", _fold(text)))
    words = {part for word in split_words(rest) for part in word.split("'") if _LETTER.search(part)}
    return words <= FUNCTION_WORDS or any(
        words <= listed for language, listed in word_lists().items() if language != ENGLISH
    )


def is_label(text: str) -> bool:
    """Whether a text is about the reply and has a word for the name in it, such as `Suggested name`."""
    return _label_words().search(_fold(text)) is not None and is_about_reply(text)


def is_supported(text: str, sources: Iterable[str]) -> bool:
    """Whether a text of several words occurs in a title or term, or a text of one word begins one."""
    words = normalize(text)
    if not words:
        return False
    if len(split_words(text)) > 1:
        return has_word(text, sources)
    return any(f"{normalize(source)} ".startswith(f"{words} ") for source in sources)


def is_topic(label: str, sources: Iterable[str]) -> bool:
    """Whether a text that could be a label is a topic: a title has it before a colon, or several titles have it."""
    sources, words = list(sources), normalize(label)
    if len(split_words(label)) > 1:
        return is_supported(label, sources)
    heads = (f"{fold_case(label)}:", f"{fold_case(label)} :")
    if any(fold_case(source).lstrip().startswith(heads) for source in sources):
        return True
    number = sum(contains(normalize(source), words) for source in sources)
    return len(words) > 1 and number > 1 and number >= _MIN_FRACTION * len(sources)


def has_word(text: str, sources: Iterable[str]) -> bool:
    """Whether titles or terms have the words of a text, one after the other."""
    words = normalize(text)
    return any(contains(normalize(source), words) for source in sources)


def has_reply_word_of(text: str, sources: Iterable[str]) -> bool:
    """Whether titles or terms have one of the words of a text that are about the reply."""
    words = (match.group() for match in _reply_words().finditer(_fold(text)))
    # Short words of scripts without spaces are particles.
    found = {normalize(word) for word in words if not is_unspaced(word) or display_width(word) >= _MIN_UNSPACED_WIDTH}
    return any(has_word(word, sources) for word in found)


def is_refusal(line: str, sources: Iterable[str]) -> bool:
    """Whether a line has a negation and what is refused, in one language, and no title has both."""
    folded = _fold(line)
    sources = list(sources)
    return any(
        each.negation.search(folded) is not None
        and each.task.search(folded) is not None
        and not any(each.negation.search(_fold(source)) and each.task.search(_fold(source)) for source in sources)
        for each in _refusals()
    )


def shares_topic(text: str, sources: Iterable[str]) -> bool:
    """Whether a text and a title or term have a longer word in common that is no function word."""
    ours = _content_words(text)
    return any(ours & _content_words(source) for source in sources)


@functools.lru_cache(maxsize=1 << 14)
def _content_words(text: str) -> frozenset[str]:
    """Return the longer words that are no function words, and the pairs of characters of scripts without spaces."""
    words: set[str] = set()
    for word in normalize(text).split(" "):
        if is_unspaced(word):
            words.update(word[at : at + 2] for at in range(len(word) - 1))
        elif display_width(word) >= _MIN_WORD_WIDTH:
            words.add(word)
    return frozenset(words - all_function_words())


@functools.lru_cache(maxsize=1 << 14)
def _fold(text: str) -> str:
    return fold_case(text).replace("’", "'")


@functools.cache
def _refusals() -> tuple[Refusal, ...]:
    lines = (line.split("|") for line in listed_lines("refusal_words.txt"))
    return tuple(Refusal(word_pattern(negation.split()), word_pattern(task.split())) for negation, task in lines)


@functools.cache
def _label_words() -> regex.Pattern[str]:
    return word_pattern(_words("label_words.txt"))


@functools.cache
def _reply_words() -> regex.Pattern[str]:
    return word_pattern([*_words("label_words.txt"), *_words("reply_words.txt")])


@functools.cache
def _qualifiers() -> regex.Pattern[str]:
    return word_pattern(_words("reply_qualifiers.txt"))


def _words(file_name: str) -> list[str]:
    return [word for line in listed_lines(file_name) for word in line.split()]


def listed_lines(file_name: str) -> list[str]:
    """Read a list of this package: case-folded lines without comments (`#`), in their order."""
    text = importlib.resources.files("transforms.naming").joinpath(file_name).read_text(encoding="utf-8")
    return [fold_case(line) for line in text.splitlines() if line and not line.startswith("#")]


def word_pattern(words: Iterable[str]) -> regex.Pattern[str]:
    """Return a pattern of whole words; those of scripts without spaces, and of Hangul, are found inside others too."""
    spaced: list[str] = []
    unspaced: list[str] = []
    for word in sorted(set(words), key=lambda word: (-len(word), word)):
        escaped = regex.escape(word.removesuffix("*")).replace("_", r"\s+") + (
            rf"{_SPACED}*" if word[-1] == "*" else ""
        )
        (unspaced if _UNSPACED_LETTER.search(word) else spaced).append(escaped)
    whole = rf"(?<!{_SPACED})(?:{'|'.join(spaced)})(?!{_SPACED})" if spaced else ""
    return regex.compile("|".join(filter(None, [whole, *unspaced])))
