"""Suggestions of column names: which columns of a file probably are the missing columns of a dataset."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from transforms.datasets.column_options import join_columns
from transforms.datasets.column_words import word_rank, words_of

_USUAL_NAMES = {
    "user_id": "user visitor customer client member account reviewer viewer listener reader person uid userid author",
    "item_id": "item product content article video movie track song book asin parentasin sku listing document news iid "
    "itemid productid contentid movieid videoid trackid songid bookid business page app game repository repo",
    "timestamp": "time ts date datetime eventtime eventtimestamp createdat created unixtime unixreviewtime occurredat "
    "when day eventdate timestampms servertime clienttime",
    "title": "name productname headline itemname displayname label movietitle tracktitle producttitle",
    "event": "eventtype type action behavior behaviortype interactiontype eventname",
    "value": "rating score stars overall quantity price weight",
    "dwell_seconds": "dwell dwelltime duration watchtime playtime timespent secondsplayed",
    "description": "desc text abstract summary body overview plot about",
    "tags": "categories category genres genre keywords topics labels",
    "creator": "author artist brand channel vendor seller publisher maker store",
    "queries": "query searchqueries searchterms",
    "embedding": "vector embeddings emb features",
    "name": "title collectionname playlist label",
    "source": "owner domain",
}
"""Names that logs and catalogues give to a column, lowercase without punctuation, the usual ones first."""

_WORDS = {column: names.split() for column, names in _USUAL_NAMES.items()}
_WHOLE_NAMES = {"user_id": ("login", "screenname", "nickname", "nick")}
"""Usual names whose words say nothing inside another name: `last_login` is a time."""
_DATASET_COLUMNS = _USUAL_NAMES.keys() - {"name", "source"}
"""Columns of the log and the catalogue, which have their names already."""
FIRST_RANK_OF_WORDS = 1000
"""The ranks of names that only consist of words that are usual begin here."""

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
    required, optional = tuple(missing), tuple(optional)
    names = [name for name in found if name not in _DATASET_COLUMNS and not _is_part_of_date(name, found)]
    free = list({_plain(name): name for name in reversed(names)}.values())[::-1]
    suggested: dict[str, str] = {}

    def take(columns: Iterable[str], choose: Callable[[str, list[str]], str | None]) -> None:
        for column in columns:
            name = None
            if column not in suggested:
                name = choose(column, [name for name in free if is_readable(column, name)])
            if name is not None:
                suggested[column] = name
                free.remove(name)

    take((*required, *optional), _usual_name)
    take(required, _closest)
    if sum(column.endswith("_id") for column in required if column not in suggested) == 1:
        take(required, _only_id)
    return {column: suggested.get(column, PLACEHOLDER) for column in required} | suggested


def suggest_optional_columns(
    found: Collection[str], optional: Iterable[str], is_readable: Callable[[str, str], bool]
) -> dict[str, str]:
    """Return optional column -> the column of a file that has one of its usual names.

    Args:
        found: names of the columns of a file that are not read.
        optional: names of optional columns that the file lacks.
        is_readable: whether a column of the dataset can be read from a column of the file.
    """
    suggested = suggest_columns((), found, optional, is_readable)
    return {column: name for column, name in suggested.items() if (name_rank(column, name) or 0) < FIRST_RANK_OF_WORDS}


def _usual_name(column: str, names: Sequence[str]) -> str | None:
    """Return the first of the names that are the most usual ones for a column; None: none is usual."""
    ranks = {name: rank for name in names if (rank := name_rank(column, name)) is not None}
    return min(ranks, key=lambda name: ranks[name]) if ranks else None


def _closest(column: str, names: Sequence[str]) -> str | None:
    plain = {_plain(name): name for name in reversed(names)}
    close = difflib.get_close_matches(_plain(column), plain, 1, 0.75)
    return plain[close[0]] if close else None


def _only_id(column: str, names: Sequence[str]) -> str | None:
    """Return the only name that ends as an id; None: there is none, or there are several."""
    ids = [name for name in names if words_of(name)[-1:] == ["id"]]
    return ids[0] if column.endswith("_id") and len(ids) == 1 else None


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
    if _plain(name) in usual:
        return usual.index(_plain(name))
    rank = word_rank(column, name, _WORDS)
    return None if rank is None else FIRST_RANK_OF_WORDS + rank


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _candidates(column: str) -> Iterable[str]:
    yield _plain(column)
    for name in _USUAL_NAMES.get(column, "").split():
        yield from (f"{name}id", name) if column.endswith("_id") else (name,)
    yield from _WHOLE_NAMES.get(column, ())
