"""Removal of the reasoning that models write before their result, in the notations of the common families."""

from __future__ import annotations

from typing import NamedTuple

import regex

_TAGS = "think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad|seed:think|details"
_MARK = regex.compile(
    rf"""
    (?P<open> <(?:{_TAGS})\b[^<>\n]{{0,80}}> | \[(?:think|thinking)\] | ◁think▷
        | <\|(?:begin_of_thought|start_of_thought|begin_of_thinking|think)\|>
        | ^[^\w\n]*thinking[^\w\n]*(?:process)?\.{{3}}$ )
    | (?P<close> </(?:{_TAGS})> | \[/(?:think|thinking)\] | ◁/think▷ | <\|(?:end_of_thought|end_of_thinking|/think)\|>
        | ^\.{{3}}done\ thinking\.? )
    """,
    regex.X | regex.I | regex.M,
)
_FENCED = regex.compile(r"^```(?:thinking|thought|reasoning)\b.*?^```", regex.S | regex.M)
_FINAL_CHANNEL = regex.compile(
    r"<\|channel\|>\s*final\b[^<\n]{0,80}<\|message\|>|^analysis[^\0]*?assistantfinal", regex.I
)
_ANY_CHANNEL = regex.compile(r"<\|channel\|?>|^analysis(?=[A-Z])", regex.M)
_CHANNEL_END = regex.compile(r"<\|(?:end|return|call|start|channel)\|>|<channel\|>")
_HEADING = regex.compile(
    r"^[\s*_#>]*(?:my |the )?(?:thinking|thoughts?|thought process|reasoning|analysis|rationale|chain of thought"
    r"|step[- ]by[- ]step[^:：\n]{0,40}|思考(?:过程|過程)?|分析|推理|思考プロセス|생각|추론|razonamiento|análisis"
    r"|raisonnement|analyse|réflexion|überlegung|ragionamento|raciocínio|рассуждение|анализ)[\s*_]*[:：]",
    regex.I,
)
_RESULT = regex.compile(
    r"^[ \t*_#>\-]*(?:final |short )?(?:answer|output|response|result|conclusion|name|interest(?: name)?|title|label)"
    r"[\s*_]*[:：]",
    regex.I | regex.M,
)
_MUSING = regex.compile(
    r"^\W*(?:thought\n|(?:okay|ok|alright),? (?:so|let)|hmm+\b|so,? the user|let me (?:think|look|analy[sz]e|see)"
    r"|let's (?:think|see|analy[sz]e|look)|first,? (?:i|let me|let's|the user)\b"
    r"|the user (?:wants|is asking|asks|has given)|we (?:need|have|are given|must)\b|i (?:need|have) to\b"
    r"|looking at (?:the|these)[^:\n]{0,40}, (?:i|we) )",
    regex.I,
)


class Reply(NamedTuple):
    """A reply without its reasoning.

    Attributes:
        text: the reply after, or before, its reasoning; may be empty.
        has_reasoning: whether there was any.
        is_open: whether the reasoning does not end, so that nothing follows it.
    """

    text: str
    has_reasoning: bool
    is_open: bool


def remove_reasoning(text: str) -> Reply:
    """Remove reasoning between tags, in channels, or below a heading such as `Thinking:`.

    Reasoning without an opening tag extends from the beginning, because some chat templates write that tag themselves.
    Time is linear in the length of the text.
    """
    text = _FENCED.sub("", text)
    if _ANY_CHANNEL.search(text):
        return _final_channel(text)
    tagged = _outside_tags(text)
    plain = _after_heading(tagged.text)
    return Reply(plain.text, tagged.has_reasoning or plain.has_reasoning, tagged.is_open or plain.is_open)


def _final_channel(text: str) -> Reply:
    final = None
    for final in _FINAL_CHANNEL.finditer(text):  # noqa: B007 (the last one)
        pass
    if final is None:
        return Reply("", has_reasoning=True, is_open=True)
    return Reply(_CHANNEL_END.split(text[final.end() :], maxsplit=1)[0].strip(), has_reasoning=True, is_open=False)


def _outside_tags(text: str) -> Reply:
    outside: list[str] = []
    position, inside, found = 0, False, False
    for mark in _MARK.finditer(text):
        found = True
        if mark["close"] and not inside:
            outside.clear()
        elif mark["open"] and not inside:
            outside.append(text[position : mark.start()])
        inside = bool(mark["open"])
        position = mark.end()
    if not inside:
        outside.append(text[position:])
    return Reply("\n".join(outside).strip(), found, inside)


def _after_heading(text: str) -> Reply:
    """Remove a paragraph that begins with a heading of reasoning, up to a label of the result or the last paragraph."""
    is_musing = _MUSING.match(text) is not None
    if not is_musing and not _HEADING.match(text):
        return Reply(text, has_reasoning=False, is_open=False)
    results = list(_RESULT.finditer(text))
    if results:
        return Reply(text[results[-1].start() :].strip(), has_reasoning=True, is_open=False)
    paragraphs = [each for each in regex.split(r"\n\s*\n", text.strip()) if each.strip()]
    if len(paragraphs) < 2 or _MUSING.match(paragraphs[-1]):
        return Reply("", has_reasoning=True, is_open=True)
    return Reply(paragraphs[-1].strip(), has_reasoning=True, is_open=False)
