"""Removal of what files, pages and forms put into a text: entities, tags, template marks, Markdown, emoji."""

from __future__ import annotations

import regex

from transforms.text_cleaning.escapes import write_out_escapes
from transforms.text_cleaning.tags import remove_tags, without_addresses

# What Python shows of octets and texts.
_LITERAL = regex.compile(r"""^[bu](['"])((?:(?!\1).)+)\1$""")
_JOINED = regex.compile("[\u00ad\u2060\ufeff]+")
_UNSEEN = regex.compile(r"[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}--[\u200c\u200d]]+", regex.V1)

# Emoji as `:fire:`; the first, or the last, colon is often lost, and Markdown's escape stands for the underscore.
_SHORT_CODE = regex.compile(r"(?<!\w):[a-z][a-z0-9_+-]*:(?!\w)|(?<=\s):[a-z][a-z0-9_]*$|^[a-z]+(?:\\[a-z]+)+:\s")
_ARROW = r"\u2190-\u21ff\u27f0-\u27ff\u2900-\u297f\u2b00-\u2bff\u2794-\u27be"
_LETTERLIKE = r"\u2100-\u214f\u266d-\u266f\u3300-\u33ff"  # №, ℃, ♭, ㎡
_PICTURES = regex.compile(
    rf"[\p{{Extended_Pictographic}}\p{{So}}\ufe0e\ufe0f\U0001f3fb-\U0001f3ff--[©®°{_LETTERLIKE}{_ARROW}]]+", regex.V1
)

# Markdown writes `ios\_system`, and what reads it badly leaves `ios\system`.
_UNDERSCORE = regex.compile(r"\\_|(?<=\w)\\(?=\p{Ll})")
_ESCAPED = regex.compile(r"\\([\[\]()*`~#&|!.+-])")
_EMPHASIS = regex.compile(r"(?<!\w)(\*{1,5}|_{2,3}|`{1,2}|~~)(?=\S)((?:(?!\1).)+)(?<=\S)\1(?!\w)")

# Joiners of letters follow a letter or a mark; others joined emoji.
_JOINER = regex.compile(r"(?<![\p{L}\p{M}])[\u200c\u200d]+")

_SUBFIELD = regex.compile(r"\s*[:;/=,]?\s+\$[a-z]\s+|[:;]\s*\$[a-z]\s+")
# A number with a full stop is a part of a title: `1. FC Köln`, `2. Weltkrieg`.
_START = regex.compile(rf"^(?:[{_ARROW}]|[-*•·>#–—|~=]+(?=\s)|[^\p{{L}}\p{{N}}]+$|\(?\d{{1,2}}\)(?=\s))+\s*")
# Reversed: forwards it tries the end from each mark.
_END = regex.compile(rf"(?r)\s*(?:[{_ARROW}]|\s[-*•·<>#–—|~=/:]+)+$")


def clean_text(text: str) -> str:
    r"""Return a text on one line, without what files and pages put into it; empty where nothing is left.

    Written out are `\u00e9`, `&amp;`, also escaped several times, and `%20` between words. Left out are tags,
    template marks such as `{{name}}`, Markdown (emphasis, links, escapes), emoji and their short codes, arrows and
    marks of lists at the ends, the marks of a literal of Python (`b'...'`), and the subfield codes of library records:
    `Norway : $b a story` becomes `Norway: a story`.
    """
    text = remove_tags(write_out_escapes(text))
    text = " ".join(_UNSEEN.sub(" ", _JOINED.sub("", text)).split())
    text = _UNDERSCORE.sub("_", _SHORT_CODE.sub(" ", text))
    text = _EMPHASIS.sub(r"\2", without_addresses(_ESCAPED.sub(r"\1", text)))
    text = _JOINER.sub("", _PICTURES.sub(" ", _SUBFIELD.sub(": ", text)))
    text = without_ends(" ".join(text.split()))
    while found := _LITERAL.match(text):
        text = without_ends(found[2])
    return text


def without_ends(text: str) -> str:
    """Return a text without arrows, marks of lists and dashes before and behind it."""
    before = None
    while text != before:
        before, text = text, _END.sub("", _START.sub("", text)).strip()
    return text
