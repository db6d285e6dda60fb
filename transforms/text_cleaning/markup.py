"""Removal of what files, pages and forms put into a text: entities, tags, template marks, Markdown, emoji."""

from __future__ import annotations

import html
import urllib.parse

import regex

_MAX_ESCAPES = 4
"""Number of times that a text can be escaped: `&amp;amp;quot;` is escaped three times."""

_UNICODE_ESCAPES = regex.compile(r"(?:\\u[0-9a-fA-F]{4})+")
# Without a semicolon only those that are often cut off: `&copy` is also part of an address.
_ENTITY = regex.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});|&(?:amp|quot|nbsp|apos)\b")
_PERCENT_ESCAPES = regex.compile(r"(?:%[0-9A-Fa-f]{2})+")
_JOINED = regex.compile("[\u00ad\u2060\ufeff]+")
_UNSEEN = regex.compile(r"[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}--[\u200c\u200d]]+", regex.V1)

_HIDDEN = regex.compile(
    r"<(script|style)\b[^<>]*>.*?</\1\s*>|<!--.*?-->|<!\[CDATA\[|\]\]>|<[!?][^<>]*>", regex.I | regex.S
)
_INLINE = "a|abbr|b|big|cite|code|del|em|font|i|ins|kbd|mark|q|s|small|span|strike|strong|sub|sup|tt|u|wbr"
_BLOCK = (
    "article|aside|blockquote|body|br|button|center|dd|div|dl|dt|figcaption|figure|footer|form|h[1-6]|head|header|hr|"
    "html|iframe|img|input|label|li|link|main|meta|nav|object|ol|option|p|pre|section|select|table|tbody|td|textarea|"
    "tfoot|th|thead|tr|ul|video"
)
# Other words in angle brackets are text: `std::vector<int>`, `<2024>`.
_INLINE_TAG = regex.compile(rf"</?(?:{_INLINE})(?:\s[^<>]*)?/?>", regex.I)
_BLOCK_TAG = regex.compile(rf"</?(?:{_BLOCK})(?:\s[^<>]*)?/?>", regex.I)
_BB_CODE = regex.compile(
    r"\[/?(?:b|i|u|s|url|img|quote|code|size|color|font|center|list|spoiler|caption|gallery|embed)(?:[\s=][^\[\]]*)?\]"
    r"|\[object Object\]",
    regex.I,
)
_TEMPLATE_MARK = regex.compile(
    r"\{\{[^{}]*\}\}|\{%[^{}]*%\}|[$#]\{[^{}]*\}|<%.*?%>|%%\w+%%|%\(\w+\)[sd]|(?<![\w%])%[sd](?!\w)"
    r"|\{(?:\d*|[a-z_][a-z0-9_.]*)\}",
    regex.S,
)
_WIKI_LINK = regex.compile(r"\[\[(?:[^\[\]|]*\|)?([^\[\]|]*)\]\]")

# Emoji as `:fire:`; the first, or the last, colon is often lost, and Markdown's escape stands for the underscore.
_SHORT_CODE = regex.compile(r"(?<!\w):[a-z][a-z0-9_+-]*:(?!\w)|(?<=\s):[a-z][a-z0-9_]*$|^[a-z]+(?:\\[a-z]+)+:\s")
_ARROW = r"\u2190-\u21ff\u27f0-\u27ff\u2900-\u297f\u2b00-\u2bff\u2794-\u27be"
_PICTURES = regex.compile(
    rf"[\p{{Extended_Pictographic}}\p{{So}}\ufe0e\ufe0f\U0001f3fb-\U0001f3ff--[©®™°{_ARROW}]]+", regex.V1
)

# Markdown writes `ios\_system`, and what reads it badly leaves `ios\system`.
_UNDERSCORE = regex.compile(r"\\_|(?<=\w)\\(?=\w)")
_ESCAPED = regex.compile(r"\\([\[\]()*`~#&|!.+-])")
_LINK = regex.compile(r"!?\[([^\[\]]+)\]\([^()\s]*\)")
_EMPHASIS = regex.compile(r"(?<!\w)(\*\*|__|``|~~|[*`])(?=\S)((?:(?!\1).)+)(?<=\S)\1(?!\w)")

_SUBFIELD = regex.compile(r"\s*[:;/=,]?\s+\$[a-z]\s+|[:;]\s*\$[a-z]\s+")
_START = regex.compile(rf"^(?:[{_ARROW}]|[-*•·>#–—|~=]+(?=\s)|[^\p{{L}}\p{{N}}]+$|\(?\d{{1,2}}[.)](?=\s))+\s*")
_END = regex.compile(rf"\s*(?:[{_ARROW}]|\s[-*•·<>#–—|~=/:]+)+$")


def clean_text(text: str) -> str:
    r"""Return a text on one line, without what files and pages put into it; empty where nothing is left.

    Written out are `\u00e9`, `&amp;`, also escaped several times, and `%20` between words. Left out are tags,
    template marks such as `{{name}}`, Markdown (emphasis, links, escapes), emoji and their short codes, arrows and
    marks of lists at the ends, and the subfield codes of library records: `Norway : $b a story` becomes
    `Norway: a story`.
    """
    text = _remove_markup(_write_out_escapes(text))
    text = " ".join(_UNSEEN.sub(" ", _JOINED.sub("", text)).split())
    text = _UNDERSCORE.sub("_", _SHORT_CODE.sub(" ", text))
    text = _EMPHASIS.sub(r"\2", _LINK.sub(r"\1", _ESCAPED.sub(r"\1", text)))
    text = _PICTURES.sub(" ", _SUBFIELD.sub(": ", text))
    return without_ends(" ".join(text.split()))


def without_ends(text: str) -> str:
    """Return a text without arrows, marks of lists and dashes before and behind it."""
    before = None
    while text != before:
        before, text = text, _END.sub("", _START.sub("", text)).strip()
    return text


def _write_out_escapes(text: str) -> str:
    text = _UNICODE_ESCAPES.sub(_decode_units, text)
    for _ in range(_MAX_ESCAPES):
        before, text = text, _ENTITY.sub(lambda found: html.unescape(found[0]), text)
        if text == before:
            break
    if "%20" in text and " " not in text:
        text = _PERCENT_ESCAPES.sub(lambda found: urllib.parse.unquote(found[0], errors="ignore"), text)
    return text


def _decode_units(escapes: regex.Match[str]) -> str:
    units = bytes.fromhex(escapes[0].replace("\\u", ""))
    return units.decode("utf-16-be", errors="ignore")


def _remove_markup(text: str) -> str:
    if "<" in text or "]]>" in text:
        text = _BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", _HIDDEN.sub(" ", text)))
    if "[" in text:
        text = _BB_CODE.sub(" ", _WIKI_LINK.sub(r"\1", text))
    if "{" in text or "%" in text:
        text = _TEMPLATE_MARK.sub(" ", text)
    return text
