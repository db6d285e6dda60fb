"""Collections with numbered items, and collections built from a log whose items have tags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import COLLECTIONS, ITEMS
from transforms.columnar import concatenate, list_array, list_offsets, run_offsets
from transforms.journeys.catalogue import encode_sorted

_BETWEEN_FIELDS = "\x1f"
_BETWEEN_ITEMS = "\x1e"


class NumberedCollections(NamedTuple):
    """Collections over one catalogue.

    Attributes:
        items: distinct items, as rows of `items` sorted by `item_id`, which is the item's number in eight digits.
        sources: the source of each collection.
        offsets: int64, shape (collections + 1,).
        members: int32, shape (memberships,): numbers of the items of each collection, ascending, each once.
    """

    items: pa.RecordBatch
    sources: pa.StringArray
    offsets: npt.NDArray[np.int64]
    members: npt.NDArray[np.int32]

    def members_of(self, collection: int) -> npt.NDArray[np.int32]:
        """Return the items of one collection."""
        return self.members[self.offsets[collection] : self.offsets[collection + 1]]


def number_items(collections: Iterable[pa.RecordBatch]) -> NumberedCollections:
    """Number the distinct items of collections in the order of their texts.

    Two items are equal if title and description are. Items without either are left out. The result does not
    depend on the order of the rows.

    Args:
        collections: rows of `collections`; further columns are ignored.
    """
    names = COLLECTIONS.arrow.names
    rows = concatenate([batch.select(names).cast(COLLECTIONS.arrow) for batch in collections], COLLECTIONS.arrow)
    titles = _texts(rows["item_titles"])
    no_description = pa.array([""] * len(titles), pa.string())
    has = pc.take(pc.is_valid(rows["item_descriptions"]), pc.list_parent_indices(rows["item_titles"]))
    descriptions = pc.replace_with_mask(no_description, has, _texts(rows["item_descriptions"]))
    texts = pc.binary_join_element_wise(titles, descriptions, _BETWEEN_FIELDS)
    order = _stable_order(rows, texts)
    items = encode_sorted(texts)

    ranks = np.empty(rows.num_rows, np.int64)
    ranks[order] = np.arange(rows.num_rows)
    parents = ranks[pc.list_parent_indices(rows["item_titles"]).to_numpy()]
    has_text = pc.not_equal(texts, _BETWEEN_FIELDS).to_numpy(zero_copy_only=False)
    distinct = max(len(items.values), 1)
    pairs = np.unique(parents[has_text] * distinct + items.codes[has_text])
    sizes = np.bincount(pairs // distinct, minlength=rows.num_rows)
    return NumberedCollections(
        items=item_rows(items.values),
        sources=rows["source"].take(pa.array(order)),
        offsets=list_offsets(sizes),
        members=(pairs % distinct).astype(np.int32),
    )


def _texts(lists: pa.ListArray) -> pa.StringArray:
    return pc.fill_null(lists.flatten(), "")


def _stable_order(rows: pa.RecordBatch, texts: pa.StringArray) -> npt.NDArray[np.int64]:
    """Return the order of collections by source, name and items."""
    ends = list_offsets(pc.list_value_length(rows["item_titles"]).to_numpy())
    joined = pc.binary_join(list_array(ends, texts), _BETWEEN_ITEMS)
    keys = pa.table({"source": rows["source"], "name": rows["name"], "items": joined})
    return pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in keys.column_names]).to_numpy()


def item_rows(texts: pa.StringArray, first: int = 0) -> pa.RecordBatch:
    """Build rows of `items` from texts of the form title, unit separator, description; numbers count from `first`."""
    fields = pc.split_pattern(texts, _BETWEEN_FIELDS, max_splits=1)
    descriptions = pc.list_element(fields, 1) if len(texts) else texts
    columns_by_name = {
        "item_id": item_ids(np.arange(first, first + len(texts))),
        "title": pc.list_element(fields, 0) if len(texts) else texts,
        "description": pc.if_else(pc.equal(descriptions, ""), pa.scalar(None, pa.string()), descriptions),
    }
    columns = [columns_by_name.get(column.name, pa.nulls(len(texts), column.type)) for column in ITEMS.columns]
    return pa.RecordBatch.from_arrays(columns, schema=ITEMS.arrow)


def item_ids(numbers: npt.NDArray[np.integer]) -> pa.StringArray:
    """Format item numbers as ids of eight digits, so that ids sort as numbers."""
    return pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 8, "0")


def item_texts(items: pa.RecordBatch) -> pa.StringArray:
    """Join title and description of each row of `items`; the inverse of `item_rows`."""
    return pc.binary_join_element_wise(items["title"], pc.fill_null(items["description"], ""), _BETWEEN_FIELDS)


def collections_of_tags(interactions: pa.Table, items: pa.Table) -> pa.RecordBatch:
    """Build rows of `collections`: the items that a user (the source) consumed under a first tag (the name).

    Args:
        interactions: rows with `user_id` and `item_id`.
        items: rows of `items` with `item_id`, `title`, `description` and `tags`. Items that have no tag, and
            interactions with missing items, are left out.

    Returns:
        Rows of `collections`, sorted by source, then name.
    """
    tagged = items.filter(pc.greater(pc.fill_null(pc.list_value_length(items["tags"]), 0), 0)).combine_chunks()
    items_found = pc.index_in(interactions["item_id"], tagged["item_id"].combine_chunks())
    has_item = pc.is_valid(items_found)
    consumed = items_found.filter(has_item).combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)
    tags = encode_sorted(pc.fill_null(pc.list_element(tagged["tags"], 0), "").combine_chunks())
    users = encode_sorted(interactions["user_id"].filter(has_item).combine_chunks())
    triples = np.unique(np.stack([users.codes, tags.codes[consumed], consumed]), axis=1)
    starts = run_offsets(triples[0] * max(len(tags.values), 1) + triples[1])
    texts = [
        pc.fill_null(tagged[name].combine_chunks().take(pa.array(triples[2])), "") for name in ("title", "description")
    ]
    return pa.RecordBatch.from_arrays(
        [
            users.values.take(pa.array(triples[0][starts[:-1]])),
            tags.values.take(pa.array(triples[1][starts[:-1]])),
            *(list_array(starts, column) for column in texts),
        ],
        schema=COLLECTIONS.arrow,
    )
