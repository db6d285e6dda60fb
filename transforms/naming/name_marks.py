"""Removal of the marks around a name: markers of lists, emphasis, quotes, emoji and dashes."""

from __future__ import annotations

from collections.abc import Sequence

import regex

WRAPPERS = "\"'`*_“”„‘’«»‹›「」『』《》〈〉【】〝〞＂\u200c\u200d| \t"
"""Characters around a name that are no part of it."""
_QUOTES = ('""', "''", "“”", "„“", "‘’", "«»", "‹›", "「」", "『』", "《》", "〈〉", "【】")
_EMPHASIS = regex.compile(r"(?<![\w*_`])([*_`])(?=[^\s*_`])([^*_`\n]*)(?<=\S)\1(?![\w*_`])")
_MARKERS = regex.compile(
    r"^(?:[-*•·>#–—→➔➜➡➤➢▶►▸▹▪▫◦‣●○■□◆◇★☆❖»✓✔✅👉\ufe0f]+\s+|[-=]>\s*|#+\s*|\(?\d{1,2}[.)]\s+|\[\d{1,2}\]\s+|~\s+|[①-⑳]\s*|\d\ufe0f?\u20e3\s*|\(?(?:[a-c]|i{1,3})\)\s+|i{1,3}\.\s+)+"
)
_PICTURES = (
    r"[[\p{Extended_Pictographic}\p{Regional_Indicator}\U0001f3fb-\U0001f3ff\ufe0f\u200d\s]"
    r"--[\u00a9\u00ae\u203c\u2049\u2122\u2139\u266d-\u266f]]"
)
_PICTURES_AT_START = regex.compile(rf"^{_PICTURES}+", regex.V1)
_PICTURES_AT_END = regex.compile(rf"(?<!{_PICTURES}){_PICTURES}++$", regex.V1)
_DOUBLED = regex.compile(r"^(~~?|==|::)(?=[^\s~=:])([^~=]*)(?<=[^\s~=:])\1$")
_DASHES_AT_END = regex.compile(r"\s[-–—=~|/]+$")
_MARKS_OF_WORDS = "#*@'’"


def bare(line: str) -> str:
    """Return a line without emoji, list markers, emphasis, quotes and dashes around it."""
    line = _DASHES_AT_END.sub("", _PICTURES_AT_END.sub("", _PICTURES_AT_START.sub("", line)).strip())
    line = _DOUBLED.sub(r"\2", line)
    return unwrapped(_EMPHASIS.sub(r"\2", _MARKERS.sub("", line).replace("**", "").replace("__", "")))


def unwrapped(line: str) -> str:
    """Return a line without the characters around it; a quote whose pair is within the line is kept."""
    text = line.strip(WRAPPERS)
    start = line.find(text)
    head, tail = line[:start], line[start + len(text) :]
    before, after = head.rstrip()[-1:], tail.lstrip()[:1]
    for pair in _QUOTES:
        opening, closing = pair[0], pair[1]
        unpaired = text.count(closing) - text.count(opening) if opening != closing else text.count(opening) % 2
        if before == opening and unpaired > 0 and after != closing:
            return head[len(head.rstrip()) - 1 :] + text
        if after == closing and unpaired and before != opening and (unpaired < 0 or opening == closing):
            return text + tail[: len(tail) - len(tail.lstrip()) + 1]
    return text


def with_mark(name: str, line: str, sources: Sequence[str]) -> str:
    """Return a name with the mark that its line has before it, if a title has the first word with it: `#MeToo`."""
    at = line.find(name) if name else 0
    mark = line[max(at - 1, 0) : max(at, 0)]
    if not mark or mark not in _MARKS_OF_WORDS or line.startswith(mark, at + len(name)):
        return name
    marked = regex.compile(rf"(?<!\w){regex.escape(mark + name.split()[0])}(?!\w)", regex.I)
    return mark + name if any(marked.search(source) for source in sources) else name


def has_last_word(name: str, sources: Sequence[str]) -> bool:
    """Whether a title has the last word of a name with its mark: `Jeopardy!`."""
    word = name.split()[-1].casefold()
    return any(word in source.casefold() for source in sources)
