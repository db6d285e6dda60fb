"""Removal of the special tokens of chat models from a text, by their form.

A prompt for an endpoint is tokenized by the server, and no list of tokens covers all models. But the special tokens of
all families have one of a few forms, such as `<|im_start|>`, `[INST]` or `<bos>`, which this module recognizes. A
full-width character counts as the ASCII character that a tokenizer may normalize it to.
"""

from __future__ import annotations

import regex

_LEFT, _RIGHT, _BAR = "[<＜﹤]", "[>＞﹥]", "[|｜￨∣]"
_OPEN, _CLOSE = r"[\[［]", r"[\]］]"

_MARKUP = regex.compile(
    rf"""
    {_LEFT}[/!]?{_BAR}[^\n<>＜＞﹤﹥]{{0,80}}?{_BAR}{_RIGHT}       # <|im_start|>, <｜User｜>
    | {_LEFT}[/!]?{_BAR}[\w▁:.\-]*{_RIGHT}?  | {_BAR}{_RIGHT}     # <|channel>, and parts of the form above
    | {_LEFT}{{2}}/?[^\s<>]{{1,40}}{_RIGHT}{{2}}                  # <<SYS>>
    | {_RIGHT}{{2}}[A-Z_]{{2,40}}{_LEFT}{{2}}                     # >>QUESTION<<
    | {_LEFT}[/!]?\w[\w▁:.\-@|｜]{{0,60}}/?{_RIGHT}               # <bos>, </s>, <start_of_turn>, <extra_id_0>
    | {_OPEN}/[A-Za-z_]{{1,40}}{_CLOSE}                           # [/INST]
    | {_OPEN}(?:INST|THINK|SYSTEM_PROMPT|[A-Za-z]+_\w+){_CLOSE}   # [INST], [AVAILABLE_TOOLS], [control_8]
    | {_OPEN}{_BAR}[^\[\]\n]{{0,60}}{_CLOSE}                      # [|endofturn|]
    | {_OPEN}@[^\[\]\n]{{1,40}}@{_CLOSE}                          # [@BOS@]
    | [\[\]][!a-z]{{0,3}}~[!a-z]{{0,3}}[\[\]]                     # ]~b]
    | {_BAR}{{3}}\w+{_BAR}{{3}}                                   # |||IP_ADDRESS|||
    | ◁[^◁▷\n]{{0,40}}▷                                           # ◁think▷
    | {_OPEN}(?P<word>\w[\w\-]{{0,40}}){_CLOSE}                   # [CLS], but [ASMR] too, whose word is kept
    """,
    regex.X,
)


def remove_chat_markup(text: str, replacement: str = " ") -> str:
    """Replace special tokens of chat models.

    Forms that people also write, a word in square brackets, lose their brackets only.

    Args:
        text: the text.
        replacement: the text in place of a token; not empty, or the text around it could form another token.
    """
    before = None
    while text != before:  # the tokens inside others, as in `<|im_<|x|>start|>`
        before = text
        text = _MARKUP.sub(lambda match: f"{replacement}{match['word'] or ''}{replacement}", text)
    return text
