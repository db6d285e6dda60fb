"""Titles as they stand in files -> as a person would write them."""

from __future__ import annotations

import html

import regex

_ESCAPES = regex.compile(r"(?:\\u[0-9a-fA-F]{4})+")
_UNSEEN = regex.compile(r"[\p{Cc}\p{Cf}\p{Co}\p{Cn}--[\u200c\u200d]]+", regex.V1)

# Emoji as `:fire:`; the first, or the last, colon is often lost, and Markdown's escape stands for the underscore.
_SHORT_CODE = regex.compile(r"(?<!\w):[a-z][a-z0-9_+-]*:(?!\w)|(?<=\s):[a-z][a-z0-9_]*$|^[a-z]+(?:\\[a-z]+)+:\s")
_ARROW = r"\u2190-\u21ff\u27f0-\u27ff\u2900-\u297f\u2b00-\u2bff\u2794-\u27be"
_PICTURES = regex.compile(
    rf"[\p{{Extended_Pictographic}}\p{{So}}\ufe0e\ufe0f\U0001f3fb-\U0001f3ff--[©®™{_ARROW}]]+", regex.V1
)

# Markdown writes `ios\_system`, and what reads it badly leaves `ios\system`.
_UNDERSCORE = regex.compile(r"\\_|(?<=\w)\\(?=\w)")
_ESCAPED = regex.compile(r"\\([\[\]()*`~#&|!.+-])")
_LINK = regex.compile(r"!?\[([^\[\]]+)\]\([^()\s]*\)")
_EMPHASIS = regex.compile(r"(?<!\w)(\*\*|__|``|~~|[*`])(?=\S)((?:(?!\1).)+)(?<=\S)\1(?!\w)")

_SUBFIELD = regex.compile(r"\s*[:;/=,]?\s+\$[a-z]\s+|[:;]\s*\$[a-z]\s+")
_START = regex.compile(rf"^(?:[{_ARROW}]|[-*•·>#–—|~=]+(?=\s)|[^\p{{L}}\p{{N}}]+$|\(?\d{{1,2}}[.)](?=\s))+\s*")
_END = regex.compile(rf"\s*(?:[{_ARROW}]|\s[-*•·<>#–—|~=/:]+)+$")


def clean_title(title: str) -> str:
    r"""A title on one line, without what files and pages put into it; empty where nothing is left.

    Written out are `\u00e9` and `&amp;`. Left out are Markdown (emphasis, links, escapes), emoji and their short codes,
    arrows and marks of lists at the ends, and the subfield codes of library records: `Norway : $b a story` becomes
    `Norway: a story`.
    """
    text = html.unescape(_ESCAPES.sub(_written_out, title))
    text = " ".join(_UNSEEN.sub(" ", text).split())
    text = _UNDERSCORE.sub("_", _SHORT_CODE.sub(" ", text))
    text = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", _ESCAPED.sub(r"\1", text)))
    text = _PICTURES.sub(" ", _SUBFIELD.sub(": ", text))
    return without_ends(" ".join(text.split()))


def without_ends(text: str) -> str:
    """A text without arrows, marks of lists and dashes before and behind it."""
    before = None
    while text != before:
        before, text = text, _END.sub("", _START.sub("", text)).strip()
    return text


def _written_out(escapes: regex.Match[str]) -> str:
    units = bytes.fromhex(escapes[0].replace("\\u", ""))
    return units.decode("utf-16-be", errors="ignore")
