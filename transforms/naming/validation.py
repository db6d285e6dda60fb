"""What a language model wrote -> a name, or one word for why it is none."""

from __future__ import annotations

import difflib
import functools
import itertools
from collections import Counter
from collections.abc import Sequence
from typing import Literal, NamedTuple

import regex

from transforms.naming.config import NamingConfig
from transforms.naming.prompt import ANSWER_PREFIX, CHAT_MARKUP, Instructions
from transforms.naming.text import count_scripts, display_width, normalize, split_words, word_list

RejectionReason = Literal[
    "",
    "unanswered",
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
"""Refusals after which the name is told to the model as one that it must not give."""

_UNSEEN = regex.compile(r"[\p{Cc}\p{Cf}--[\u200c\u200d]]+", regex.V1)
_MARKERS = regex.compile(r"^(?:[-*•·>#–—]+\s+|#+\s*|\(?\d{1,2}[.)]\s+)+")
_LEAD = regex.compile(
    r"^(?:(?:the |this )?(?:(?:interest |journey )?name|title|label|answer|output|interest|journey|topic)\s*[:：]"  # noqa: RUF001
    r"|(?:이름|관심사|名前|興味|名称|兴趣|الاسم|الاهتمام)\s*[:：]"  # noqa: RUF001
    r"|(?:the |this )?(?:user|person|viewer|reader) (?:is|seems|appears)(?: to be)? (?:interested in|into)\s"
    r"|(?:sure|certainly|of course|okay|here is|here's)[^:\n]{0,60}:\s*)",
    regex.I,
)
_WRAPPERS = "\"'`*_“”‘’«»「」『』《》〈〉【】\u200c\u200d \t"  # noqa: RUF001
_END = ".。．｡،,;；:：、"  # noqa: RUF001
_LOOP = regex.compile(r"(.)\1{4,}|(.{2,}?)[\s,]*(?:\2[\s,]*){2,}", regex.S)
_SIDE_BY_SIDE = regex.compile(r"\s*[,&/、،]\s*|\s+(?:and|or|y|et|und|e)\s+|\s+(?=various\b)", regex.I)
_SAYS = regex.compile(r"\p{L}")
_NEAR = 0.9
_SHORTEST_TELLING = 4
# Two words of the instructions in a row are chance, four are not.
_LEAST_OF_INSTRUCTIONS = 4
_MOST_OF_ONE_WORD = 3
_LEAST_OF_SCRIPT = 0.2
_LONGEST_CLEANED = 2000


class ValidationResult(NamedTuple):
    """What is made of a model's text.

    Attributes:
        name: what it comes down to, cleaned; empty where nothing is left.
        rejection: why it is not taken; empty: it is.
    """

    name: str
    rejection: RejectionReason


def clean_output(text: str) -> str:
    """The first line that says something, without quotes, marks of lists and emphasis, lead-ins and full stops."""
    lines = CHAT_MARKUP.sub("\n", text[:_LONGEST_CLEANED]).splitlines()
    return next(filter(_SAYS.search, map(_clean_line, lines)), "")


def _clean_line(line: str) -> str:
    line = " ".join(_UNSEEN.sub(" ", line).split())
    before = None
    while line != before:
        before = line
        line = _MARKERS.sub("", line).replace("**", "").replace("__", "")
        line = _LEAD.sub("", line.strip(_WRAPPERS)).strip(_WRAPPERS).rstrip(_END)
    return line


def validate_name(
    text: str | None, titles: Sequence[str], config: NamingConfig, instructions: Instructions | None = None
) -> ValidationResult:
    """Whether a text is taken as the name of a journey.

    Args:
        text: what the model wrote; None: it gave no answer.
        titles: what it was told of the journey; may be empty.
        config: how long a name may be.
        instructions: what it was told before; their words are no name.
    """
    if text is None:
        return ValidationResult("", "unanswered")
    name = clean_output(text)
    if not name:
        return ValidationResult("", "blank")
    if is_echo(name, titles, instructions):
        return ValidationResult(name, "echo")
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
    return ValidationResult(name, "wrong_language" if is_in_another_language(name, titles) else "")


def is_echo(name: str, titles: Sequence[str], instructions: Instructions | None) -> bool:
    """Whether a name repeats the question, the instructions, several titles, or the name of a worked example.

    That of an example is taken where a title shares a word with it.
    """
    said = normalize(name)
    if (
        said in {normalize(ANSWER_PREFIX), "title", "term"}
        or sum(title in said for title in dict.fromkeys(map(normalize, titles))) > 1
    ):
        return True
    if instructions is None:
        return False
    told = [normalize(part) for part in (instructions.role, instructions.task)]
    if len(said.split(" ")) >= _LEAST_OF_INSTRUCTIONS and any(said in part for part in told):
        return True
    words = {
        word for title in titles for word in normalize(title).split(" ") if display_width(word) >= _SHORTEST_TELLING
    }
    return any(
        said == normalize(example.name) and not words & set(said.split(" ")) for example in instructions.examples
    )


def is_single_title(name: str, titles: Sequence[str]) -> bool:
    """Whether a name is nearly that of one item, or what stands before its colon, and not all titles share it."""
    said = normalize(name)
    wholes = list(dict.fromkeys(normalize(title) for title in titles))
    if len(wholes) < 2 or all(said in whole for whole in wholes):
        return False
    heads = {normalize(regex.split(r"[:：|]\s", title)[0]) for title in titles}  # noqa: RUF001
    # A title of quotes and marks comes back without them.
    heads |= {normalize(clean_output(title)) for title in titles}
    return said in heads or any(_is_near(said, whole) for whole in wholes)


def _is_near(first: str, second: str) -> bool:
    # The quick bounds of the ratio spare nearly all of the work.
    matcher = difflib.SequenceMatcher(None, first, second, autojunk=False)
    return matcher.real_quick_ratio() >= _NEAR and matcher.quick_ratio() >= _NEAR and matcher.ratio() >= _NEAR


def is_repetitive(name: str) -> bool:
    """Whether one word stands three times, or twice in a row, or the same characters over and over."""
    words = normalize(name).split(" ")
    twice = any(first == second for first, second in itertools.pairwise(words))
    return twice or max(Counter(words).values()) >= _MOST_OF_ONE_WORD or _LOOP.search(name.casefold()) is not None


def is_generic(name: str) -> bool:
    """Whether a name says nothing: one of a list, or several of them side by side (`Videos and music`)."""
    generic = _generic_names()
    return all(normalize(part) in generic for part in _SIDE_BY_SIDE.split(name) if part.strip())


@functools.cache
def _generic_names() -> frozenset[str]:
    return frozenset(map(normalize, word_list("generic_names.txt")))


def is_in_another_language(name: str, titles: Sequence[str]) -> bool:
    """Whether the script of a name is not that of the titles.

    The script of most of its letters must be that of at least a fifth of theirs. Han counts as kana where titles have
    kana, but not the other way round, so that Chinese titles get no Japanese name. Latin words that titles have, as
    those of brands, are allowed anywhere.
    """
    there = count_scripts(titles)
    if not there:
        return False
    known = {word for title in titles for word in split_words(title)}
    here = count_scripts(word for word in split_words(name) if not (word.isascii() and word in known))
    if not here:
        return False
    if here["Kana"] and not there["Kana"]:
        return True
    if there["Kana"]:
        there["Han"] += there["Kana"]
    # Ties go to the script whose name comes first, so that the answer does not depend on the order of letters.
    main = min(here, key=lambda script: (-here[script], script))
    return there[main] < _LEAST_OF_SCRIPT * there.total()
