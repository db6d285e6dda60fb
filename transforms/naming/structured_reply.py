"""Text of a name out of code blocks, tags, LaTeX and JSON of a reply."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any

import regex

from transforms.naming.reply_words import is_supported
from transforms.naming.text import fold_case, word_list

_MAX_DEPTH = 4
_LETTER = regex.compile(r"\p{L}")
_FENCE = regex.compile(r"```[ \t]*(?:(?P<format>[\w+\-]*)[ \t]*\n)?(?P<text>.*?)(?:```|\Z)", regex.S)
_OPENING = regex.compile(
    r"^\W*(?:(?P<format>json[cl]?|ya?ml|xml|toml|csv)\s*(?:[:{\[]|\Z)|(?P<format>python|markdown|javascript)\W*\Z)"
)
_COMMENT = regex.compile(r"<!--.*?(?:-->|\Z)", regex.S)
_STYLED = regex.compile(r"\\(?:text\w*|math\w+|emph)\{([^{}\n]{0,200})\}")
_FORMULA = regex.compile(r"^\s*(\$+)\s*([^$\n]+?)\s*\1\s*$")
_ONE_STRING = regex.compile(
    r"^\s*(?:\{\s*|(?:return|echo|puts|print|yield)\s+|(?:(?:const|let|var|val|final|auto|string)\s+)?\$?\w+\s*:?=\s*)"
    r"([\"'])(?P<text>[^\"'\n]+)\1\s*[};]*\s*$",
    regex.I,
)
_ATTRIBUTE = regex.compile(r"^\s*<\w+\s+\w+\s*=\s*([\"'])(?P<text>[^\"'<>\n]+)\1\s*/?>\s*(?:</\w+>)?\s*$")
_CODE_COMMENT = regex.compile(r"^\s*(?://+|/\*+)\s*(?P<text>[^\n/*]+?)\s*(?:\*+/)?\s*$")
_DOUBLED = regex.compile(r"^\s*(?:\{\{|<<|\[\[)\s*([^{}<>\[\]\"':\n]+?)\s*(?:\}\}|>>|\]\])\s*$")
_CALL = regex.compile(r"^\W*[\w.]+\(\s*(?:\w+\s*=\s*)?([\"'])(?P<text>[^\"'\n]+)\1\s*\)[\W]*$")
_TAGGED = regex.compile(
    r"<(?P<tag>name|interest|interest_name|journey|journey_name|title|label|answer|output|response|result|final"
    r"|final_answer|topic)(?:\s[^<>\n]{0,80})?>"
    r"(?P<text>.{0,400}?)(?:</(?P=tag)>|\Z)",
    regex.S | regex.I,
)
_BOXED = regex.compile(r"\\boxed\{\s*([^{}\n]{1,200})\}")
_JSON_START = regex.compile(r"[{\[]\s*(?=[\"“”'{\[}\]]|\w+\s*:)|^\s*\"(?=[^\"\n]*\"\s*$|\s*[{\[])")
_TYPOGRAPHIC = regex.compile(r"[“”„‟]")
_KEYS = (  # of JSON objects, the most specific first
    ("interest_name", "journey_name", "interest", "name", "journey", "이름", "名前", "名称", "nombre", "nom", "nome"),
    ("title", "label", "answer", "final_answer", "final", "output", "result", "response", "reply", "completion"),
    ("topic", "theme", "category", "text", "content", "value", "summary", "description", "names", "interests", "data"),
)
_REST_OF_JSON = regex.compile(
    r"^[^{]*(?:[\"”']\s*\}[\s}\]`]*$|[\"”]\s*,\s*[\"“]\w+[\"”]\s*:)|^[^{\[]*[\"”]\s*\][\s`]*$"
)
_BEGINNINGS = ('{"name": "', '{"name": ', '{"', "{", "{'name': '", '["', "[")
"""Beginnings of an object of JSON that a reply can continue."""
_CLOSED_FIELD = regex.compile(rf"[\"'{{,\s](?:{'|'.join(_KEYS[0])})[\"']?\s*:\s*[\"']([^\"'\n]+)[\"']", regex.I)
_NAME_KEY = regex.compile(r"(?:^|_)(?:name|interest|title|label)(?:_|$)")
_CAMEL = regex.compile(r"(?<=[a-z])(?=[A-Z])")
_ARGUMENTS = ("arguments", "parameters", "args", "input")


def structured_text(text: str, sources: Sequence[str] = ()) -> str | None:
    """Return the text in a code block, a tag or JSON, or the whole text if it is plain; None: JSON without a name.

    Args:
        text: the reply.
        sources: titles and terms; a name such as `json: schemas` is plain text if they have the word.
    """
    text = _without_styles(_COMMENT.sub(" ", text))
    if attribute := _ATTRIBUTE.match(text):
        return str(attribute["text"])
    if tagged := list(_TAGGED.finditer(text)):
        return tagged[-1]["text"]
    if boxed := _BOXED.search(text):
        return str(boxed[1])
    if doubled := _DOUBLED.match(text):
        return str(doubled[1])
    fenced = _FENCE.search(text)
    if fenced and _is_empty_block(fenced["format"] or "", fenced["text"]):
        return None
    if fenced and _LETTER.search(fenced["text"]):
        text = fenced["text"]
    for form in (_CALL, _ONE_STRING, _CODE_COMMENT):
        if found := form.match(text):
            return str(found["text"])
    return _text_of_json(text, sources)


def _without_styles(text: str) -> str:
    """Remove LaTeX commands around words, such as those of bold text, and the signs of a formula around a text."""
    for _ in range(_MAX_DEPTH):
        text = _STYLED.sub(r"\1", text)
    return _FORMULA.sub(r"\2", text)


def _is_empty_block(format_name: str, text: str) -> bool:
    """Whether a code block has no content, or begins as JSON without any of it."""
    words = text.strip()
    return (bool(format_name) and not _LETTER.search(text)) or words in word_list("code_words.txt")


def _text_of_json(text: str, sources: Sequence[str]) -> str | None:
    unescaped = text.replace('\\"', '"').strip()
    if _REST_OF_JSON.search(unescaped):
        return _text_of_rest(unescaped)
    start = _JSON_START.search(text)
    if start is None:
        opening = _OPENING.match(text)
        return None if opening and not is_supported(opening["format"], sources) else text
    value = _parse_json(text[start.start() :].strip())
    found = _named_text(value)
    if found is not None:
        return found
    if closed := _CLOSED_FIELD.search(text):
        return str(closed[1])
    before = text[: start.start()].strip()
    is_json = not before or before.endswith((":", "：")) or before in word_list("code_words.txt")
    return None if is_json or value is not None else text


def _text_of_rest(text: str) -> str | None:
    """Return the name in a reply that continues an object of JSON, such as `Tea pots", "reason": ""}`; None: none."""
    wholes = [beginning + _TYPOGRAPHIC.sub('"', text) for beginning in _BEGINNINGS]
    found = next(filter(None, (_named_text(_parse_json(whole)) for whole in wholes)), None)
    closed = _CLOSED_FIELD.search(wholes[0])
    return found or (str(closed[1]) if closed else None)


def _parse_json(text: str) -> Any:
    """Return the value at the beginning of a text, of JSON or Python; None: there is none."""
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        pass
    end = max(text.rfind("}"), text.rfind("]"))
    try:
        return ast.literal_eval(text[: end + 1])
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        plain = _TYPOGRAPHIC.sub('"', text)
        return _parse_json(plain) if plain != text else None


def _named_text(value: Any, depth: int = 0) -> str | None:
    """Return the text of a parsed value that is a name; None: none, or not certain which."""
    if depth > _MAX_DEPTH:
        return None
    if isinstance(value, str):
        inner = _parse_json(value.strip()) if value.lstrip()[:1] in ("{", "[") else None
        return value if inner is None else _named_text(inner, depth + 1)
    if isinstance(value, Sequence) and value:
        return _named_text(value[0], depth + 1)
    if not isinstance(value, Mapping):
        return None
    by_key = {_snake_case(str(key)): each for key, each in value.items()}
    for key in _ARGUMENTS:
        each = by_key.get(key)
        if isinstance(each, Mapping) or (isinstance(each, str) and each.lstrip().startswith("{")):
            return _named_text(each, depth + 1)
    similar = [key for key in by_key if _NAME_KEY.search(key)]
    for key in [*_KEYS[0], *similar, *_KEYS[1], *_KEYS[2]]:
        if key in by_key and (found := _named_text(by_key[key], depth + 1)):
            return found
    only = [each for each in by_key.values() if isinstance(each, str | Mapping | list)]
    return _named_text(only[0], depth + 1) if len(only) == 1 and len(by_key) == 1 else None


def _snake_case(key: str) -> str:
    return regex.sub(r"[\s\-]+", "_", fold_case(_CAMEL.sub("_", key.strip())))
