"""The column of a dataset that the words of a name speak for: what the name is about, and what it ends with.

`user_pseudo_id` is about a user and ends as an id, `prod_name` is about a product and ends as a name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_]+")
_ENDS_OF_COMPOUNDS = re.compile(r"(.{3,})(id|name|time|date|url|uri)")
"""Words that are written together with the word before them, as in `username`."""

_IDS = frozenset(
    {
        "id",
        "uid",
        "uuid",
        "guid",
        "key",
        "sku",
        "asin",
        "isbn",
        "uri",
        "url",
        "link",
        "handle",
        "slug",
        "code",
        "number",
        "no",
        "hash",
        "location",
    }
)
_IDS_OF_ITEMS = frozenset({"handle", "isbn", "link", "location", "slug", "uri", "url"})
"""Ids that need no word for what they identify."""
_NAMES = frozenset({"name", "title", "headline", "label"})
_TIMES = frozenset({"timestamp", "datetime", "time", "date", "ts", "at"})
_FORMATS = frozenset({"html", "utc", "gmt", "ms", "iso", "raw", "str"})
"""Words at the end of a name that say how values are written."""
_OTHER_TIMES = frozenset(
    {"birth", "duration", "dwell", "expiry", "play", "played", "release", "spent", "watch", "watched", "zone"}
)
_CONSUMED = frozenset({"played", "watched"})
"""Words that make a duration of `time`, but not of `at`: `time_played`, `played_at`."""
_CHANGES = frozenset({"changed", "deleted", "edited", "last", "modified", "update", "updated"})
"""Words of times after that of the event."""
_PICTURES = frozenset({"avatar", "cover", "icon", "image", "img", "logo", "photo", "picture", "poster", "thumbnail"})
_DERIVED = frozenset({"r", "er", "or", "s", "es", "ing", "ed"})
"""Ends of words that derive another word: `view` does not abbreviate `viewer`."""
_LONGEST_ABBREVIATION = 4
_SUBJECTS = ("user_id", "item_id", "creator", "tags", "event")
_WEIGHT = 100


def words_of(name: str) -> list[str]:
    """Return the words of the name of a column in lowercase, split at case, punctuation and digits."""
    found: list[str] = []
    for word in _WORD.findall(name):
        compound = _ENDS_OF_COMPOUNDS.fullmatch(word.lower())
        found.extend(compound.groups() if compound else (word.lower(),))
    while len(found) > 1 and found[-1] in _FORMATS:
        found.pop()
    return found


def word_rank(column: str, name: str, usual: Mapping[str, Collection[str]]) -> int | None:
    """Return how well the words of a name fit a column of a dataset, smaller is better; None: they do not.

    Args:
        column: name of a column of a dataset.
        name: name of a column of a file.
        usual: dataset column -> the words that stand for it.
    """
    words = words_of(name)
    if not words:
        return None
    rank = _rank(column, words, _subjects(words, usual), usual)
    return None if rank is None else rank * _WEIGHT + len(words)


def _subjects(words: list[str], usual: Mapping[str, Collection[str]]) -> set[str]:
    """Return the columns of whose subject the last word is that has one; an abbreviation may have several."""
    found = ({each for each in _SUBJECTS if _stands_for(word, usual[each])} for word in reversed(words))
    return next((columns for columns in found if columns), set())


def _rank(column: str, words: list[str], about: set[str], usual: Mapping[str, Collection[str]]) -> int | None:
    head = words[-1]
    is_last = _stands_for(head, usual.get(column, ()))
    if column == "item_id":
        return _rank_of_item(words, about, is_last)
    if column == "title":
        return None if head not in _NAMES or (about and "item_id" not in about) else int(not about)
    if column == "timestamp":
        return _rank_of_time(words)
    if column == "event":
        is_event = any(_stands_for(word, usual[column]) for word in words[:-1])
        return 0 if is_event and head in _NAMES | {"type"} else None
    if column in ("value", "description"):
        return 0 if is_last else None
    if column not in about:
        return None
    if column == "user_id" and head in _IDS:
        return 0
    heads = _NAMES | {"code"} if column == "tags" else _NAMES
    return 1 if head in heads or (is_last and not _is_several(column, head)) else None


def _rank_of_item(words: list[str], about: set[str], is_last: bool) -> int | None:
    head, rest = words[-1], set(words[:-1])
    if "item_id" in about:
        return 0 if head in _IDS else 1 if is_last and not _is_several("item_id", head) else None
    if about or rest & _PICTURES:
        return None
    return 2 if head in _IDS_OF_ITEMS or (head in _IDS and rest & _NAMES) else None


def _is_several(column: str, head: str) -> bool:
    """Return whether a word in the plural stands where one id is expected."""
    return column in ("user_id", "item_id") and head.endswith("s")


def _rank_of_time(words: list[str]) -> int | None:
    others = _OTHER_TIMES - _CONSUMED if words[-1] == "at" else _OTHER_TIMES
    if others & set(words):
        return None
    if _CHANGES & set(words):
        return 2 if any(_stands_for(word, _TIMES) for word in words) else None
    if _stands_for(words[-1], _TIMES):
        return 0
    return 1 if _stands_for(words[0], _TIMES - {"at"}) else None


def _stands_for(word: str, usual: Collection[str]) -> bool:
    """Return whether a word is one of others, in the plural or the singular, or an abbreviation by its beginning."""
    forms = {word, f"{word}s", word.removesuffix("s")}
    return any(each in forms or _abbreviates(word, each) for each in usual)


def _abbreviates(word: str, whole: str) -> bool:
    rest = whole.removeprefix(word)
    is_short = 3 <= len(word) <= _LONGEST_ABBREVIATION and word not in _IDS | _NAMES | _TIMES
    return is_short and rest not in {whole, "", *_DERIVED}
