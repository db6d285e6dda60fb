"""Extraction of a name from a reply: out of JSON, markup, code blocks, labels, preambles and explanations."""

from __future__ import annotations

import functools
import html
from collections.abc import Sequence
from typing import NamedTuple

import regex

from transforms.language_models.chat_markup import remove_chat_markup
from transforms.language_models.reasoning import remove_reasoning
from transforms.naming.name_context import (
    NUM_LABEL_KINDS,
    SPAN,
    begins_preamble,
    is_preamble,
    label_ends,
    only_span,
    without_alternatives,
    without_explanation,
    without_interjection,
    without_label,
    without_language,
    without_lead,
    without_tail,
)
from transforms.naming.name_marks import WRAPPERS, bare, has_last_word, unwrapped, with_mark
from transforms.naming.plain_reply import is_unreadable, plain_characters
from transforms.naming.reply_tables import without_table
from transforms.naming.reply_words import has_word
from transforms.naming.structured_reply import structured_text

_MAX_CHARACTERS = 20_000
_MAX_PLAIN_CHARACTERS = 4_000
_MAX_LINE_CHARACTERS = 1_000
_MAX_WORDS_OF_NAME = 9
_LETTER = regex.compile(r"\p{L}")
_NUMBER = regex.compile(r"^\W*(\p{Nd}{2,4})\W*$")
_INVISIBLE = regex.compile(r"[\p{Cc}\p{Cf}--[\u200c\u200d]]+", regex.V1)
_BLANK_START = regex.compile(r"^[\p{Cc}\p{Cf}\s]+")
_ESCAPED = regex.compile(r"\\([_*`#&~\"'\[\](){}.!+\-])")
_ESCAPED_BREAK = regex.compile(r"(?:(?<!\\)\\(?:r\\n|[nrt]))+(?=\W|\p{Lu}|$)")
_FINAL_PUNCTUATION = ".。．｡،,;；:：、"
_WHOLE_SPAN = regex.compile(rf"^\W*(?:{SPAN.pattern}|#+\s+([^#\n]{{2,120}}))\W*$")
_BRACKETED = regex.compile(r"[(\[{](?P<text>[^()\[\]{}]*)[)\]}]|(?P<text>[^{}]*)\}")
_TITLE_TOKEN = regex.compile(r"<[A-Za-z]\w*>|\[\w[\w\-]*\]")
_ROLE = regex.compile(r"^\s*(?:<[^<>\n]{1,40}>\s*)+(?:assistant|model)\b")
_TURN_END = regex.compile(
    r"</s>|<[|/]?\w*(?:eot|eom|eos|im_end|end_of_turn|endoftext|end_of_text|end▁of▁sentence|end_header_id)\w*\|?>"
    r"|<\|(?:end|return|user|im_start|start_header_id)\|>|<start_of_turn>"
)
_ASIDE = regex.compile(
    r"^\W*(?:note|disclaimer|warning|explanation|reason(?:ing)?|rationale|confidence)\b[\s*_]*[:：]", regex.I
)
_PAGE = regex.compile(r"<(?:!doctype|html|head|body)\b", regex.I)
_PROMPT_SECTION = regex.compile(r"^\W*(?:titles|terms|taken already[^:\n]{0,60})\s*:", regex.I)
_NEXT_SECTION = regex.compile(rf"{_PROMPT_SECTION.pattern}|^\W*(?:user|human|system)\s*:", regex.I)


class ExtractedName(NamedTuple):
    """A name out of a reply.

    Attributes:
        name: one line without quotes, list markers, emphasis, labels and final punctuation; empty if there is none.
        line: the line of the name with its final punctuation.
        is_reasoning: whether the reply is reasoning only.
        is_malformed: whether the reply is structured and has no name, such as JSON that does not end.
    """

    name: str
    line: str = ""
    is_reasoning: bool = False
    is_malformed: bool = False


@functools.lru_cache(maxsize=1 << 12)
def extract_name(text: str, sources: tuple[str, ...] = ()) -> ExtractedName:
    """Extract the name from the text of a reply.

    Args:
        text: the text; only its first 20,000 characters are read.
        sources: titles and terms of the journey. Labels, preambles and tokens that they have are parts of the name.
    """
    reply = remove_reasoning(text[:_MAX_CHARACTERS])
    if not reply.text:
        return ExtractedName("", is_reasoning=reply.is_open)
    if _PAGE.search(reply.text):
        return ExtractedName("", is_malformed=True)
    turn = _BLANK_START.sub("", _first_turn(_ROLE.sub("", reply.text)))
    structured = structured_text(turn, sources)
    if structured is None:
        return ExtractedName("", is_malformed=True)
    tokens = frozenset(token for source in sources for token in _TITLE_TOKEN.findall(source))
    lines = plain_characters(_ESCAPED_BREAK.sub("\n", structured[:_MAX_PLAIN_CHARACTERS]), sources)
    plain = remove_chat_markup(lines, "\n", tokens)
    line = _name_line(plain.splitlines(), sources)[:_MAX_LINE_CHARACTERS]
    name = with_mark(clean_line(line, sources), plain, sources)
    if is_unreadable(name, sources):
        return ExtractedName("", is_malformed=True)
    return ExtractedName(name, line.strip(WRAPPERS))


def clean_line(line: str, sources: Sequence[str] = ()) -> str:
    """Return a line without quotes, list markers, emphasis, labels, lead-ins and final punctuation.

    Args:
        line: the line.
        sources: titles and terms, whose words are parts of the name.
    """
    line = _ESCAPED.sub(r"\1", " ".join(_INVISIBLE.sub(" ", html.unescape(line)).split()))
    line = line if " " in line else line.replace("_", " ").strip()
    whole, before = line, None
    while line != before:
        before = line
        line = without_label(without_language(bare(line), sources), sources)
        line = without_alternatives(without_tail(without_lead(line, sources), sources), sources)
        line = unwrapped(line).rstrip(_FINAL_PUNCTUATION)
        if bracketed := _BRACKETED.fullmatch(line):
            line = bracketed["text"].strip()
    if line != bare(whole):
        line = _without_exclamation_mark(line, sources)
    return with_mark(line, whole, sources)


def _without_exclamation_mark(line: str, sources: Sequence[str]) -> str:
    """Return a line that had more words around it without its final exclamation mark, unless a title has it."""
    return line.rstrip("! ") if line.endswith("!") and not has_last_word(line, sources) else line


def _first_turn(text: str) -> str:
    """Return the text before the end of the turn of the model."""
    position = 0
    for end in _TURN_END.finditer(text):
        if _LETTER.search(remove_chat_markup(text[position : end.start()])):
            return text[: end.start()]
        position = end.end()
    return text


def _name_line(lines: Sequence[str], sources: Sequence[str]) -> str:
    """Return the line of a name among the lines of a reply, without the text around the name."""
    lines = [" ".join(line.split()) for line in without_table([_INVISIBLE.sub(" ", line) for line in lines])]
    lines = [line for line in lines if _has_words(line, sources)]
    lines = [line for line in lines if not _ASIDE.match(line)] or lines
    section = next((at for at, line in enumerate(lines) if at and _NEXT_SECTION.match(line)), len(lines))
    lines = lines[:section]
    if lines and _PROMPT_SECTION.match(lines[0]):
        return lines[0]
    for kind in range(NUM_LABEL_KINDS):
        if labelled := _labelled(lines, kind, sources):
            return without_explanation(labelled)
    while len(lines) > 1 and is_preamble(lines[0], sources):
        lines = lines[1:]
    if not lines:
        return ""
    emphasised = [line for line in lines if _WHOLE_SPAN.match(line)]
    is_sentence = begins_preamble(lines[0]) or len(lines[0].split()) > _MAX_WORDS_OF_NAME
    if emphasised and not _WHOLE_SPAN.match(lines[0]) and is_sentence:
        return emphasised[0]
    first = bare(only_span(lines[0], sources))
    line = without_explanation(without_interjection(first, sources))
    return line if line == first else _without_exclamation_mark(line, sources)


def _has_words(line: str, sources: Sequence[str]) -> bool:
    """Whether a line has letters, or is a number that several titles have, such as `1984`."""
    if _LETTER.search(line):
        return True
    number = _NUMBER.search(line)
    return number is not None and sum(has_word(number[1], (source,)) for source in sources) > 1


def _labelled(lines: Sequence[str], kind: int, sources: Sequence[str]) -> str:
    """Return the text after a label, on its line or the next one; empty: no line has the label."""
    for at, line in enumerate(lines):
        plain = without_interjection(bare(line), sources)
        end = label_ends(plain, sources)[kind]
        rest = plain[end:].strip()
        if end and _has_words(rest, sources):
            return rest
        if end and lines[at + 1 :]:
            return lines[at + 1]
    return ""
