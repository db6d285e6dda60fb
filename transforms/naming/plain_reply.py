"""Characters of a reply that stand for others: escapes, marks of tokenizers, full-width letters and links."""

from __future__ import annotations

from collections.abc import Sequence

import regex

from transforms.naming.name_context import is_language
from transforms.naming.reply_words import has_word, is_label
from transforms.segmentation import nfkc
from transforms.text_cleaning.escapes import write_out_escapes
from transforms.text_cleaning.tags import without_addresses

# Byte-level tokenizers write a space as this letter, which no word of Maltese has after a small letter.
_BYTE_SPACE = regex.compile(r"(?<=[\p{Ll}\p{N},.:;!?)\]*\"'])\u0120")
_BYTE_SPACE_AT_START = regex.compile(r"^\u0120(?=\p{Lu}\p{Ll}|[*\"#])", regex.M)
_BYTE_BREAK = regex.compile(r"(?<=[\p{Ll}\p{N}.:;!?*\"'])\u010a+")
_WORD_START = "\u2581"
_OCTETS = regex.compile(r"(?:<0x[\dA-F]{2}>)+")
_CITATION = regex.compile(
    r"\s?(?:【\d+(?::\d+)?†[^【】\n]{0,80}】|\[\^\d{1,3}\^?\]|\[?\[(?:\d{1,3}|source|link)\]\]?\([^()\s]{1,400}\))",
    regex.I,
)
_CHECKBOX = regex.compile(r"^\s*(?:[-*•]\s+)?\[[ xX✓✔]\]\s+(?=\S)", regex.M)
_ADDRESS_BEHIND = regex.compile(r"(?<=\S)[ \t]+(?:\(https?://[^\s()]+\)|https?://[^\s()]+)[ \t]*$", regex.M)
_TAG = regex.compile(r"<[a-z][\w-]*(?:\s+[\w-]+=(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s<>\"']+))+\s*/?>", regex.I)
_BRACKETED_WORD = regex.compile(
    r"^[\s*_]*\[(\p{L}[\w-]{0,20})\][*_]*\s+(?=\S)|\s*\[(\p{L}[\w-]{0,20})\](?=\s*[:：])", regex.M
)
_FULL_WIDTH = regex.compile(r"[Ａ-Ｚａ-ｚ]+")
_UNREADABLE = "\ufffd"


def plain_characters(text: str, sources: Sequence[str]) -> str:
    """Return a text with the characters that a model meant; those that titles have stay.

    Args:
        text: the text of a reply.
        sources: titles and terms of the journey.
    """
    text = _CHECKBOX.sub("", write_out_escapes(_OCTETS.sub(_decode_octets, text)))
    text = without_addresses(_CITATION.sub("", _TAG.sub(" ", text)))
    text = _BRACKETED_WORD.sub(lambda found: _of_reply(found, sources), text)
    text = _ADDRESS_BEHIND.sub(lambda found: _of_titles(found.group(), sources), text)
    if not any(_WORD_START in source for source in sources):
        text = text.replace(_WORD_START, " ")
    text = _BYTE_BREAK.sub("\n", _BYTE_SPACE_AT_START.sub("", _BYTE_SPACE.sub(" ", text)))
    return _FULL_WIDTH.sub(lambda found: _narrow(found.group(), sources), text)


def is_unreadable(name: str, sources: Sequence[str]) -> bool:
    """Whether a name has the character for octets that could not be decoded, and no title has it."""
    return _UNREADABLE in name and not any(_UNREADABLE in source for source in sources)


def _of_titles(text: str, sources: Sequence[str]) -> str:
    """Return a text if a title has it; else nothing."""
    return text if any(text.strip() in source for source in sources) else ""


def _of_reply(found: regex.Match[str], sources: Sequence[str]) -> str:
    """Return a word in brackets before a name, or in its label, without a language; a label loses its brackets."""
    word = found[1] or found[2]
    if has_word(word, sources):
        return found[0]
    if is_label(word):
        return f"{word}: " if found[1] else word
    return "" if is_language(word) else found[0]


def _decode_octets(tokens: regex.Match[str]) -> str:
    """Decode tokens of single octets, such as `<0xC3><0xA9>`."""
    return bytes.fromhex(tokens[0].replace("<0x", "").replace(">", "")).decode(errors="replace")


def _narrow(letters: str, sources: Sequence[str]) -> str:
    return letters if any(letters in source for source in sources) else nfkc(letters)
