"""Suggestions of column names: which columns of a file probably are the missing columns of a dataset."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

_USUAL_NAMES = {
    "user_id": "user visitor customer client member account reviewer viewer listener reader person uid userid author",
    "item_id": "item product content article video movie track song book asin parentasin sku listing document news iid "
    "itemid productid contentid movieid videoid trackid songid bookid businessid gameid",
    "timestamp": "time ts date datetime eventtime eventtimestamp createdat created unixtime unixreviewtime occurredat "
    "when day eventdate timestampms servertime clienttime",
    "title": "name productname headline itemname displayname label movietitle tracktitle producttitle",
    "event": "eventtype type action behavior behaviortype interactiontype eventname",
    "value": "rating score stars quantity price weight",
    "dwell_seconds": "dwell dwelltime duration watchtime playtime timespent secondsplayed",
    "description": "desc text abstract summary body overview plot about",
    "tags": "categories category genres genre keywords topics labels",
    "creator": "author artist brand channel seller publisher maker store",
    "queries": "query searchqueries searchterms",
    "embedding": "vector embeddings emb features",
    "name": "title collectionname playlist label",
    "source": "owner domain",
}
"""Names that logs and catalogues give to a column, lowercase without punctuation, the usual ones first."""

PLACEHOLDER = "NAME"
"""Stands for a name that is not known."""


def suggest_columns(missing: Iterable[str], found: Iterable[str]) -> dict[str, str]:
    """Return missing column -> the column of a file that it probably is, or `PLACEHOLDER`.

    Args:
        missing: names of columns of a dataset.
        found: names of the columns of a file.
    """
    free = {_plain(name): name for name in reversed(list(found)) if name not in _USUAL_NAMES}
    suggested = {}
    for column in missing:
        match = next((name for name in _candidates(column) if name in free), None)
        if match is None:
            close = difflib.get_close_matches(_plain(column), list(free), 1, 0.75)
            match = close[0] if close else None
        suggested[column] = free.pop(match) if match is not None else PLACEHOLDER
    return suggested


def columns_option(option: str, renamed: Mapping[str, str], suggested: Mapping[str, str]) -> str:
    """Return the option to type: the names given so far, with those that are suggested."""
    names = {**renamed, **suggested}
    return f"{option}={','.join(f'{column}={name}' for column, name in names.items())}"


def name_rank(column: str, name: str) -> int | None:
    """Return how usual a name is for a column of a dataset, 0 for the most usual one; None: it is not usual.

    Args:
        column: name of a column of a dataset.
        name: name of a column of a file.
    """
    usual = [_plain(column), *_candidates(column)]
    return usual.index(_plain(name)) if _plain(name) in usual else None


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _candidates(column: str) -> Iterable[str]:
    yield _plain(column)
    for name in _USUAL_NAMES.get(column, "").split():
        yield from (f"{name}id", name) if column.endswith("_id") else (name,)
