"""Suggestions of column names: which columns of a file probably are the missing columns of a dataset."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping

from transforms.datasets.column_options import join_columns

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

_PLAIN_NAME = re.compile(r"\w|\w[\w .:/()$#@&+%-]*[\w)%]")

SEPARATOR_EXAMPLE = "|"
READ_BY_SEPARATOR = f"a text such as 'A{SEPARATOR_EXAMPLE}B' is read by --tag_separator='{SEPARATOR_EXAMPLE}'"
"""The hint that a column of text can become a list of tags."""

PLACEHOLDER = "NAME"
"""Stands for a name that is not known."""


def suggest_columns(
    missing: Iterable[str],
    found: Collection[str],
    optional: Iterable[str] = (),
    is_readable: Callable[[str, str], bool] = lambda column, name: True,
) -> dict[str, str]:
    """Return missing column -> the column of a file that it probably is; `PLACEHOLDER` for a required one without any.

    Args:
        missing: names of required columns of a dataset.
        found: names of the columns of a file.
        optional: names of optional columns, which need a usual name.
        is_readable: whether a column of the dataset can be read from a column of the file.
    """
    names = [name for name in found if name not in _USUAL_NAMES and not _is_part_of_date(name, found)]
    free = {_plain(name): name for name in reversed(names)}
    suggested = {}
    for column in missing:
        fitting = [plain for plain, name in free.items() if is_readable(column, name)]
        match = next((name for name in _candidates(column) if name in fitting), None)
        if match is None:
            close = difflib.get_close_matches(_plain(column), fitting, 1, 0.75)
            match = close[0] if close else None
        suggested[column] = free.pop(match) if match is not None else PLACEHOLDER
    for column in optional:
        match = next((name for name in _candidates(column) if name in free and is_readable(column, free[name])), None)
        if match is not None:
            suggested[column] = free.pop(match)
    return suggested


def _is_part_of_date(name: str, found: Iterable[str]) -> bool:
    """Return whether a column is the day of a date whose month or year is another column, as partitions have them."""
    return _plain(name) == "day" and bool({"month", "year"} & {_plain(other) for other in found})


def columns_option(option: str, renamed: Mapping[str, str], suggested: Mapping[str, str]) -> str:
    """Return the option to type in a shell: the names given so far, with those that are suggested."""
    return shlex.quote(f"{option}={join_columns({**renamed, **suggested})}")


def shown_names(names: Iterable[str]) -> str:
    """Return names of columns as text: in quotes where they have commas, quotes, or invisible characters."""
    return ", ".join(name if _PLAIN_NAME.fullmatch(name) else repr(name) for name in names)


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
