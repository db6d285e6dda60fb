"""Labels of items that people produced for other purposes.

They are tags, search queries that led to items, names of lists that contain items, and titles of items that are
consumed just before or after an item.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import COLLECTIONS, ITEMS
from transforms.columnar import concatenate, list_array, run_offsets
from transforms.function_words import FUNCTION_WORDS
from transforms.hashing import stable_hash
from transforms.salience.candidates import candidate_terms

LABELS = pa.schema(
    [pa.field("item_id", pa.string(), nullable=False), pa.field("terms", pa.list_(pa.string()), nullable=False)]
)
"""Per item: terms that fit it, sorted, each once."""

LABEL_FIELDS = ("tags", "queries")
"""The fields of an item that are labels, and are hidden from a model that is trained on them."""

_MIN_NEIGHBOURS = 2
_WINDOW = 3


def sample_mask(item_ids: pa.StringArray, fraction: float, purpose: str) -> npt.NDArray[np.bool_]:
    """Sample a fraction of the items by a stable hash of their ids; bool, shape (items,).

    Args:
        item_ids: shape (items,).
        fraction: fraction of all items, in [0, 1].
        purpose: name of the sample; samples with different names are independent.
    """
    salted = pc.binary_join_element_wise(item_ids, pa.scalar(purpose), "\x1f")
    return np.asarray(stable_hash(salted) >> np.uint64(11)) * 2.0**-53 < fraction


def mask_labels(items: pa.RecordBatch, hidden: npt.NDArray[np.bool_]) -> pa.RecordBatch:
    """Remove tags and queries from rows of `items` where `hidden`, bool, shape (items,)."""
    return _with_fields(items, {name: _nulled(items[name], hidden) for name in LABEL_FIELDS})


def _nulled(column: pa.Array, where: npt.NDArray[np.bool_]) -> pa.Array:
    return pc.if_else(pa.array(where), pa.scalar(None, column.type), column)


def _with_fields(items: pa.RecordBatch, fields: dict[str, pa.Array]) -> pa.RecordBatch:
    columns = [fields.get(name, items[name]) for name in ITEMS.arrow.names]
    return pa.RecordBatch.from_arrays(columns, schema=ITEMS.arrow)


def terms_of_fields(items: pa.RecordBatch, stop_words: frozenset[str] = FUNCTION_WORDS) -> pa.RecordBatch:
    """Extract the terms of the tags and queries of items.

    Args:
        items: rows of `items`.
        stop_words: words to ignore.

    Returns:
        Rows of `LABELS`, one for each item.
    """
    blank = {
        "title": pa.array([""] * items.num_rows, pa.string()),
        "description": pa.nulls(items.num_rows, pa.string()),
    }
    return _labels(candidate_terms(_with_fields(items, blank), stop_words))


def terms_of_texts(
    item_ids: pa.StringArray, texts: pa.StringArray, stop_words: frozenset[str] = FUNCTION_WORDS
) -> pa.RecordBatch:
    """Extract the terms of one text for each item, as rows of `LABELS`, one for each item."""
    columns = {"item_id": item_ids, "title": pc.fill_null(texts, "")}
    nothing = [columns.get(name, pa.nulls(len(texts), ITEMS.arrow.field(name).type)) for name in ITEMS.arrow.names]
    return _labels(candidate_terms(pa.RecordBatch.from_arrays(nothing, schema=ITEMS.arrow), stop_words))


def _labels(candidates: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([candidates["item_id"], candidates["terms"]], schema=LABELS)


def unite_labels(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Merge rows of `LABELS` of several sources: one row for each item, sorted by item, its terms sorted."""
    rows = concatenate(batches, LABELS)
    owners = rows["item_id"].take(pc.list_parent_indices(rows["terms"]))
    pairs = pa.table({"item_id": owners, "term": rows["terms"].flatten()})
    pairs = pairs.group_by(["item_id", "term"]).aggregate([]).sort_by([("item_id", "ascending"), ("term", "ascending")])
    ids = pairs["item_id"].combine_chunks()
    ends = run_offsets(ids.dictionary_encode().indices.to_numpy())
    terms = list_array(ends, pairs["term"].combine_chunks())
    return pa.RecordBatch.from_arrays([ids.take(pa.array(ends[:-1])), terms], schema=LABELS)


def co_consumed_terms(
    users: pa.StringArray, item_ids: pa.StringArray, times: pa.Array, titles: pa.RecordBatch
) -> pa.RecordBatch:
    """Find the terms that recur in the titles of items consumed just before or after an item.

    A term is a label of an item if it occurs in the titles of at least two different items that some user consumed at
    most three steps before or after it.

    Args:
        users: shape (interactions,).
        item_ids: shape (interactions,).
        times: shape (interactions,).
        titles: rows of `LABELS`: the terms of each item's title; interactions with other items are ignored.

    Returns:
        Rows of `LABELS`, one for each item that has such terms.
    """
    found = pc.index_in(item_ids, titles["item_id"])
    titled = found.is_valid()
    log = pa.table({"user": users.filter(titled), "time": times.filter(titled), "item": found.drop_null()})
    log = log.sort_by([(name, "ascending") for name in log.column_names])
    people = log["user"].combine_chunks().dictionary_encode().indices.to_numpy()
    items = log["item"].to_numpy().astype(np.int64)
    pairs = [side for step in range(1, _WINDOW + 1) for side in _neighbours(people, items, step, titles.num_rows)]
    neighbours = np.unique(np.concatenate(pairs)) if pairs else np.zeros(0, np.int64)
    return _recurring(neighbours // titles.num_rows, neighbours % titles.num_rows, titles)


def _neighbours(
    people: npt.NDArray[np.integer], items: npt.NDArray[np.int64], step: int, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return the pairs of different items that a user consumed `step` steps apart, in both directions.

    A pair is encoded as item * count + neighbour.
    """
    same = (people[step:] == people[:-step]) & (items[step:] != items[:-step])
    later, earlier = items[step:][same], items[:-step][same]
    return later * count + earlier, earlier * count + later


def _recurring(
    items: npt.NDArray[np.int64], neighbours: npt.NDArray[np.int64], titles: pa.RecordBatch
) -> pa.RecordBatch:
    """Find the terms that occur in the titles of at least `_MIN_NEIGHBOURS` neighbours of an item."""
    terms = titles["terms"].take(pa.array(neighbours))
    owners = titles["item_id"].take(pa.array(items[pc.list_parent_indices(terms).to_numpy()]))
    counted = (
        pa.table({"item_id": owners, "term": terms.flatten()})
        .group_by(["item_id", "term"])
        .aggregate([([], "count_all")])
    )
    often = counted.filter(pc.greater_equal(counted["count_all"], _MIN_NEIGHBOURS))
    ones = pa.array(np.arange(often.num_rows + 1, dtype=np.int32))
    lists = pa.ListArray.from_arrays(ones, often["term"].combine_chunks())
    return unite_labels([pa.RecordBatch.from_arrays([often["item_id"].combine_chunks(), lists], schema=LABELS)])


def items_of_collections(collections: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Collect the items of collections, with the names of their collections as tags.

    Items with equal titles and descriptions are the same.

    Args:
        collections: rows of `collections`, in any order; further columns are ignored.

    Returns:
        Rows of `items`, by title and description; their ids are numbers of eight digits.
    """
    names = COLLECTIONS.arrow.names
    rows = concatenate([batch.select(names).cast(COLLECTIONS.arrow) for batch in collections], COLLECTIONS.arrow)
    owners = pc.list_parent_indices(rows["item_titles"])
    titles = pc.fill_null(rows["item_titles"].flatten(), "")
    has = pc.take(pc.is_valid(rows["item_descriptions"]), owners)
    descriptions = pc.fill_null(rows["item_descriptions"].flatten(), "")
    blank = pa.array([""] * len(titles), pa.string())
    texts = pa.table(
        {
            "title": titles,
            "description": pc.replace_with_mask(blank, has, descriptions),
            "name": pc.fill_null(rows["name"], "").take(owners),
        }
    )
    by_name = [(name, "ascending") for name in texts.column_names]
    pairs = texts.group_by(texts.column_names).aggregate([]).sort_by(by_name).combine_chunks()
    tagged = pairs.group_by(["title", "description"], use_threads=False).aggregate([("name", "list")]).combine_chunks()
    columns_by_name = {
        "item_id": pc.utf8_lpad(pa.array(np.arange(tagged.num_rows)).cast(pa.string()), 8, "0"),
        "title": tagged["title"],
        "description": pc.if_else(
            pc.equal(tagged["description"], ""), pa.scalar(None, pa.string()), tagged["description"]
        ),
        "tags": tagged["name_list"].cast(pa.list_(pa.string())),
    }
    columns = [columns_by_name.get(field.name, pa.nulls(tagged.num_rows, field.type)) for field in ITEMS.arrow]
    return concatenate(pa.Table.from_arrays(columns, schema=ITEMS.arrow).to_batches(), ITEMS.arrow)
