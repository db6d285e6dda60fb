"""Extraction of a name from a reply: out of JSON, markup, code blocks, labels, preambles and explanations."""

from __future__ import annotations

import ast
import functools
import html
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import regex

from transforms.language_models.chat_markup import remove_chat_markup
from transforms.language_models.reasoning import remove_reasoning
from transforms.naming.structured_reply import structured_text
from transforms.naming.text import fold_case, pattern_list

_MAX_CHARACTERS = 20_000
_MAX_PLAIN_CHARACTERS = 4_000
_MAX_PREAMBLE = 160
_LETTER = regex.compile(r"\p{L}")
_INVISIBLE = regex.compile(r"[\p{Cc}\p{Cf}--[\u200c\u200d]]+", regex.V1)
_MARKERS = regex.compile(r"^(?:[-*•·>#–—→➡✓✔✅👉\ufe0f]+\s+|#+\s*|\(?\d{1,2}[.)]\s+|\(?[a-c]\)\s+)+")
_WRAPPERS = "\"'`*_“”„‘’«»‹›「」『』《》〈〉【】\u200c\u200d| \t"
_FINAL_PUNCTUATION = ".。．｡،,;；:：、"
_COLON = regex.compile(r"[:：]")
_QUALIFIERS = (
    r"(?:(?:the|this|a|my|your|user'?s?|final|short|suggested|proposed|possible|best|recommended|main|overall|generated)"
    r"\s+){0,4}"
)
_CALLED = regex.compile(
    r"^(?:(?:based on|given|considering|from|according to)[^,\n]{0,80},\s*)?"
    r"(?:i(?: would|['’]d| will|['’]ll| suggest| propose)?\s+(?:to\s+)?"
    r"(?:name|call|label|title|describe|suggest|propose)\s+(?:this|the|it|that|their|his|her|your)\s*(?:user'?s?\s*)?(?:interest|journey|name|one)?\s*"
    r"(?:as\s+|would be\s+)?"
    r"|(?:the |this |their |my )?(?:user'?s? |person'?s? |main |common |primary |likely |overall |shared |best "
    r"|most (?:fitting|suitable) ){0,3}"
    r"(?:interest|name|journey|topic|theme|answer|suggestion|title|label|response|choice)"
    r"(?: of (?:the|this) \w+| here| for (?:this|the|it) ?\w*)?\s+(?:is|would be|could be|might be|can be|appears to be"
    r"|seems to be)\s*(?:called |named |described as |summari[sz]ed as |best described as |in |about |that of )?"
    r"|(?:the |this )?(?:user|person|viewer|reader|individual)(?: (?:is|seems|appears)(?: to be)?)?(?: very| really)? "
    r"(?:interested in|into|passionate about|enthusiastic about|learning about|exploring|enjoys|likes|loves)\s"
    r"|(?:the |these |all )?(?:titles|items|videos|articles)(?: all)? (?:are|seem to be|focus|relate|revolve)(?: all)? "
    r"(?:about|on|to|around)\s"
    r"|i (?:think|believe|guess|would say) (?:that )?(?:(?:this|it|that)(?:['’]s| is) )?(?:likely |about )?"
    r"|(?:this|it)(?:['’]s| is) (?:all )?about\s|(?:how|what) about\s|why not\s"
    r"|(?:maybe|perhaps|possibly|probably)(?:,\s|\s(?=[\"“*]))"
    r"|el interés (?:es|sería|podría ser)\s|l'intérêt (?:est|serait)\s|das interesse (?:ist|wäre|lautet)\s"
    r"|l'interesse (?:è|sarebbe)\s|o interesse (?:é|seria)\s)[:：]?\s*",
    regex.I,
)
_EXPLANATION = regex.compile(
    r"\s*(?:\(\s*(?:this|these|it|since|because|as|note|\d+ words)\b.*"
    r"|\s[-–—]\s+(?:this|these|it|since|because|reflecting|capturing|captures|as the|a name)\b.*"
    r"|(?<=[\w\"”'*)])[.!:;]\s+(?:this|these|it|the (?:name|titles?|user|person|items?)|i|i'(?:ve|m|d)|because|since"
    r"|explanation|note|let me|please|would you|feel free|hope|here)\b.*)$",
    regex.I,
)
_QUOTED = r"[\"“„«「『《]([^\"“”„«»「」『』《》\n]{2,120})[\"”“»」』》]"
_SPAN = regex.compile(rf"\*\*([^*\n]{{2,120}})\*\*|{_QUOTED}|`([^`\n]{{2,120}})`")
_WHOLE_SPAN = regex.compile(rf"^\W*(?:{_SPAN.pattern}|#+\s+([^#\n]{{2,120}}))\W*$")
_LISTED = regex.compile(r"^[\W\d]*\*\*([^*\n]{2,120}?)[:：]?\*\*\s*[:：–—-]\s")
_BRACKETED = regex.compile(r"[(\[](?P<text>[^()\[\]]*)[)\]]")
_HERE = regex.compile(r"here(?:['’]s| is| are)\b|voici|aquí|hier ist|ecco|вот|以下|下記|إليك", regex.I)
_ROLE = regex.compile(r"^\s*(?:<[^<>\n]{1,40}>\s*)+(?:assistant|model)\b")
_SENTENCE_END = regex.compile(r"(?:(?<=\w{3})\.|[!。！])\s+(?=\W*\p{L})|[。！](?=\p{L})")
_ASIDE = regex.compile(
    r"^\W*(?:note|disclaimer|warning|explanation|reason(?:ing)?|rationale|confidence)\b[\s*_]*[:：]", regex.I
)
_PAGE = regex.compile(r"<(?:!doctype|html|head|body)\b", regex.I)
_PROMPT_SECTION = regex.compile(r"^\W*(?:titles|terms|taken already[^:\n]{0,60})\s*:", regex.I)


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
def extract_name(text: str) -> ExtractedName:
    """Extract the name from the text of a reply.

    Args:
        text: the text; only its first 20,000 characters are read.
    """
    reply = remove_reasoning(text[:_MAX_CHARACTERS])
    if not reply.text:
        return ExtractedName("", is_reasoning=reply.is_open)
    if _PAGE.search(reply.text):
        return ExtractedName("", is_malformed=True)
    structured = structured_text(_ROLE.sub("", reply.text))
    if structured is None:
        return ExtractedName("", is_malformed=True)
    line = _name_line(remove_chat_markup(structured[:_MAX_PLAIN_CHARACTERS], "\n").splitlines())
    return ExtractedName(clean_line(line), line.strip(_WRAPPERS))


def clean_line(line: str) -> str:
    """Return a line without quotes, list markers, emphasis, labels, lead-ins and final punctuation."""
    line = " ".join(_INVISIBLE.sub(" ", html.unescape(line)).split())
    line = line if " " in line else line.replace("_", " ").strip()
    before = None
    while line != before:
        before = line
        line = _bare(line)
        for label in _labels():
            line = label.sub("", line) or line
        line = _without_lead(line).strip(_WRAPPERS).rstrip(_FINAL_PUNCTUATION)
        if bracketed := _BRACKETED.fullmatch(line):
            line = bracketed["text"].strip()
    return line


@functools.cache
def _labels() -> tuple[Any, ...]:
    """Patterns of labels: first those that can stand before a name only."""
    names, results = (pattern_list(file).pattern for file in ("name_labels.txt", "result_labels.txt"))
    return tuple(
        regex.compile(rf"^{_QUALIFIERS}(?:{words})(?:\s+(?:{words}))?\s*(?:[\"']?\s*[:：]|\s[-–—=]>?\s|$)\s*", regex.I)
        for words in (names, f"{names}|{results}")
    )


def _without_interjection(line: str) -> str:
    found = pattern_list("interjection_patterns.txt").match(line.lstrip("¡¿"))
    line = line.lstrip("¡¿") if found else line
    rest = line[found.end() :] if found else ""
    return rest.lstrip("!,.:;。！，、 ") if rest[:1] in tuple("!,.:;。！，、") else line


def _begins_preamble(line: str) -> bool:
    return pattern_list("preamble_patterns.txt").match(line) is not None


def _bare(line: str) -> str:
    """Return a line without list markers, emphasis and quotes around it."""
    return _MARKERS.sub("", line).replace("**", "").replace("__", "").strip(_WRAPPERS)


def _without_lead(line: str) -> str:
    """Remove words before a name on its line: `Sure! Here's a short name:`."""
    line = _without_interjection(line)
    if _begins_preamble(line):
        head, colon, rest = _partition_colon(line)
        if colon and len(head) <= _MAX_PREAMBLE and (_LETTER.search(rest) or not rest.strip()):
            return rest
        rest = _partition_sentence(line)[2]
        if rest and not _CALLED.match(line):
            return rest
    called = _CALLED.sub("", line, count=1)
    return called if called == line else called.rstrip("?!")


def _partition_sentence(line: str) -> tuple[str, str, str]:
    found = _SENTENCE_END.search(line)
    return (line[: found.start()], found.group(), line[found.end() :]) if found else (line, "", "")


def _partition_colon(line: str) -> tuple[str, str, str]:
    found = _COLON.search(line)
    return (line[: found.start()], found.group(), line[found.end() :]) if found else (line, "", "")


def _name_line(lines: Sequence[str]) -> str:
    """Return the line of a name among the lines of a reply, without the text around the name."""
    lines = [line for line in (_cells(_INVISIBLE.sub(" ", line)).strip() for line in lines) if _LETTER.search(line)]
    lines = [line for line in lines if not _ASIDE.match(line)] or lines
    section = next((at for at, line in enumerate(lines) if at and _PROMPT_SECTION.match(line)), len(lines))
    lines = lines[:section]
    if lines and _PROMPT_SECTION.match(lines[0]):
        return lines[0]
    for label in _labels():
        if labelled := _labelled(lines, label):
            return _without_explanation(labelled)
    while len(lines) > 1 and _is_preamble(lines[0]):
        lines = lines[1:]
    if not lines:
        return ""
    emphasised = [line for line in lines if _WHOLE_SPAN.match(line)]
    if emphasised and (not _WHOLE_SPAN.match(lines[0])) and (_begins_preamble(lines[0]) or len(lines[0].split()) > 9):
        return emphasised[0]
    return _without_explanation(_without_interjection(_bare(_only_span(lines[0]))))


def _cells(line: str) -> str:
    """Return the row of a table as a label and a name."""
    line = line.strip()
    return ": ".join(each.strip() for each in line.strip("|").split("|")) if line[:1] == "|" == line[-1:] else line


def _labelled(lines: Sequence[str], label: Any) -> str:
    """Return the text after a label, on its line or the next one; empty: no line has the label."""
    for at, line in enumerate(lines):
        bare = _without_interjection(_bare(line))
        if found := label.match(bare):
            rest = bare[found.end() :].strip()
            if _LETTER.search(rest):
                return rest
            following = lines[at + 1 :]
            if following:
                return following[0]
    return ""


def _is_preamble(line: str) -> bool:
    bare = _bare(line)
    rest = _without_interjection(bare)
    if not _LETTER.search(rest) or bare[-1:] in (":", "："):
        return True
    if not _begins_preamble(rest) or _SPAN.search(line) or _CALLED.match(rest):
        return False
    return rest[-1:] in ".!。" or _HERE.match(rest) is not None


def _only_span(line: str) -> str:
    """Return the quoted or bold text of a sentence about a name, if there is exactly one; else the line."""
    if listed := _LISTED.match(line):
        return str(listed[1])
    spans = [next(filter(None, found)) for found in _SPAN.findall(line)]
    around = _SPAN.sub(" ", line)
    if len(set(spans)) == 1 and len(around.split()) >= 3:
        lead = _without_interjection(_bare(around))
        if _begins_preamble(lead) or _CALLED.match(lead):
            return spans[0]
    return line


def _without_explanation(line: str) -> str:
    return _EXPLANATION.sub("", line)
