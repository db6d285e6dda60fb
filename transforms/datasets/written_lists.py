"""Lists in texts: separated, as JSON, as Python writes them, or in brackets without quotes as Java and Postgres do."""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NAME_FIELDS = ("name", "title", "label", "value", "text")
"""The usual names of the field of a struct that names it, best first."""

_BRACKETED = r"^\s*[\[{]"
_QUOTED = re.compile(r"""\s*[\[{]\s*["'\[{]""")
_WITHOUT_COMMA = re.compile(r"""(["'])\s+\1""")
_CLOSING = {"[": "]", "{": "}"}
_MAX_CHARACTERS = 100_000
_USUAL_SEPARATORS = ("|", ";")
_MIN_FRACTION_OF_OTHER = 0.5


def lists_of_texts(text: pa.StringArray, separator: str) -> tuple[pa.ListArray, pa.BooleanArray]:
    """Return the entries of each text, and which texts are lists that could not be read; those are null.

    Blank entries are left out.

    Args:
        text: entries with a separator, or whole lists in brackets.
        separator: what separates entries.
    """
    places = np.flatnonzero(pc.fill_null(pc.match_substring_regex(text, _BRACKETED), fill_value=False))
    if not len(places):
        return _split(text, separator), pa.array(np.zeros(len(text), bool))
    coded = text.take(pa.array(places)).dictionary_encode()
    read = [_read_list(value, separator) for value in coded.dictionary.to_pylist()]
    found = pa.array(read, pa.list_(pa.string())).take(coded.indices)
    mask = np.zeros(len(text), bool)
    mask[places] = True
    lists = _split(pc.if_else(pa.array(mask), None, text), separator)
    order = np.arange(len(text))
    order[places] = len(text) + np.arange(len(places))
    lists = pa.concat_arrays([lists, found]).take(pa.array(order))
    return lists, pc.and_(lists.is_null(), text.is_valid())


def other_separator(text: pa.StringArray, separator: str) -> str:
    """Return the separator that texts probably have instead of a given one; empty: there is none.

    No text has the given one, and at least half have the other: a bar or a semicolon, which a single tag seldom has.

    Args:
        text: texts of a column.
        separator: the given separator.
    """
    plain = text.filter(pc.fill_null(pc.invert(pc.match_substring_regex(text, _BRACKETED)), fill_value=False))
    if not len(plain) or pc.any(pc.match_substring(plain, separator)).as_py():
        return ""
    found = (
        each for each in _USUAL_SEPARATORS if pc.mean(pc.match_substring(plain, each)).as_py() >= _MIN_FRACTION_OF_OTHER
    )
    return next(found, "")


def _split(text: pa.StringArray, separator: str) -> pa.ListArray:
    parts = pc.split_pattern(text, separator)
    entries = pc.utf8_trim_whitespace(parts.flatten())
    owners, present = pc.list_parent_indices(parts), pc.not_equal(entries, "")
    counts = np.bincount(owners.filter(present).to_numpy(), minlength=len(text)) if len(text) else np.zeros(0, int)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, entries.filter(present), mask=text.is_null())


def _read_list(text: str, separator: str) -> list[str] | None:
    """Return the entries of a text that begins with a bracket; None if it is a list that cannot be read."""
    text = text.strip()
    parsed = _parse(text)
    if parsed is not None:
        return _entries(parsed)
    inner = text[1:-1]
    is_enclosed = text.endswith(_CLOSING[text[0]]) and not set("[]{}") & set(inner)
    if _QUOTED.match(text) and not (is_enclosed and text[0] == "{"):
        return None
    parts = (inner if is_enclosed else text).split(separator)
    return [part for part in (part.strip().strip('"').strip() for part in parts) if part]


def _parse(text: str) -> object:
    """Return the list or mapping that a text is in JSON or Python; None if it is none."""
    if len(text) > _MAX_CHARACTERS:
        return None
    for parse in (json.loads, _parse_python):
        try:
            parsed = parse(text)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(parsed, list | Mapping):
            return parsed
    return None


def _parse_python(text: str) -> object:
    if _WITHOUT_COMMA.search(text):
        return None  # an array of NumPy, whose texts Python would join to one
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SyntaxWarning)  # a backslash before a letter is not our mistake
        return ast.literal_eval(text)


def _entries(parsed: object) -> list[str] | None:
    """Return the texts of a parsed list, of mappings their names; None if it has an element of another kind."""
    elements = parsed if isinstance(parsed, list) else [parsed] if parsed else []
    names = [_name(element) for element in elements if element is not None]
    entries = [name.strip() for name in names if name is not None]
    return [entry for entry in entries if entry] if len(entries) == len(names) else None


def _name(element: object) -> str | None:
    if isinstance(element, str):
        return element
    if isinstance(element, int) and not isinstance(element, bool):
        return str(element)
    if not isinstance(element, Mapping):
        return None
    texts = {key: value for key, value in element.items() if isinstance(value, str)}
    first = next((texts[field] for field in NAME_FIELDS if field in texts), None)
    return first if first is not None or len(texts) != 1 else next(iter(texts.values()))
