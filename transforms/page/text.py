"""Texts and numbers as the page shows them."""

from __future__ import annotations

import math
import unicodedata

import regex

TITLE_CHARACTERS = 160
"""Maximum number of characters of a title, a name or a description."""

_ELLIPSIS = "…"


def shorten(text: str, limit: int = TITLE_CHARACTERS) -> str:
    """Write a text on one line, and cut it with an ellipsis if it is too long.

    Characters that a reader sees as one, such as an emoji of several code points, are not cut in two.

    Args:
        text: any text; control characters become spaces.
        limit: maximum number of code points, at least 2.
    """
    beginning = text[: 4 * limit]  # enough, unless most of it is white space
    line = " ".join("".join(" " if unicodedata.category(each) == "Cc" else each for each in beginning).split())
    if len(line) <= limit and len(text) <= len(beginning):
        return line
    characters = regex.findall(r"\X", line[: limit - 1])
    return "".join(characters[:-1] if len(characters) > 1 else characters).rstrip() + _ELLIPSIS


def format_number(value: float) -> str:
    """Format a number for reading: whole ones with thousands separators, others with three decimals or digits."""
    if not math.isfinite(value):
        return str(value)
    if value == round(value):
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:,.1f}"
    return f"{value:.3f}" if abs(value) >= 0.001 else f"{value:.2g}"


def format_decimal(value: float, digits: int) -> str:
    """Format a number with a fixed number of decimals; what is rounded to zero has no sign."""
    return f"{round(value, digits) + 0.0:.{digits}f}"


def compact_number(value: float) -> str:
    """Format a number in little room: from a million on in millions, such as `414.2 M`."""
    is_large = math.isfinite(value) and abs(value) >= 1e6
    return f"{value / 1e6:,.1f} M" if is_large else format_number(value)


def exact_number(value: float) -> str:
    """Format a number so that it is parsed to the same value again, for attributes that programs read."""
    return str(int(value)) if math.isfinite(value) and value == int(value) else repr(float(value))


def text_width(text: str, size: float) -> float:
    """Estimate the width of a line, rather too large than too small.

    Args:
        text: the line.
        size: the size of the font; the result has the same unit.
    """
    ems = sum(_width(character) for character in text)
    return ems * size


def _width(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.15
    return 0.72 if character.isupper() else 0.6
