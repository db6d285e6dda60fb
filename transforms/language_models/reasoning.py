"""Removal of the reasoning that models write before their result, in the notations of the common families."""

from __future__ import annotations

from typing import NamedTuple

import regex

from transforms.language_models.reasoning_channels import final_channel
from transforms.language_models.reasoning_headings import heading_end, is_entry, last_result
from transforms.language_models.reasoning_marks import outside_marks

_MUSING = regex.compile(
    r"^\W*(?:thought\n|(?:okay|ok|alright),? (?:so|let)|hmm+\b|so,? the user|let me (?:think|look|analy[sz]e|see)"
    r"|let's (?:think|see|analy[sz]e|look)|first,? (?:i|let me|let's|the user)\b"
    r"|the user (?:wants|is asking|asks|has given)|we (?:need|have|are given|must)\b|i (?:need|have) to\b"
    r"|looking at (?:the|these)[^:\n]{0,40}, (?:i|we) "
    r"|首先[,，]|嗯[,，]|好的?[,，](?:我|用户|让)|让我们?(?:看|想|分析|思考)|用户(?:想|要|希望|提供|给|的兴趣)|我们?需要"
    r"|まず[、,]|ユーザーは|사용자는|먼저,)",
    regex.I,
)
_QUOTE = regex.compile(r"\s*+(?P<quote>(?:[ \t]*+>[^\n]*\n)++)\s*+(?P<rest>[^>][^\0]*)")
_THINKING = regex.compile(r"[>\s*_]*(?:thinking|thoughts?|reasoning|analy[sz]ing)\b", regex.I)
_SENTENCE = regex.compile(r"[.!?…。！？][\s*_]*$|[.!?。！？]\s")
_COMMA = regex.compile(r"[,，、]")
_USER = regex.compile(r"\bthe user\b|用户|ユーザー|사용자", regex.I)
_MAX_NAME = 60
"""Maximum number of characters of one line after a heading that is a name rather than reasoning."""


class Reply(NamedTuple):
    """A reply without its reasoning.

    Attributes:
        text: the reply after, or before, its reasoning; may be empty.
        has_reasoning: whether there was any.
        is_open: whether nothing follows the reasoning, as where it does not end.
    """

    text: str
    has_reasoning: bool
    is_open: bool


def remove_reasoning(text: str) -> Reply:
    """Remove reasoning between tags, in channels, in a quotation, or below a heading such as `Thinking:`.

    Reasoning without an opening tag extends from the beginning, because some chat templates write that tag themselves.
    Time is linear in the length of the text.
    """
    final = final_channel(text)
    if final is not None:
        return Reply(final, has_reasoning=True, is_open=not final)
    outside = outside_marks(text)
    plain = _after_heading(_after_quote(outside.text))
    has_reasoning = outside.has_reasoning or plain.has_reasoning or plain.text != outside.text
    return Reply(plain.text, has_reasoning, outside.is_open or plain.is_open)


def _after_quote(text: str) -> str:
    """Remove a quotation of reasoning before a text."""
    found = _QUOTE.match(text)
    is_thought = found and (_THINKING.match(found["quote"]) or _MUSING.match(found["quote"]))
    return found["rest"].strip() if found and is_thought else text


def _is_name(text: str) -> bool:
    """Whether a text is one short line that is no sentence."""
    is_short = "\n" not in text and 0 < len(text) <= _MAX_NAME
    return is_short and not _SENTENCE.search(text) and not _USER.search(text)


def _after_heading(text: str) -> Reply:
    """Remove a paragraph that begins with a heading of reasoning, up to a label of the result or the last paragraph."""
    end = heading_end(text)
    if not (end or _MUSING.match(text)) or _is_name(_beyond(text, end)):
        return Reply(text, has_reasoning=False, is_open=False)
    if result := last_result(text):
        return Reply(result, has_reasoning=True, is_open=False)
    paragraphs = [each for each in regex.split(r"\n\s*\n", text.strip()) if each.strip()]
    if len(paragraphs) < 2 or _MUSING.match(paragraphs[-1]) or is_entry(paragraphs[-1]):
        return Reply("", has_reasoning=True, is_open=True)
    return Reply(paragraphs[-1].strip(), has_reasoning=True, is_open=False)


def _beyond(text: str, end: int) -> str:
    """Return the text after a heading; without a heading, a text that may be a name in the first person."""
    if end:
        return text[end:].strip(" *_")
    return "" if _COMMA.search(text) else text
