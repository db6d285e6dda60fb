"""The final channel of a reply in several channels, with their special tokens or without them."""

from __future__ import annotations

import regex

_FINAL = regex.compile(
    r"<\|channel\|?>\s*final\b(?:[^<\n]|<\|constrain\|>){0,80}<\|message\|>"
    r"|\A\s*(?:(?:assistant\s*)?analysis[^\0]*?)?assistant\s*final(?=[\W\p{Lu}\p{Lo}]|$)"
    r"|\A\s*analysis[ \t]*\n[^\0]*?\n[ \t]*(?:assistant)?final[ \t]*(?=\n)"
    r"|<\|im_start\|>\s*(?:answer|final)[ \t]*\n",
    regex.I,
)
_FINAL_ONLY = regex.compile(r"\A\s*(?:assistant)?final(?=\p{Lu}\p{Ll}|\p{Lo})")
_ANY = regex.compile(
    r"<\|channel\|?>|\A\s*(?:assistant\s*)?analysis(?=[A-Z])|\A\s*analysis[ \t]*\n\s*\S|\A\s*assistantfinal\b"
    r"|<\|im_start\|>\s*think"
)
_END = regex.compile(r"<\|(?:end|return|call|start|channel|im_end|im_start)\|>|<channel\|>")
_CLOSED = regex.compile(
    r"(?:<\|start\|>\s*\w*)?<\|channel\|?>[^\0]*?(?:<\|(?:end|return|call)\|>|<channel\|>|\Z)|<\|start\|>\s*\w*"
)


def final_channel(text: str) -> str | None:
    """Return the text of the final channel, or that outside of all channels; empty: there is none; None: no channels.

    Without special tokens, the names of the channels are lines, or stand directly before the text.
    """
    if only := _FINAL_ONLY.match(text):
        return text[only.end() :].strip()
    if not _ANY.search(text):
        return None
    final = None
    for final in _FINAL.finditer(text):  # noqa: B007 (the last one)
        pass
    if final is None:
        return _CLOSED.sub("", text).strip() if "<|channel" in text else ""
    return _END.split(text[final.end() :], maxsplit=1)[0].lstrip(" :").strip()
