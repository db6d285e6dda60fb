"""Prompt templates: instructions and worked examples around each prompt, in the chat markup of a model."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import Any, NamedTuple

_PLACEHOLDER = "\ue000prompt\ue000"
"""Marks the prompt while a chat template is rendered; characters of a private use area, which no template contains."""

_FIXED_DATE = "{% macro strftime_now(format) %}26 Jul 2024{% endmacro %}"
"""Precedes a chat template: some write the current date, so completions would differ from day to day."""


@dataclasses.dataclass(frozen=True)
class PromptTemplate:
    """The text around each prompt.

    Attributes:
        instructions: the task of the model; empty: none.
        examples: prompts with their completions, worked examples for few-shot prompting.
    """

    instructions: str = ""
    examples: tuple[tuple[str, str], ...] = ()

    def fingerprint(self) -> str:
        """Compute the SHA-256 of all fields, in hexadecimal."""
        return hashlib.sha256(json.dumps([self.instructions, self.examples]).encode()).hexdigest()


class TokenizedTemplate(NamedTuple):
    """The tokens around a prompt, the same for all prompts.

    Attributes:
        before: token ids before the prompt.
        after: token ids between the prompt and the completion.
    """

    before: list[int]
    after: list[int]


def tokenize_template(tokenizer: Any, template: PromptTemplate, encoder_decoder: bool) -> TokenizedTemplate:
    """Tokenize the text around prompts.

    With a chat template it is a conversation in the markup of the model. Without one it is plain text in which a
    completion follows its prompt on the same line. A prompt is tokenized on its own, so that no text in it can become
    markup.

    Args:
        tokenizer: a tokenizer of transformers.
        template: the text.
        encoder_decoder: whether the model reads an end token after the prompt.
    """
    if tokenizer.chat_template:
        before, after = _render_chat(tokenizer, template)
        return TokenizedTemplate(_token_ids(tokenizer, before), _token_ids(tokenizer, after))
    before = _render_plain(template)
    # The special tokens that the tokenizer adds to every text: a begin token, an end token, or none.
    special = tokenizer("").input_ids
    start = [token for token in special if token == tokenizer.bos_token_id]
    end = [tokenizer.eos_token_id] if encoder_decoder else []
    return TokenizedTemplate([*start, *_token_ids(tokenizer, before)], end)


def tokenize_prompt(tokenizer: Any, prompt: str) -> list[int]:
    """Return the token ids of a prompt; special tokens in its text are split like any other text.

    Some markers, such as `<think>`, are added to a vocabulary without being special. They are removed from the text.
    """
    ids = _token_ids(tokenizer, prompt, split_special_tokens=True)
    markers = {token: text for text, token in tokenizer.get_added_vocab().items() if text.strip()}
    while found := {markers[token] for token in ids if markers.get(token, "\0") in prompt}:
        for marker in sorted(found, key=lambda marker: (-len(marker), marker)):
            prompt = prompt.replace(marker, " ")  # a space keeps the text around it from forming another marker
        ids = _token_ids(tokenizer, prompt, split_special_tokens=True)
    return ids


def tokenize_completion(tokenizer: Any, completion: str, encoder_decoder: bool) -> list[int]:
    """Return the token ids of a completion, as the model reads it in training and generates it, without an end token.

    Args:
        tokenizer: a tokenizer of transformers.
        completion: its text.
        encoder_decoder: whether the model reads prompts and completions separately.
    """
    # Without a chat template a completion follows its prompt on the same line.
    space = "" if tokenizer.chat_template or encoder_decoder else " "
    return _token_ids(tokenizer, space + completion, split_special_tokens=True)


def _token_ids(tokenizer: Any, text: str, split_special_tokens: bool = False) -> list[int]:
    # Not verbose, or the tokenizer warns that long texts exceed the context of the model.
    ids: list[int] = tokenizer(
        text, add_special_tokens=False, split_special_tokens=split_special_tokens, verbose=False
    ).input_ids
    return ids


def _render_chat(tokenizer: Any, template: PromptTemplate) -> tuple[str, str]:
    from jinja2 import TemplateError

    messages = chat_messages(template, _PLACEHOLDER)
    try:
        text = _apply_chat_template(tokenizer, messages)
    except TemplateError:
        text = ""
    if template.instructions.strip() not in text or not text:
        # Some chat templates reject or drop a system message: the instructions then begin the first user message.
        text = _apply_chat_template(tokenizer, merge_instructions(messages))
    before, _, after = text.rpartition(_PLACEHOLDER)
    return before, after


def _apply_chat_template(tokenizer: Any, messages: list[dict[str, str]]) -> str:
    chat_template = _FIXED_DATE + tokenizer.get_chat_template()
    text: str = tokenizer.apply_chat_template(
        messages,
        chat_template=chat_template,
        tokenize=False,
        add_generation_prompt=True,
        enable_thinking=False,  # templates of models that reason on demand: a completion is its first line
    )
    return text


def chat_messages(template: PromptTemplate, prompt: str) -> list[dict[str, str]]:
    """Return a conversation up to a prompt, as messages with `role` and `content`."""
    instructions = [{"role": "system", "content": template.instructions}] if template.instructions else []
    examples = [
        {"role": role, "content": content}
        for example in template.examples
        for role, content in zip(("user", "assistant"), example, strict=True)
    ]
    return [*instructions, *examples, {"role": "user", "content": prompt}]


def merge_instructions(messages: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return a conversation whose system message, if any, begins the first user message instead."""
    if messages[0]["role"] != "system":
        return messages
    instructions, first, *rest = messages
    return [{**first, "content": f"{instructions['content']}\n\n{first['content']}"}, *rest]


def _render_plain(template: PromptTemplate) -> str:
    examples = "".join(f"{prompt} {completion}\n\n" for prompt, completion in template.examples)
    return f"{template.instructions}\n\n{examples}" if template.instructions else examples
