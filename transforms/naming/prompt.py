"""What a language model is asked about one journey, and what stands before the question."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from collections.abc import Sequence
from typing import NamedTuple

import regex
import yaml

from transforms.language_models.prompt_template import PromptTemplate
from transforms.naming.config import MAX_FEW_SHOT_EXAMPLES, NamingConfig, PromptFieldSet

_TITLES = "Titles:"
_ITEM = "- "
_TERMS = "Terms:"
_TAKEN = "Taken already, say how this one differs:"
CHAT_MARKUP = regex.compile(
    r"<\|[^|>]*\|>|</?s>|\[/?INST\]|<</?SYS>>|<(?:bos|eos|pad|unk)>|</?(?:start|end)_of_turn>", regex.I
)
"""Marks by which chat models tell who speaks: a title must not hold them, and a name does not."""
ANSWER_PREFIX = "Interest:"
"""The last line of each question; the answer stands behind it."""
TUNED_TEMPLATE = PromptTemplate("Name the interest.")
"""What is said around a question to a model that is tuned, or was; shorter than what templates say by themselves."""


@dataclasses.dataclass(frozen=True)
class FewShotExample:
    """A journey with the name that it should be given.

    Attributes:
        titles: of its items.
        terms: the heaviest first.
        name: what it should be called.
    """

    titles: tuple[str, ...]
    terms: tuple[str, ...]
    name: str


@dataclasses.dataclass(frozen=True)
class Instructions:
    """What stands before a question that is put to a model that was not tuned.

    Attributes:
        role: who answers.
        task: what is given and what is wanted.
        examples: worked ones.
    """

    role: str
    task: str
    examples: tuple[FewShotExample, ...]


def render_prompt(
    titles: Sequence[str], terms: Sequence[str], prompt_fields: PromptFieldSet = "titles", taken: Sequence[str] = ()
) -> str:
    """One journey as a question; the same in worked examples, in tuning and in use.

    A title stands on a line of its own behind a dash and loses the marks of chat templates, so that no title can pass
    for a part of the question. What `prompt_fields` asks for but the journey lacks is replaced by what it has.

    Args:
        titles: each on one line; may be empty.
        terms: may be empty.
        prompt_fields: which of them are told.
        taken: names that the journey must not get.

    Raises:
        ValueError: when there are neither titles nor terms.
    """
    if not titles and not terms:
        raise ValueError("a question needs titles or terms, got neither")
    fields = prompt_fields(titles, terms, prompt_fields, taken)
    lines = []
    if fields.titles:
        lines += [_TITLES, *(f"{_ITEM}{title}" for title in fields.titles)]
    if fields.terms:
        lines.append(f"{_TERMS} {', '.join(fields.terms)}")
    if fields.taken:
        lines.append(f"{_TAKEN} {'; '.join(fields.taken)}")
    return "\n".join([*lines, ANSWER_PREFIX])


class PromptFields(NamedTuple):
    """The fields of a journey that its prompt shows, without chat markup, each on one line.

    Attributes:
        titles: titles of its items; may be empty.
        terms: its terms, the heaviest first; may be empty.
        taken: names that the journey must not get.
    """

    titles: tuple[str, ...]
    terms: tuple[str, ...]
    taken: tuple[str, ...]


def prompt_fields(
    titles: Sequence[str], terms: Sequence[str], prompt_fields: PromptFieldSet = "titles", taken: Sequence[str] = ()
) -> PromptFields:
    """Select the fields that a prompt shows; see `render_prompt` for the arguments."""
    shows_titles = prompt_fields != "terms" or not terms
    shows_terms = prompt_fields != "titles" or not titles
    return PromptFields(
        tuple(map(_plain, titles)) if shows_titles else (),
        tuple(map(_plain, terms)) if shows_terms else (),
        tuple(map(_plain, taken)),
    )


def _plain(text: str) -> str:
    return " ".join(CHAT_MARKUP.sub(" ", text).split())


def prompt_template(config: NamingConfig) -> PromptTemplate:
    """What is said around a question: instructions and worked examples; a word to a model that was tuned."""
    if config.method != "few_shot":
        return TUNED_TEMPLATE
    instructions = load_instructions(config.num_examples)
    worked = tuple(
        (render_prompt(example.titles, example.terms, config.prompt_fields), example.name)
        for example in instructions.examples
    )
    return PromptTemplate(f"{instructions.role}\n{instructions.task}", worked)


@functools.cache
def load_instructions(examples: int = MAX_FEW_SHOT_EXAMPLES) -> Instructions:
    """The instructions of this package with the first so many of their worked examples.

    Raises:
        ValueError: when there are not so many.
    """
    if not 0 <= examples <= MAX_FEW_SHOT_EXAMPLES:
        raise ValueError(f"examples must be in [0, {MAX_FEW_SHOT_EXAMPLES}], got {examples}")
    text = importlib.resources.files("transforms.naming").joinpath("examples.yaml").read_text(encoding="utf-8")
    stored = yaml.safe_load(text)
    worked = tuple(
        FewShotExample(tuple(each["titles"]), tuple(each["terms"]), each["name"])
        for each in stored["examples"][:examples]
    )
    return Instructions(stored["role"].strip(), stored["task"].strip(), worked)
