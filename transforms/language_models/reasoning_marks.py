"""Reasoning between marks: tags, special tokens and code blocks whose name is a word for thinking."""

from __future__ import annotations

from typing import NamedTuple

import regex

_NAME = r"[\w▁:.\-]{1,80}"
_MARK = regex.compile(
    rf"""
    (?P<open> <unused94>(?=thought) | ^[^\w\n]*thinking[^\w\n]*(?:process)?\.{{3}}$ )
    | (?P<close> <unused95> | <\|content\|> | ^\.{{3}}done\ thinking\.? )
    | (?:<|&lt;) \s{{0,2}} (?P<slash>[/|｜]{{0,2}}) \s{{0,2}} (?P<name>{_NAME}) (?:\s[^<>\n]{{0,80}}=[^<>\n]{{0,80}})?
      \s{{0,2}} [|｜]? (?:>|&gt;)
    | \[(?P<slash>/?)(?P<name>think|thinking|(?:begin|start|end)_(?:of_)?(?:thinking|thought|reasoning))\]
    | ◁(?P<slash>/?)(?P<name>think)▷
    """,
    regex.X | regex.I | regex.M,
)
_WORD = regex.compile(r"\p{Lu}?\p{Ll}+|\p{Lu}+")
_THOUGHT = frozenset(
    {"think", "thinking", "thought", "thoughts", "reasoning", "reflection", "analysis", "scratchpad", "monologue"}
    | {"deliberation", "details", "inner"}
)
_END = frozenset({"end", "close", "off", "suffix"})
_FENCED = regex.compile(
    r"^```(?:think\w*|thoughts?|reason\w*|analysis|reflection|scratchpad)[ \t]*\n.*?(?:^```|\Z)", regex.S | regex.M
)
_SUMMARY = regex.compile(r"<summary>[^<]{0,80}\b(?:thoughts?|thinking|reasoning)\b[^<]{0,80}</summary>", regex.I)
_LEADING = regex.compile(
    r"\s*[<\[](?P<tag>[a-z][\w:.\-]{0,60})(?:\s[^<>\n]{0,80})?[>\]](?P<content>[^\0]*?)[<\[]/(?P=tag)[>\]](?P<rest>[^\0]*)",
    regex.I,
)
_RESULT_WORDS = frozenset(
    {"name", "interest", "journey", "title", "label", "answer", "output", "response", "result", "final", "topic"}
    | {"tool", "call", "function", "html", "body", "div", "p", "b", "i", "em", "strong", "span", "pre", "code"}
    | {"h1", "h2", "h3", "h4", "ul", "ol", "li", "table", "json", "xml", "q", "blockquote", "item", "items", "root"}
)
_SENTENCES = regex.compile(r"[.!?。！？]\s+\S|[。！？]\S|\n\s*\S")

_MIN_WORDS = 4
"""Minimum number of words of reasoning in a tag of another name."""


class Outside(NamedTuple):
    """The text outside of marks.

    Attributes:
        text: the text; may be empty.
        has_reasoning: whether there are marks.
        is_open: whether nothing is outside, or the last reasoning does not end.
    """

    text: str
    has_reasoning: bool
    is_open: bool


def outside_marks(text: str) -> Outside:
    """Remove reasoning between marks. Without an opening mark it extends from the beginning."""
    plain = _SUMMARY.sub("", _FENCED.sub("", text))
    found = plain != text
    leading = _LEADING.match(plain)
    if leading and _is_thought(leading):
        plain, found = leading["rest"], True
    outside: list[str] = []
    position, inside = 0, False
    for mark in _MARK.finditer(plain):
        kind = _kind(mark)
        if not kind:
            continue
        found = True
        if kind == "close" and not inside:
            outside.clear()
        elif kind == "open" and not inside:
            outside.append(plain[position : mark.start()])
        inside = kind == "open"
        position = mark.end()
    if not inside:
        outside.append(plain[position:])
    rest = "\n".join(outside).strip()
    return Outside(rest, found, inside or (found and not rest))


def _kind(mark: regex.Match[str]) -> str:
    """Return `open` or `close`; empty: the name of the mark is no word for thinking."""
    if mark["open"] or mark["close"]:
        return "open" if mark["open"] else "close"
    words = _words(mark["name"])
    if not words & _THOUGHT:
        return ""
    return "close" if "/" in mark["slash"] or words & _END else "open"


def _words(name: str) -> frozenset[str]:
    return frozenset(word.lower() for word in _WORD.findall(name.replace("_", " ").replace("▁", " ")))


def _is_thought(leading: regex.Match[str]) -> bool:
    """Whether a tag of any name before a text holds sentences or several lines, rather than a result."""
    words, content = _words(leading["tag"]), leading["content"].strip()
    if words & _RESULT_WORDS or not leading["rest"].strip() or content[:1] in ("{", "[", "<"):
        return False
    return _SENTENCES.search(content) is not None and len(content.split()) >= _MIN_WORDS
