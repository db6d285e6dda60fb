"""The texts and collections for fitting, and the collections that are held out for evaluation."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.encoders.text import item_text

HELD_OUT_FRACTION = 0.2
_MAX_COLLECTIONS_OF_LIST = 100
_MIN_ITEMS = 4


class TrainingCollections(NamedTuple):
    """Collections as texts.

    Attributes:
        texts: the distinct texts.
        members: for each collection the indices of its distinct texts, ascending, at least `_MIN_ITEMS`.
    """

    texts: list[str]
    members: list[npt.NDArray[np.int64]]


def is_held_out(collections: pa.Table) -> npt.NDArray[np.bool_]:
    """Return which collections are held out: those of a hashed fraction of the lists of all sources.

    All collections of a list are on the same side. A list of more than `_MAX_COLLECTIONS_OF_LIST` collections, such as
    a library, is divided by the names of its collections.

    Args:
        collections: rows of `collections` with the further column `list_title`.
    """
    lists = list(zip(collections["source"].to_pylist(), collections["list_title"].to_pylist(), strict=True))
    sizes = Counter(lists)
    names = collections["name"].to_pylist()
    keys = [
        "\n".join(each if sizes[each] <= _MAX_COLLECTIONS_OF_LIST else (*each, name))
        for each, name in zip(lists, names, strict=True)
    ]
    return np.array([_fraction(key) < HELD_OUT_FRACTION for key in keys], bool)


def _fraction(key: str) -> float:
    """Hash a key to [0, 1)."""
    return float(int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little") / 2**64)


def training_texts(items: Iterable[pa.Table], collections: pa.Table) -> list[str]:
    """Return the distinct texts of items and of collections that are not held out, ordered by their hashes.

    Items with a title of a held-out collection, and items whose `creator` is a held-out list, are left out.

    Args:
        items: rows with `title` and, optionally, `description` and `creator`.
        collections: rows of `collections` with the further column `list_title`.
    """
    held_out = is_held_out(collections)
    kept, held = collections.filter(pa.array(~held_out)), collections.filter(pa.array(held_out))
    titles = {title.strip().lower() for title in held["item_titles"].combine_chunks().flatten().to_pylist()}
    lists = set(held["list_title"].to_pylist()) - set(kept["list_title"].to_pylist())
    found = {text for text, title in _collection_texts(kept) if title.strip().lower() not in titles}
    for table in items:
        texts, creators = _texts(table["title"], _column(table, "description")), _column(table, "creator").to_pylist()
        rows = zip(texts, table["title"].to_pylist(), creators, strict=True)
        found.update(
            text
            for text, title, creator in rows
            if text and creator not in lists and (title or "").strip().lower() not in titles
        )
    return sorted(found, key=lambda text: hashlib.sha256(text.encode()).digest())


def training_collections(collections: pa.Table) -> TrainingCollections:
    """Return the collections that are not held out, as texts; small ones are left out."""
    kept = collections.filter(pa.array(~is_held_out(collections)))
    index: dict[str, int] = {}
    texts = [text for text, _ in _collection_texts(kept)]
    codes = np.array([index.setdefault(text, len(index)) for text in texts], np.int64)
    ends = np.cumsum(pc.list_value_length(kept["item_titles"].combine_chunks()).to_numpy())
    members = [np.unique(each) for each in np.split(codes, ends[:-1])]
    return TrainingCollections(list(index), [each for each in members if len(each) >= _MIN_ITEMS])


def _collection_texts(collections: pa.Table) -> Sequence[tuple[str, str]]:
    """Return the text and the title of each item, one collection after another."""
    titles, descriptions = (
        collections[f"item_{name}"].combine_chunks().flatten() for name in ("titles", "descriptions")
    )
    return list(zip(_texts(titles, descriptions), titles.to_pylist(), strict=True))


def _texts(titles: pa.Array | pa.ChunkedArray, descriptions: pa.Array | pa.ChunkedArray) -> list[str]:
    columns = [each.combine_chunks() if isinstance(each, pa.ChunkedArray) else each for each in (titles, descriptions)]
    texts: list[str] = item_text(pa.RecordBatch.from_arrays(columns, names=["title", "description"])).to_pylist()
    return texts


def _column(table: pa.Table, name: str) -> pa.Array | pa.ChunkedArray:
    return table[name] if name in table.column_names else pa.nulls(table.num_rows, pa.string())
