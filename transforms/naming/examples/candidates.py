"""Collections as they stand in files -> candidates for examples, by checks of single collections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas import ITEMS
from transforms.columnar import concatenate, run_offsets
from transforms.content_hash import content_hash
from transforms.datasets.counts import Count, count
from transforms.naming.config import NamingConfig
from transforms.naming.examples.clean_names import clean_name, is_sentences
from transforms.naming.examples.config import ExampleConfig
from transforms.naming.text import normalize
from transforms.naming.validation import validate_name

CANDIDATES = pa.schema(
    [
        pa.field("example_id", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("normalized_name", pa.string(), nullable=False),
        pa.field("name", pa.string(), nullable=False),
        pa.field("titles", pa.list_(pa.string()), nullable=False),
        pa.field("item_ids", pa.list_(pa.string()), nullable=False),
    ]
)
"""Collections that may become examples. `normalized_name` is equal for names that differ only in case, punctuation or
plurals; `item_ids` are the items of the titles. A rejected collection is kept for its name, without titles."""

MAX_TITLES = 100
"""Distinct titles kept of a collection: the first."""

_BETWEEN_FIELDS = "\x1f"


class Rejected(NamedTuple):
    """Why a collection is no example, in one word, and its name, empty where it has none."""

    reason: str
    name: str


class Accepted(NamedTuple):
    """A collection with a name that is fit, and what stands under it."""

    name: str
    titles: list[str]
    item_ids: list[str]


class Item(NamedTuple):
    """An item, known by what is said of it."""

    item_id: str
    title: str
    description: str


def distinct_items(titles: Iterable[str | None], descriptions: Iterable[str | None]) -> list[Item]:
    """The items of a collection, the first of those whose titles differ in case alone.

    Args:
        titles: clean titles; empty ones are left out.
        descriptions: of the same items.
    """
    items: dict[str, Item] = {}
    for title, description in zip(titles, descriptions, strict=True):
        tidied = title or ""
        if tidied and tidied.casefold() not in items:
            text = f"{tidied}{_BETWEEN_FIELDS}{description or ''}"
            items[tidied.casefold()] = Item(content_hash(text, "item "), tidied, description or "")
            if len(items) == MAX_TITLES:
                break
    return list(items.values())


def assess(name: str, items: Sequence[Item], config: ExampleConfig, naming: NamingConfig) -> Accepted | Rejected:
    """Whether a collection can be an example, by its own content.

    Args:
        name: as it stands there.
        items: as `distinct_items` gives them.
        config: how many titles it must have.
        naming: how long a name may be.
    """
    tidied = clean_name(name)
    if tidied is None:
        return Rejected("heading", "")
    titles = [item.title for item in items]
    if len(titles) < config.min_titles:
        return Rejected("few_titles", tidied)
    if is_sentences(tidied):
        return Rejected("sentences", tidied)
    if rejection := validate_name(tidied, titles, naming).rejection:
        return Rejected(rejection, tidied)
    return Accepted(tidied, titles, [item.item_id for item in items])


def candidate(source: str, found: Accepted | Rejected) -> dict[str, Any]:
    """A row of `CANDIDATES`; its part is not known yet."""
    name, titles, item_ids = found if isinstance(found, Accepted) else Accepted(found.name, [], [])
    return {
        "example_id": content_hash(_BETWEEN_FIELDS.join((source, name, *titles)), "example "),
        "source": source,
        "split": "",
        "normalized_name": normalize(name) if name else "",
        "name": name,
        "titles": titles,
        "item_ids": item_ids,
    }


def item_rows(items: Iterable[Item]) -> pa.RecordBatch:
    """Rows of `items`."""
    rows = [{"item_id": item.item_id, "title": item.title, "description": item.description or None} for item in items]
    return pa.RecordBatch.from_pylist(rows, ITEMS.arrow)


def drop_duplicates(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `items` without those that come again; an id stands for what is said, so that these are the same."""
    rows = concatenate(batches, ITEMS.arrow)
    rows = rows.take(pc.sort_indices(rows["item_id"]))
    ends = run_offsets(rows["item_id"].dictionary_encode().indices.to_numpy())
    return rows.take(pa.array(ends[:-1]))


def counts_of_dropped(dropped: Counter[str]) -> list[Count]:
    """Counts of dropped collections, by reason."""
    return [count("collections_dropped", number, reason) for reason, number in sorted(dropped.items())]
