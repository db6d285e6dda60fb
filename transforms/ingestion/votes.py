"""Texts of items by vote: items of a log without a catalogue, and tags that users gave."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from schemas import ITEMS
from transforms.columnar import list_array, list_offsets

VOTES = pa.schema(
    [
        pa.field("item_id", pa.string()),
        pa.field("title", pa.string()),
        pa.field("description", pa.string()),
        pa.field("tags", pa.string()),
        pa.field("creator", pa.string()),
        pa.field("count", pa.int64()),
    ]
)
"""Votes for the texts of items: distinct combinations of texts, each with its number of rows. Tags are joined."""

_TEXTS = ("title", "description", "tags", "creator")
_SEPARATOR = "\x1f"


def count_votes(items: pa.RecordBatch, counts: pa.Int64Array | None = None) -> pa.RecordBatch:
    """Count the combinations of texts of items.

    Args:
        items: the columns of `items`, null where a row of the log has no text.
        counts: the number of rows of the log for each of them; None: one.

    Returns:
        A batch of `VOTES`.
    """
    columns = {name: items[name] for name in ("item_id", "title", "description", "creator")}
    counts = pa.array([1] * items.num_rows, pa.int64()) if counts is None else counts
    table = pa.table(columns | {"tags": pc.binary_join(items["tags"], _SEPARATOR), "count": counts})
    counted = table.group_by(["item_id", *_TEXTS], use_threads=False).aggregate([("count", "sum")])
    return _as_batch(counted.rename_columns({"count_sum": "count"}), VOTES)


def elect(votes: pa.RecordBatch) -> pa.RecordBatch:
    """Give each item the most frequent of its texts, column by column; ties are broken by the text itself.

    Args:
        votes: a batch of `VOTES`; all votes for an item are among them.

    Returns:
        A batch of `items`, sorted by item. A title for which there is no vote is empty, other texts are null.
    """
    ids = pc.unique(votes["item_id"]).sort()
    chosen = {name: _mode(votes, name, ids) for name in _TEXTS}
    split = pc.split_pattern(chosen["tags"], _SEPARATOR)
    columns = {
        "item_id": ids,
        "title": pc.fill_null(chosen["title"], ""),
        "description": chosen["description"],
        "tags": split,
        "creator": chosen["creator"],
        "queries": pa.nulls(len(ids), ITEMS.column("queries").type),
    }
    return pa.RecordBatch.from_arrays([columns[column.name] for column in ITEMS.columns], schema=ITEMS.arrow)


def _mode(votes: pa.RecordBatch, name: str, ids: pa.StringArray) -> pa.StringArray:
    """Return the text of each item with the most votes; null where there are none."""
    table = pa.table({"item_id": votes["item_id"], "text": votes[name], "count": votes["count"]})
    table = table.filter(pc.and_(table["text"].is_valid(), pc.not_equal(pc.fill_null(table["text"], ""), "")))
    summed = table.group_by(["item_id", "text"], use_threads=False).aggregate([("count", "sum")])
    order = [("item_id", "ascending"), ("count_sum", "descending"), ("text", "ascending")]
    ordered = summed.sort_by(order)
    firsts = ordered.group_by("item_id", use_threads=False).aggregate([("text", "first")])
    firsts = firsts.combine_chunks()
    places = pc.index_in(ids, firsts["item_id"].combine_chunks())
    return firsts["text_first"].combine_chunks().take(places)


def _as_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    columns = [table[name].combine_chunks() for name in schema.names]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


TAG_COUNTS = pa.schema([("item_id", pa.string()), ("tag", pa.string()), ("count", pa.int64())])
"""Numbers of users who gave a tag to an item."""


def count_tags(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Count the rows of each item and tag; tags that differ only in case are one, in lower case.

    Args:
        rows: the columns `item_id` and `tag`.

    Returns:
        A batch of `TAG_COUNTS`, without empty tags.
    """
    table = pa.table({"item_id": rows["item_id"], "tag": pc.utf8_lower(rows["tag"])})
    table = table.filter(pc.not_equal(table["tag"], ""))
    counted = table.group_by(["item_id", "tag"], use_threads=False).aggregate([([], "count_all")])
    return _as_batch(counted.rename_columns({"count_all": "count"}), TAG_COUNTS)


def add_tags(items: pa.RecordBatch, counts: pa.RecordBatch, max_tags: int) -> pa.RecordBatch:
    """Add to the tags of items those that users gave: the most frequent, ties by text.

    Args:
        items: rows of `items`, each item once.
        counts: rows of `TAG_COUNTS`; all of these items are among them.
        max_tags: maximum number of tags added to an item.
    """
    own = pa.table({"item": pc.list_parent_indices(items["tags"]), "tag": items["tags"].flatten()})
    own = own.append_column("rank", pa.array(range(own.num_rows), pa.int64()))
    own_lower = pc.binary_join_element_wise(own["item"].cast(pa.string()), pc.utf8_lower(own["tag"]), _SEPARATOR)
    table = pa.table(counts).group_by(["item_id", "tag"], use_threads=False).aggregate([("count", "sum")])
    table = table.append_column("item", pc.index_in(table["item_id"], items["item_id"]).cast(pa.int64()))
    table = table.filter(table["item"].is_valid())
    lower = pc.binary_join_element_wise(table["item"].cast(pa.string()), table["tag"], _SEPARATOR)
    table = table.filter(pc.invert(pc.is_in(lower, own_lower)))
    table = table.sort_by([("item", "ascending"), ("count_sum", "descending"), ("tag", "ascending")])
    table = _first_of_each(table, max_tags)
    rank = pa.array(range(own.num_rows, own.num_rows + table.num_rows), pa.int64())
    added = pa.table({"item": table["item"], "tag": table["tag"], "rank": rank})
    own = own.set_column(0, "item", own["item"].cast(pa.int64()))
    merged = pa.concat_tables([own, added]).sort_by([("item", "ascending"), ("rank", "ascending")])
    return _with_tags(items, merged)


def _first_of_each(table: pa.Table, number: int) -> pa.Table:
    """Keep the first rows of each item of a table that is sorted by item."""
    items = table["item"].to_numpy()
    position = pa.array(range(table.num_rows), pa.int64()).to_numpy()
    starts = items.searchsorted(items, side="left")
    return table.filter(pa.array(position - starts < number))


def _with_tags(items: pa.RecordBatch, merged: pa.Table) -> pa.RecordBatch:
    """Replace the tags of items; an item whose tags were null and that gets none keeps null."""
    counts = pa.array(merged["item"].to_numpy().searchsorted(range(items.num_rows + 1), side="left")).to_numpy()
    values = merged["tag"].combine_chunks()
    lists = list_array(list_offsets(counts[1:] - counts[:-1]), values)
    was_null = items["tags"].is_null()
    is_empty = pc.equal(pc.list_value_length(lists), 0)
    lists = pc.if_else(pc.and_(was_null, is_empty), pa.scalar(None, lists.type), lists)
    index = items.schema.get_field_index("tags")
    columns = [lists if place == index else column for place, column in enumerate(items.columns)]
    return pa.RecordBatch.from_arrays(columns, schema=items.schema)
