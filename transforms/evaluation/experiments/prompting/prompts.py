"""Prompts of the three scopes, by which all journeys of a history are named, and the names in their replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import regex

from transforms.evaluation.experiments.prompting.config import SCOPES, Scope
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

_HISTORY, _JOURNEYS, _SINGLE = SCOPES
_SEPARATOR = "; "
_LAST_LINE = "Interests:"
_ITEM = "- "
_PER_PROMPT = 2
"""Journeys in a worked example of a prompt about several."""

_TASKS: dict[Scope, str] = {
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
_LETTER = regex.compile(r"[\p{L}\p{N}]")
_BREAKS = regex.compile(r"[;\uff1b\n]+")


class ScopePrompts(NamedTuple):
    """The prompts about one history.

    Attributes:
        scope: the scope.
        prompts: one for the whole history, or one for each journey; none without titles.
    """

    scope: Scope
    prompts: tuple[str, ...]


def template_of_scope(scope: Scope) -> PromptTemplate:
    """Return the instructions and worked examples of a scope; all scopes show the same eight journeys."""
    if scope == _SINGLE:
        return prompt_template(NAMING)
    instructions = load_instructions()
    examples = instructions.examples
    pairs = [examples[start : start + _PER_PROMPT] for start in range(0, len(examples), _PER_PROMPT)]
    worked = tuple((_worked_prompt(scope, pair), _SEPARATOR.join(each.name for each in pair)) for pair in pairs)
    return PromptTemplate(f"{instructions.role}\n{_TASKS[scope]}", worked)


def _worked_prompt(scope: Scope, pair: Sequence[FewShotExample]) -> str:
    groups = [list(each.titles) for each in pair]
    return journeys_prompt(groups) if scope == _JOURNEYS else history_prompt(_in_turn(groups))


def _in_turn(groups: Sequence[Sequence[str]]) -> list[str]:
    longest = max(map(len, groups))
    return [group[place] for place in range(longest) for group in groups if place < len(group)]


def prompts_of_scope(scope: Scope, titles: Sequence[str], groups: Sequence[Sequence[str]]) -> ScopePrompts:
    """Return the prompts of a scope.

    Args:
        scope: the scope.
        titles: all titles of the history in order of time.
        groups: the titles of each journey that was extracted.
    """
    if scope == _HISTORY:
        return ScopePrompts(scope, (history_prompt(titles),) if titles else ())
    if scope == _JOURNEYS:
        return ScopePrompts(scope, (journeys_prompt(groups),) if groups else ())
    return ScopePrompts(scope, tuple(render_prompt(select_fields(_cut(group), ())) for group in groups))


def history_prompt(titles: Sequence[str]) -> str:
    """Render the prompt about a whole history: a title on a line of its own after a dash, without chat markup."""
    return "\n".join(["Titles:", *(f"{_ITEM}{title}" for title in _plain(titles)), _LAST_LINE])


def journeys_prompt(groups: Sequence[Sequence[str]]) -> str:
    """Render the prompt about all journeys, each as a numbered group of titles."""
    lines: list[str] = []
    for number, group in enumerate(groups, 1):
        lines += [f"Group {number}:", *(f"{_ITEM}{title}" for title in _plain(group))]
    return "\n".join([*lines, _LAST_LINE])


def _plain(titles: Sequence[str]) -> tuple[str, ...]:
    return select_fields(_cut(titles), ()).titles


def _cut(titles: Sequence[str]) -> list[str]:
    return [title[: NAMING.max_title_characters] for title in titles]


def names_of_replies(scope: Scope, replies: Sequence[str]) -> list[str]:
    """Return the names in the replies to the prompts of one history, each once.

    Args:
        scope: the scope.
        replies: the text of each reply; several names in a reply are separated by semicolons or lines.
    """
    found = [name for reply in replies for name in (parse_names(reply) if scope != _SINGLE else [clean_output(reply)])]
    distinct: dict[str, str] = {}
    for name in filter(None, found):
        distinct.setdefault(normalize(name), name)
    return list(distinct.values())


def parse_names(reply: str) -> list[str]:
    """Return the names in a reply: without reasoning, numbers of groups, list markers, labels and quotes."""
    text = remove_chat_markup(remove_reasoning(reply).text, "\n")
    parts = (_LABEL.sub("", _GROUP.sub("", part.strip())) for part in _BREAKS.split(text))
    return [name for name in map(clean_line, parts) if _LETTER.search(name)][:MAX_NAMES]
