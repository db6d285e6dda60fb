"""Validation of model output: a clean name, or the reason for its rejection."""

from __future__ import annotations

import difflib
import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import regex

from transforms.language_models.chat_markup import remove_chat_markup
from transforms.language_models.interface import FailureReason
from transforms.naming.config import NamingConfig
from transforms.naming.generic_names import is_generic
from transforms.naming.name_extraction import ExtractedName, clean_line, extract_name
from transforms.naming.prompt import ANSWER_PREFIX, Instructions
from transforms.naming.refusals import no_name_reason
from transforms.naming.text import count_scripts, display_width, normalize, split_words

RejectionReason = Literal[
    "",
    "no_completion",
    "reasoning",
    "malformed",
    "refused",
    "no_name",
    "blank",
    "echo",
    "single_title",
    "too_long",
    "too_short",
    "repetitive",
    "wrong_language",
    "generic",
]

RETRYABLE: frozenset[str] = frozenset({"single_title", "too_long", "too_short", "repetitive", "generic"})
"""Rejections after which the model is prompted again, with the rejected name among the names to avoid."""

_LOOP = regex.compile(r"(.)\1{4,}|(.{2,}?)[\s,]*(?:\2[\s,]*){2,}", regex.S)
_TRANSLATION = regex.compile(r"\s*[(（][^()（）]+[)）]$")
_MIN_SIMILARITY = 0.9
_MIN_WORD_WIDTH = 4
# Two consecutive words of the instructions can be a coincidence, four cannot.
_MIN_INSTRUCTION_WORDS = 4
_MAX_WORD_COUNT = 3
_MIN_SCRIPT_FRACTION = 0.2


class ValidationResult(NamedTuple):
    """The result of validating a model's output.

    Attributes:
        name: the cleaned name; empty if nothing is left.
        rejection: why the name is rejected; empty: it is accepted.
    """

    name: str
    rejection: RejectionReason


def clean_output(text: str, sources: Sequence[str] = ()) -> str:
    """Return the name in a reply; empty if there is none.

    Args:
        text: the reply.
        sources: titles and terms of the journey, whose words are parts of the name.
    """
    return extract_name(text, tuple(sources)).name


def check_reply(sources: Sequence[str], text: str) -> FailureReason | Literal[""]:
    """Return why a reply is no name at all, so that it is not stored as a completion; empty: it is one, good or bad.

    Args:
        sources: titles and terms in the prompt.
        text: the text of the reply.
    """
    return _reply_rejection(extract_name(text, tuple(sources)), sources)


def _reply_rejection(
    extracted: ExtractedName, sources: Sequence[str]
) -> Literal["", "reasoning", "malformed", "blank", "refused", "no_name"]:
    if extracted.is_reasoning:
        return "reasoning"
    if extracted.is_malformed:
        return "malformed"
    if not extracted.name:
        return "blank"
    return no_name_reason(extracted.line, sources, extracted.name)


def validate_name(
    text: str | None,
    titles: Sequence[str],
    config: NamingConfig,
    instructions: Instructions | None = None,
    terms: Sequence[str] = (),
) -> ValidationResult:
    """Validate a text as the name of a journey.

    Args:
        text: the completion of the model; None: it failed.
        titles: titles in the prompt; may be empty.
        config: the limits of names.
        instructions: the instructions in the prompt, which must not be repeated as a name; None: there were none.
        terms: terms in the prompt; may be empty.
    """
    if text is None:
        return ValidationResult("", "no_completion")
    sources = (*titles, *terms)
    extracted = extract_name(text, sources)
    name = extracted.name
    if name and is_echo(name, titles, instructions):
        return ValidationResult(name, "echo")
    if rejection := _reply_rejection(extracted, sources):
        return ValidationResult("", rejection)
    if is_repetitive(name):
        return ValidationResult(name, "repetitive")
    if display_width(name) < config.min_width:
        return ValidationResult(name, "too_short")
    if is_single_title(name, titles):
        return ValidationResult(name, "single_title")
    if display_width(name) > config.max_width or len(name.split(" ")) > config.max_words:
        return ValidationResult(name, "too_long")
    if is_generic(name):
        return ValidationResult(name, "generic")
    if not is_in_another_language(name, titles):
        return ValidationResult(name, "")
    untranslated = _TRANSLATION.sub("", name)
    is_right = untranslated != name and not is_in_another_language(untranslated, titles)
    return ValidationResult(untranslated, "") if is_right else ValidationResult(name, "wrong_language")


def is_echo(name: str, titles: Sequence[str], instructions: Instructions | None) -> bool:
    """Whether a name repeats the prompt, the instructions, several titles, or the name of a few-shot example.

    The name of an example is accepted if a title shares a word with it.
    """
    normalized = normalize(name)
    if (
        normalized in {normalize(ANSWER_PREFIX), "title", "term"}
        or sum(title in normalized for title in dict.fromkeys(map(normalize, titles))) > 1
    ):
        return True
    if instructions is None:
        return False
    texts = [normalize(part) for part in (instructions.role, instructions.task)]
    if len(normalized.split(" ")) >= _MIN_INSTRUCTION_WORDS and any(normalized in text for text in texts):
        return True
    words = {word for title in titles for word in normalize(title).split(" ") if display_width(word) >= _MIN_WORD_WIDTH}
    return any(
        normalized == normalize(example.name) and not words & set(normalized.split(" "))
        for example in instructions.examples
    )


def is_single_title(name: str, titles: Sequence[str]) -> bool:
    """Whether a name is nearly the title of one item, or its part before a colon, and not common to all titles."""
    normalized = normalize(name)
    wholes = list(dict.fromkeys(normalize(title) for title in titles))
    if len(wholes) < 2 or all(normalized in whole for whole in wholes):
        return False
    # Quotes and markers of a title were removed from the name.
    heads = {*map(_normalized_head, titles), *map(_normalized_line, titles)}
    return normalized in heads or any(_is_similar(normalized, whole) for whole in wholes)


@functools.lru_cache(maxsize=1 << 14)
def _normalized_head(title: str) -> str:
    return normalize(regex.split(r"[:：|]\s", title)[0])


@functools.lru_cache(maxsize=1 << 14)
def _normalized_line(title: str) -> str:
    return normalize(clean_line(remove_chat_markup(title), (title,)))


def _is_similar(first: str, second: str) -> bool:
    # The upper bounds of the ratio avoid nearly all of the work; the first needs no matcher, which indexes a text.
    if 2 * min(len(first), len(second)) / (len(first) + len(second)) < _MIN_SIMILARITY:
        return False
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    return matcher.quick_ratio() >= _MIN_SIMILARITY and matcher.ratio() >= _MIN_SIMILARITY


def is_repetitive(name: str) -> bool:
    """Whether a word occurs three times, or twice in a row, or a sequence of characters is repeated."""
    words = normalize(name).split(" ")
    twice = any(first == second for first, second in itertools.pairwise(words))
    return twice or max(Counter(words).values()) >= _MAX_WORD_COUNT or _LOOP.search(name.casefold()) is not None


def is_in_another_language(name: str, titles: Sequence[str]) -> bool:
    """Whether the script of a name is not one of the titles.

    The script of most of its letters must be the script of at least a fifth of the letters in the titles. If the titles
    have kana, Han counts as kana, but not the reverse, so that Chinese titles get no Japanese name. Latin words of the
    titles, such as brands, are always allowed.
    """
    title_scripts = count_scripts(titles)
    if not title_scripts:
        return False
    title_words = {word for title in titles for word in split_words(title)}
    name_scripts = count_scripts(word for word in split_words(name) if not (word.isascii() and word in title_words))
    if not name_scripts:
        return False
    if name_scripts["Kana"] and not title_scripts["Kana"]:
        return True
    if title_scripts["Kana"]:
        title_scripts["Han"] += title_scripts["Kana"]
    # Ties are resolved by the name of the script, independent of the order of letters.
    main = min(name_scripts, key=lambda script: (-name_scripts[script], script))
    return title_scripts[main] < _MIN_SCRIPT_FRACTION * title_scripts.total()
