"""What is said around a question: instructions, worked examples, and a model's own marks of who speaks."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any, NamedTuple

_PLACE = "\ue000question\ue000"
"""Stands for the question while a template is filled in; of a private use area, so that no template knows it."""

_ALWAYS_ONE_DAY = "{% macro strftime_now(format) %}26 Jul 2024{% endmacro %}"
"""Set before a template, as some write today's date into a dialogue, and answers would be other ones tomorrow."""


@dataclasses.dataclass(frozen=True)
class PromptTemplate:
    """What is said around each question.

    Attributes:
        instructions: what the model is to do; empty: nothing is said.
        examples: questions with the answers that are wanted.
    """

    instructions: str = ""
    examples: tuple[tuple[str, str], ...] = ()

    def fingerprint(self) -> str:
        """SHA-256 in hexadecimal over all of it."""
        return hashlib.sha256(json.dumps([self.instructions, self.examples]).encode()).hexdigest()


class TokenizedTemplate(NamedTuple):
    """The tokens around a question, the same for all questions.

    Attributes:
        before: ids of the tokens before it.
        after: ids of those between it and the answer.
    """

    before: list[int]
    after: list[int]


def tokenize_template(tokenizer: Any, template: PromptTemplate, encoder_decoder: bool) -> TokenizedTemplate:
    """What a tokenizer's model is to read around a question.

    With a chat template, as what was said by the two sides, in the template's words; without one, as plain text in
    which an answer stands behind its question on the same line. A question is made into tokens by itself, so that what
    it says can never be taken for marks of the template.

    Args:
        tokenizer: of transformers.
        template: what is said.
        encoder_decoder: whether the model reads an end mark after the question.
    """
    if tokenizer.chat_template:
        before, after = _by_template(tokenizer, template)
        return TokenizedTemplate(_tokens(tokenizer, before), _tokens(tokenizer, after))
    before = _as_text(template)
    # What the tokenizer puts around every text: a begin mark, an end mark, or neither.
    around = tokenizer("").input_ids
    start = [token for token in around if token == tokenizer.bos_token_id]
    end = [tokenizer.eos_token_id] if encoder_decoder else []
    return TokenizedTemplate([*start, *_tokens(tokenizer, before)], end)


def tokenize_prompt(tokenizer: Any, question: str) -> list[int]:
    """The ids of a question's tokens; marks that it may contain are text like any other."""
    return _tokens(tokenizer, question, split_special_tokens=True)


def _tokens(tokenizer: Any, text: str, split_special_tokens: bool = False) -> list[int]:
    # Not verbose, or it warns of long texts as if they could not be read.
    ids: list[int] = tokenizer(
        text, add_special_tokens=False, split_special_tokens=split_special_tokens, verbose=False
    ).input_ids
    return ids


def _by_template(tokenizer: Any, template: PromptTemplate) -> tuple[str, str]:
    from jinja2 import TemplateError

    try:
        text = _filled(tokenizer, _messages(template))
    except TemplateError:
        text = ""
    if template.instructions.strip() not in text or not text:
        # Some templates refuse instructions, or leave them out: they are then the start of the first question.
        text = _filled(tokenizer, _without_instructions(template))
    before, _, after = text.rpartition(_PLACE)
    return before, after


def _filled(tokenizer: Any, chat_messages: list[dict[str, str]]) -> str:
    template = _ALWAYS_ONE_DAY + tokenizer.get_chat_template()
    text: str = tokenizer.apply_chat_template(
        chat_messages, chat_template=template, tokenize=False, add_generation_prompt=True
    )
    return text


def chat_messages(template: PromptTemplate, question: str) -> list[dict[str, str]]:
    """A dialogue up to a question, as roles with what they say."""
    instructions = [{"role": "system", "content": template.instructions}] if template.instructions else []
    said = [
        {"role": role, "content": content}
        for example in template.examples
        for role, content in zip(("user", "assistant"), example, strict=True)
    ]
    return [*instructions, *said, {"role": "user", "content": question}]


def _messages(template: PromptTemplate) -> list[dict[str, str]]:
    return chat_messages(template, _PLACE)


def _without_instructions(template: PromptTemplate) -> list[dict[str, str]]:
    said = _messages(dataclasses.replace(template, instructions=""))
    said[0]["content"] = f"{template.instructions}\n\n{said[0]['content']}"
    return said


def _as_text(template: PromptTemplate) -> str:
    said = "".join(f"{question} {answer}\n\n" for question, answer in template.examples)
    return f"{template.instructions}\n\n{said}" if template.instructions else said
