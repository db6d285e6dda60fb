"""MovieLens: `ml-latest`, `ml-latest-small`, `ml-20m`, `ml-25m`, `ml-32m` (CSV), `ml-1m`, `ml-10m` (`::`), `ml-100k`.

The README of each version describes its files. Ratings are the interactions, genres are tags, to which tags of users
are added. The texts of `ml-1m` and `ml-100k` are in Latin-1, those of all other versions in UTF-8.
"""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from transforms.ingestion.layout import Delimited, FileLayout, Layout, Prepared

_NO_GENRES = "(no genres listed)"
_SEPARATOR = "|"
GENRES = (
    "unknown",
    "Action",
    "Adventure",
    "Animation",
    "Children's",
    "Comedy",
    "Crime",
    "Documentary",
    "Drama",
    "Fantasy",
    "Film-Noir",
    "Horror",
    "Musical",
    "Mystery",
    "Romance",
    "Sci-Fi",
    "Thriller",
    "War",
    "Western",
)
"""The flags at the end of a row of `u.item`, in order."""

_RATING = ("user_id", "item_id", "value", "timestamp")
_TAGGING = ("user_id", "item_id", "tag", "timestamp")


def without_placeholder(rows: pa.RecordBatch) -> Prepared:
    """Replace the text that stands for a film without genres by null."""
    index = rows.schema.get_field_index("genres")
    genres = rows.column(index)
    is_placeholder = pc.fill_null(pc.equal(genres, _NO_GENRES), fill_value=False)
    return Prepared.all_of(rows.set_column(index, "genres", pc.if_else(is_placeholder, None, genres)))


def join_flags(rows: pa.RecordBatch) -> Prepared:
    """Convert the flags of genres to a text with the names of those that are 1; `unknown` is no genre."""
    names = [pc.if_else(pc.equal(rows[genre], "1"), genre, None) for genre in GENRES[1:]]
    joined = pc.binary_join_element_wise(*names, _SEPARATOR, null_handling="replace")
    return Prepared.all_of(rows.select(["item_id", "title"]).append_column("genres", joined))


def _csv(name: str, role: str, columns: dict[str, str], **settings: Any) -> FileLayout:
    return FileLayout(role, rf"{name}\.csv", Delimited(), columns, variant="ml-latest", **settings)


def _dat(name: str, role: str, names: tuple[str, ...], columns: dict[str, str], **settings: Any) -> FileLayout:
    return FileLayout(
        role,
        rf"{name}\.dat",
        Delimited("::", is_quoted=False, names=names),
        columns,
        variant="ml-1m",
        fallback_encoding="latin-1",
        **settings,
    )


_RATING_COLUMNS = {name: name for name in _RATING}
_TAG_COLUMNS = {"item_id": "item_id", "tag": "tag"}

MOVIELENS = Layout(
    title="MovieLens",
    files=(
        _csv(
            "ratings",
            "interactions",
            {"user_id": "userId", "item_id": "movieId", "value": "rating", "timestamp": "timestamp"},
            event="rating",
            unit="s",
        ),
        _csv(
            "movies",
            "items",
            {"item_id": "movieId", "title": "title", "tags": "genres"},
            tag_separator=_SEPARATOR,
            prepare=without_placeholder,
        ),
        _csv("tags", "item_tags", {"item_id": "movieId", "tag": "tag"}),
        _dat("ratings", "interactions", _RATING, _RATING_COLUMNS, event="rating", unit="s"),
        _dat(
            "movies",
            "items",
            ("item_id", "title", "genres"),
            {"item_id": "item_id", "title": "title", "tags": "genres"},
            tag_separator=_SEPARATOR,
            prepare=without_placeholder,
        ),
        _dat("tags", "item_tags", _TAGGING, _TAG_COLUMNS),
        FileLayout(
            "interactions",
            r"u\.data",
            Delimited("\t", is_quoted=False, names=_RATING),
            _RATING_COLUMNS,
            variant="ml-100k",
            event="rating",
            unit="s",
        ),
        FileLayout(
            "items",
            r"u\.item",
            Delimited(
                _SEPARATOR,
                is_quoted=False,
                names=("item_id", "title", "release_date", "video_release_date", "url", *GENRES),
            ),
            {"item_id": "item_id", "title": "title", "tags": "genres"},
            read=("item_id", "title", *GENRES[1:]),
            variant="ml-100k",
            tag_separator=_SEPARATOR,
            fallback_encoding="latin-1",
            prepare=join_flags,
        ),
    ),
)
