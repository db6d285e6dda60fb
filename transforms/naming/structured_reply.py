"""Text of a name out of code blocks, tags, LaTeX and JSON of a reply."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import Any

import regex

from transforms.naming.text import fold_case

_LETTER = regex.compile(r"\p{L}")
_FENCE = regex.compile(r"```[ \t]*[\w+\-]*[ \t]*\n?(.*?)(?:```|\Z)", regex.S)
_TAGGED = regex.compile(
    r"<(?P<tag>name|interest|interest_name|journey|title|label|answer|output|response|result|final|final_answer|topic)>"
    r"(?P<text>.{0,400}?)(?:</(?P=tag)>|\Z)",
    regex.S | regex.I,
)
_BOXED = regex.compile(r"\\boxed\{\s*(?:\\text\{)?\s*([^{}\n]{1,200})\}")
_JSON_START = regex.compile(r"[{\[]\s*(?=[\"'{\[}\]]|\w+\s*:)|^\s*\"(?=[^\"\n]*\"\s*$)")
_KEYS = (  # of JSON objects, the most specific first
    ("interest_name", "journey_name", "interest", "name", "journey", "이름", "名前", "名称", "nombre", "nom", "nome"),
    ("title", "label", "answer", "final_answer", "final", "output", "result", "response", "reply", "completion"),
    ("topic", "theme", "category", "text", "content", "value", "summary", "description", "names", "interests", "data"),
)
_CLOSED_FIELD = regex.compile(rf"[\"'](?:{'|'.join(_KEYS[0])})[\"']\s*:\s*[\"']([^\"'\n]+)[\"']", regex.I)
_NAME_KEY = regex.compile(r"(?:^|_)(?:name|interest|title|label)(?:_|$)")
_CAMEL = regex.compile(r"(?<=[a-z])(?=[A-Z])")
_ARGUMENTS = ("arguments", "parameters", "args", "input")


def structured_text(text: str) -> str | None:
    """Return the text in a code block, a tag or JSON, or the whole text if it is plain; None: JSON without a name."""
    if tagged := list(_TAGGED.finditer(text)):
        return tagged[-1]["text"]
    if boxed := _BOXED.search(text):
        return str(boxed[1])
    fenced = _FENCE.search(text)
    if fenced and _LETTER.search(fenced[1]):
        text = fenced[1]
    start = _JSON_START.search(text)
    if start is None:
        return text
    value = _parse_json(text[start.start() :].strip())
    found = _named_text(value)
    if found is not None:
        return found
    if closed := _CLOSED_FIELD.search(text):
        return str(closed[1])
    is_json = not text[: start.start()].strip() or text[: start.start()].rstrip().endswith((":", "："))
    return None if is_json or value is not None else text


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
        return None


def _named_text(value: Any, depth: int = 0) -> str | None:
    """Return the text of a parsed value that is a name; None: none, or not certain which."""
    if isinstance(value, str):
        return value
    if depth > 4:
        return None
    if isinstance(value, Sequence) and value:
        return _named_text(value[0], depth + 1)
    if not isinstance(value, Mapping):
        return None
    by_key = {_snake_case(str(key)): each for key, each in value.items()}
    for key in _ARGUMENTS:
        if isinstance(by_key.get(key), Mapping):
            return _named_text(by_key[key], depth + 1)
    similar = [key for key in by_key if _NAME_KEY.search(key)]
    for key in [*_KEYS[0], *similar, *_KEYS[1], *_KEYS[2]]:
        if key in by_key and (found := _named_text(by_key[key], depth + 1)):
            return found
    only = [each for each in by_key.values() if isinstance(each, str | Mapping | list)]
    return _named_text(only[0], depth + 1) if len(only) == 1 and len(by_key) == 1 else None


def _snake_case(key: str) -> str:
    return regex.sub(r"[\s\-]+", "_", fold_case(_CAMEL.sub("_", key.strip())))


