"""Prompts about one journey, and the prompt templates around them."""

from __future__ import annotations

import dataclasses
import functools
import importlib.resources
from collections.abc import Sequence
from typing import NamedTuple

import regex
import yaml

from transforms.language_models.chat_markup import remove_chat_markup
from transforms.language_models.prompt_template import PromptTemplate
from transforms.naming.config import MAX_FEW_SHOT_EXAMPLES, NamingConfig, PromptFieldSet

_TITLES = "Titles:"
_TERMS = "Terms:"
_SECTION = regex.compile(r"#{2,}|＃{2,}")
"""Begins a part of a prompt in templates without special tokens: `### Response:`."""
_TAKEN = "Taken already, say how this one differs:"
ANSWER_PREFIX = "Interest:"
"""The last line of a prompt, after which the completion begins."""
TUNED_TEMPLATE = PromptTemplate("Name the interest.")
"""Template of tuned models; its instructions replace the longer default ones of chat templates."""


@dataclasses.dataclass(frozen=True)
class FewShotExample:
    """A journey with its expected name.

    Attributes:
        titles: titles of its items.
        terms: its terms, the heaviest first.
        name: the expected name.
    """

    titles: tuple[str, ...]
    terms: tuple[str, ...]
    name: str


@dataclasses.dataclass(frozen=True)
class Instructions:
    """Instructions of the prompt of a model that is not tuned.

    Attributes:
        role: the role of the model.
        task: the description of input and output.
        examples: few-shot examples.
    """

    role: str
    task: str
    examples: tuple[FewShotExample, ...]


class PromptFields(NamedTuple):
    """The fields of a journey in a prompt, without chat markup, each on one line.

    Attributes:
        titles: titles of items; may be empty.
        terms: terms, the heaviest first; may be empty.
        taken: names that the journey must not get.
    """

    titles: tuple[str, ...]
    terms: tuple[str, ...]
    taken: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Titles and terms, whose words are parts of the name."""
        return (*self.titles, *self.terms)


def select_fields(
    titles: Sequence[str], terms: Sequence[str], prompt_fields: PromptFieldSet = "titles", taken: Sequence[str] = ()
) -> PromptFields:
    """Select the fields of a prompt. If a journey lacks the requested ones, the others are used instead.

    Args:
        titles: titles of items; may be empty.
        terms: terms, the heaviest first; may be empty.
        prompt_fields: the requested fields.
        taken: names that the journey must not get.

    Raises:
        ValueError: when there are neither titles nor terms.
    """
    if not titles and not terms:
        raise ValueError("a prompt needs titles or terms, got neither")
    has_titles = prompt_fields != "terms" or not terms
    has_terms = prompt_fields != "titles" or not titles
    return PromptFields(
        tuple(map(_plain, titles)) if has_titles else (),
        tuple(map(_plain, terms)) if has_terms else (),
        tuple(map(_plain, taken)),
    )


def render_prompt(fields: PromptFields) -> str:
    """Render the prompt about one journey; the same in few-shot examples, in training and in use.

    A title is on a line of its own after a dash and without chat markup, so that no title can be mistaken for another
    part of the prompt.
    """
    lines = []
    if fields.titles:
        lines += [_TITLES, *(f"- {title}" for title in fields.titles)]
    if fields.terms:
        lines.append(f"{_TERMS} {', '.join(fields.terms)}")
    if fields.taken:
        lines.append(f"{_TAKEN} {'; '.join(fields.taken)}")
    return "\n".join([*lines, ANSWER_PREFIX])


def _plain(text: str) -> str:
    return " ".join(_SECTION.sub(" ", remove_chat_markup(text)).split())


def prompt_template(config: NamingConfig) -> PromptTemplate:
    """Return the prompt template: instructions and few-shot examples, or the short template of tuned models."""
    if config.method != "few_shot":
        return TUNED_TEMPLATE
    instructions = load_instructions(config.num_examples)
    examples = tuple(
        (render_prompt(select_fields(example.titles, example.terms, config.prompt_fields)), example.name)
        for example in instructions.examples
    )
    return PromptTemplate(f"{instructions.role}\n{instructions.task}", examples)


@functools.cache
def load_instructions(num_examples: int = MAX_FEW_SHOT_EXAMPLES) -> Instructions:
    """Load the instructions of this package, with the first `num_examples` of their worked examples.

    Raises:
        ValueError: when `num_examples` is out of range.
    """
    if not 0 <= num_examples <= MAX_FEW_SHOT_EXAMPLES:
        raise ValueError(f"num_examples must be in [0, {MAX_FEW_SHOT_EXAMPLES}], got {num_examples}")
    text = importlib.resources.files("transforms.naming").joinpath("examples.yaml").read_text(encoding="utf-8")
    stored = yaml.safe_load(text)
    examples = tuple(
        FewShotExample(tuple(each["titles"]), tuple(each["terms"]), each["name"])
        for each in stored["examples"][:num_examples]
    )
    return Instructions(stored["role"].strip(), stored["task"].strip(), examples)
