"""Removal of the special tokens of chat models from a text, by their form.

A prompt for an endpoint is tokenized by the server, and no list of tokens covers all models. But the special tokens of
all families have one of a few forms, such as `<|im_start|>`, `[INST]` or `<bos>`, which this module recognizes. A
character counts as the one that a tokenizer may normalize it to, such as an ASCII character for a full-width one.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Collection

import regex

_LETTER = regex.compile(r"\p{L}")
_MARKUP = regex.compile(
    r"""
    <[/!]?\|[^\n<>]{0,80}?\|>                               # <|im_start|>, <｜User｜>
    | <[/!]?\|[\w▁:.\-]*>?  | \|>                           # <|channel>, and parts of the form above
    | <</?[^\s<>]{1,40}>>  | >>[A-Z_]{2,40}<<               # <<SYS>>, >>TITLE<<
    | <[/!]?[\w:][\w▁:.\-@|/]{0,60}>                        # <bos>, </s>, <start_of_turn>, <extra_id_0>
    | \[/[A-Za-z_]{1,40}\]                                  # [/INST]
    | \[(?:INST|THINK|SYSTEM_PROMPT|[A-Za-z]+_\w+)\]        # [INST], [AVAILABLE_TOOLS], [control_8]
    | \[\|[^\[\]\n]{0,60}\]  | \[@[^\[\]\n]{1,40}@\]        # [|endofturn|], [@BOS@]
    | [\[\]][!a-z]{0,3}~[!a-z]{0,3}[\[\]]                   # ]~b]
    | \|{3}\w+\|{3}                                         # |||IP_ADDRESS|||
    | ◁[^◁▷\n]{0,40}▷                                       # ◁think▷
    | \[(?P<word>\w[\w\-]{0,40})\]                          # [CLS], but [ASMR] too, whose word is kept
    """,
    regex.X,
)


def remove_chat_markup(text: str, replacement: str = " ", kept: Collection[str] = ()) -> str:
    """Replace special tokens of chat models.

    Forms that people also write, a word in square brackets, lose their brackets only.

    Args:
        text: the text.
        replacement: the text in place of a token; not empty, or the text around it could form another token.
        kept: tokens that stay, such as `<int>` in a title about C++.
    """
    before = None
    while text != before:  # the tokens inside others, as in `<|im_<|x|>start|>`
        before = text
        text = _remove_once(text, replacement, kept)
    return text


def _remove_once(text: str, replacement: str, kept: Collection[str]) -> str:
    parts: list[str] = []
    position = 0
    for found in _MARKUP.finditer(_fold(text)):
        if found.group() in kept:
            continue
        word = text[slice(*found.span("word"))] if found["word"] else ""
        # A word begins the text after it: `[ASMR] guitar`; a number is a marker of a list.
        parts += [text[position : found.start()], replacement, word, " " if _LETTER.search(word) else replacement]
        position = found.end()
    return "".join([*parts, text[position:]])


def _fold(text: str) -> str:
    """Normalize each character, so that positions stay the same."""
    return text if text.isascii() else "".join(map(_fold_character, text))


@functools.lru_cache(maxsize=1 << 12)
def _fold_character(character: str) -> str:
    normalized = unicodedata.normalize("NFKC", character)
    return normalized if len(normalized) == 1 else character
