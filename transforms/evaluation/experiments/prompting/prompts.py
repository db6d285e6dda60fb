"""Prompts of the three ways to name all journeys of a history, and the names in their replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import regex

from transforms.evaluation.experiments.prompting.config import WAYS, Way
from transforms.language_models.chat_markup import remove_chat_markup
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.reasoning import remove_reasoning
from transforms.naming.config import NamingConfig
from transforms.naming.name_extraction import clean_line
from transforms.naming.prompt import FewShotExample, load_instructions, prompt_template, render_prompt, select_fields
from transforms.naming.text import normalize
from transforms.naming.validation import clean_output

NAMING = NamingConfig(method="few_shot", prompt_fields="titles")
"""Prompts with titles and all worked examples, one journey each."""

MAX_NAMES = 20
"""Names of one reply that are read."""

_HISTORY, _JOURNEYS, _SINGLE = WAYS
_SEPARATOR = "; "
_ANSWER = "Interests:"
_ITEM = "- "
_PER_PROMPT = 2
"""Journeys in a worked example of a prompt about several."""

_TASKS: dict[Way, str] = {
    _HISTORY: (
        "Given everything that one person consumed, in order of time, I name each of their interests in two to eight "
        "words. What they consumed is mixed: neighbours may belong to different interests. I write all names on one "
        "line with semicolons between them and nothing else."
    ),
    _JOURNEYS: (
        "Given groups of what one person consumed, I name the interest of each group in two to eight words. I write "
        "one name for each group, in the order of the groups, on one line with semicolons between them and nothing "
        "else."
    ),
}
_GROUP = regex.compile(r"^\W*(?:group|journey|interest)\s*\d+\s*\W*[:.)\-–—]+\s*", regex.I)
_LABEL = regex.compile(r"^\W*interests?\s*[:\uff1a]\s*", regex.I)
_BREAKS = regex.compile(r"[;\uff1b\n]+")


class WayPrompts(NamedTuple):
    """The prompts about one history.

    Attributes:
        way: the way.
        prompts: one for the whole history, or one for each journey; none without titles.
    """

    way: Way
    prompts: tuple[str, ...]


def template_of_way(way: Way) -> PromptTemplate:
    """Return the instructions and worked examples of a way; all ways show the same eight journeys."""
    if way == _SINGLE:
        return prompt_template(NAMING)
    instructions = load_instructions()
    examples = instructions.examples
    pairs = [examples[start : start + _PER_PROMPT] for start in range(0, len(examples), _PER_PROMPT)]
    worked = tuple((_worked_prompt(way, pair), _SEPARATOR.join(each.name for each in pair)) for pair in pairs)
    return PromptTemplate(f"{instructions.role}\n{_TASKS[way]}", worked)


def _worked_prompt(way: Way, pair: Sequence[FewShotExample]) -> str:
    groups = [list(each.titles) for each in pair]
    return journeys_prompt(groups) if way == _JOURNEYS else history_prompt(_in_turn(groups))


def _in_turn(groups: Sequence[Sequence[str]]) -> list[str]:
    longest = max(map(len, groups))
    return [group[place] for place in range(longest) for group in groups if place < len(group)]


def prompts_of_way(way: Way, titles: Sequence[str], groups: Sequence[Sequence[str]]) -> WayPrompts:
    """Return the prompts of a way.

    Args:
        way: the way.
        titles: all titles of the history in order of time.
        groups: the titles of each journey that was extracted.
    """
    if way == _HISTORY:
        return WayPrompts(way, (history_prompt(titles),) if titles else ())
    if way == _JOURNEYS:
        return WayPrompts(way, (journeys_prompt(groups),) if groups else ())
    return WayPrompts(way, tuple(render_prompt(select_fields(_cut(group), ())) for group in groups))


def history_prompt(titles: Sequence[str]) -> str:
    """Render the prompt about a whole history: a title on a line of its own after a dash, without chat markup."""
    return "\n".join(["Titles:", *(f"{_ITEM}{title}" for title in _plain(titles)), _ANSWER])


def journeys_prompt(groups: Sequence[Sequence[str]]) -> str:
    """Render the prompt about all journeys, each as a numbered group of titles."""
    lines: list[str] = []
    for number, group in enumerate(groups, 1):
        lines += [f"Group {number}:", *(f"{_ITEM}{title}" for title in _plain(group))]
    return "\n".join([*lines, _ANSWER])


def _plain(titles: Sequence[str]) -> tuple[str, ...]:
    return select_fields(_cut(titles), ()).titles


def _cut(titles: Sequence[str]) -> list[str]:
    return [title[: NAMING.max_title_characters] for title in titles]


def names_of_replies(way: Way, replies: Sequence[str]) -> list[str]:
    """Return the names in the replies to the prompts of one history, each once.

    Args:
        way: the way.
        replies: the text of each reply; several names in a reply are separated by semicolons or lines.
    """
    found = [name for reply in replies for name in (parse_names(reply) if way != _SINGLE else [clean_output(reply)])]
    distinct: dict[str, str] = {}
    for name in filter(None, found):
        distinct.setdefault(normalize(name), name)
    return list(distinct.values())


def parse_names(reply: str) -> list[str]:
    """Return the names in a reply: without reasoning, numbers of groups, list markers, labels and quotes."""
    text = remove_chat_markup(remove_reasoning(reply).text, "\n")
    parts = (_LABEL.sub("", _GROUP.sub("", part.strip())) for part in _BREAKS.split(text))
    return [name for name in map(clean_line, parts) if name][:MAX_NAMES]
