"""Journeys of users as examples of naming (2305.15498, N3): the reference is a tag that people gave to their items."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import NAMING_EXAMPLES
from transforms.columnar import concatenate, list_array, list_offsets
from transforms.content_hash import content_hash
from transforms.evaluation.experiments.naming.predictions import TEST_SPLIT

Integers = npt.NDArray[np.int64]

MIN_FRACTION = 0.5
"""Minimum fraction of the items of a journey that have the tag by which it is named."""

MAX_CATALOGUE_FRACTION = 0.02
"""Maximum fraction of the items of the catalogue that have it: more frequent tags, such as a programming language, fit
many journeys."""

JOURNEYS_TO_NAME = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("journey_id", pa.string(), nullable=False),
        pa.field("item_ids", pa.list_(pa.string()), nullable=False),
        pa.field("terms", pa.list_(pa.string()), nullable=False),
        pa.field("weights", pa.list_(pa.float32()), nullable=False),
    ]
)
"""The columns of `journeys` that an example needs."""

TAGGED_ITEMS = pa.schema(
    [
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("title", pa.string()),
        pa.field("tags", pa.list_(pa.string())),
    ]
)
"""The columns of `items` that an example needs."""


class Members(NamedTuple):
    """Distinct items of journeys that are in the catalogue, by journey.

    Attributes:
        journeys: int64, shape (memberships,), ascending: the row of each journey.
        items: int64, shape (memberships,): the row of each item, by its last place in the journey.
    """

    journeys: Integers
    items: Integers


def select_columns(rows: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    """Return the columns of a schema alone, which bounds what one process holds."""
    return rows.select(schema.names).cast(schema)


def examples_of_journeys(journeys: Iterable[pa.RecordBatch], items: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Build rows of `naming_examples` of the test split, sorted by id, from journeys whose items share a tag.

    The name of a journey is the tag that at least half of its items and at most 2 % of all items have and that is the
    most frequent among its items compared with the catalogue; ties: the more frequent one, then by text. Hyphens and
    underscores become spaces.
    Journeys without such a tag are left out. A tag is no name that somebody gave to the journey: it is a proxy.

    Args:
        journeys: rows of `JOURNEYS_TO_NAME`, in any order.
        items: rows of `TAGGED_ITEMS` with distinct ids, in any order.

    Returns:
        The examples. Their source is the user; continuity and relevance are not computed and are 0.
    """
    rows = concatenate(journeys, JOURNEYS_TO_NAME)
    rows = rows.take(pc.sort_indices(rows, sort_keys=[("user_id", "ascending"), ("journey_id", "ascending")]))
    catalogue = concatenate(items, TAGGED_ITEMS)
    catalogue = catalogue.take(pc.sort_indices(catalogue["item_id"]))
    members = _members(rows, catalogue)
    names = shared_tags(members, catalogue["tags"], rows.num_rows)
    kept = pa.array([number for number, name in enumerate(names) if name], pa.int64())
    built = _build(rows.take(kept), [name for name in names if name], _titles(members, catalogue, rows.num_rows, kept))
    return built.take(pc.sort_indices(built["example_id"]))


def shared_tags(members: Members, tags: pa.ListArray, journeys: int) -> list[str]:
    """Return the tag by which each journey is named, as a name; empty where its items share none.

    Args:
        members: the items of journeys.
        tags: the tags of each item of the catalogue.
        journeys: number of journeys.
    """
    texts = pc.utf8_trim_whitespace(pc.fill_null(tags.flatten(), "")).dictionary_encode()
    labels, owners = texts.dictionary.to_pylist(), pc.list_parent_indices(tags).to_numpy().astype(np.int64)
    pairs = np.unique(owners * max(len(labels), 1) + texts.indices.to_numpy())
    owners, codes = np.divmod(pairs, max(len(labels), 1))
    per_tag = np.bincount(codes, minlength=len(labels))
    by_item = list_offsets(np.bincount(owners, minlength=len(tags)))
    sizes = np.bincount(members.journeys, minlength=journeys)
    limit = max(MAX_CATALOGUE_FRACTION * len(tags), 1)
    names = [""] * journeys
    bounds = list_offsets(sizes)
    for journey in np.flatnonzero(sizes).tolist():
        own = members.items[bounds[journey] : bounds[journey + 1]]
        found = np.concatenate([codes[by_item[item] : by_item[item + 1]] for item in own])
        distinct, counts = np.unique(found, return_counts=True)
        usable = [
            (count / per_tag[code], count, labels[code])
            for code, count in zip(distinct.tolist(), counts.tolist(), strict=True)
            if count >= MIN_FRACTION * len(own) and labels[code] and per_tag[code] <= limit
        ]
        if usable:
            names[journey] = min(usable, key=lambda each: (-each[0], -each[1], each[2]))[2]
    return [" ".join(name.replace("-", " ").replace("_", " ").split()) for name in names]


def _members(journeys: pa.RecordBatch, catalogue: pa.RecordBatch) -> Members:
    ids = journeys["item_ids"]
    owners = pc.list_parent_indices(ids).to_numpy().astype(np.int64)
    items = pc.index_in(ids.flatten(), catalogue["item_id"])
    is_known = items.is_valid().to_numpy(zero_copy_only=False)
    owners, codes = owners[is_known], items.drop_null().to_numpy().astype(np.int64)
    _, last = np.unique((owners * max(catalogue.num_rows, 1) + codes)[::-1], return_index=True)
    places = np.sort(len(codes) - 1 - last)
    return Members(owners[places], codes[places])


def _titles(members: Members, catalogue: pa.RecordBatch, journeys: int, kept: pa.Array) -> pa.ListArray:
    sizes = np.bincount(members.journeys, minlength=journeys)
    texts = pc.fill_null(catalogue["title"].take(pa.array(members.items)), "")
    return list_array(list_offsets(sizes), texts).take(kept)


def _build(rows: pa.RecordBatch, names: list[str], titles: pa.ListArray) -> pa.RecordBatch:
    owners = zip(rows["user_id"].to_pylist(), rows["journey_id"].to_pylist(), strict=True)
    zeros = pa.array(np.zeros(rows.num_rows))
    columns = {
        "example_id": pa.array([content_hash(journey, user) for user, journey in owners], pa.string()),
        "source": rows["user_id"],
        "split": pa.array([TEST_SPLIT] * rows.num_rows, pa.string()),
        "name": pa.array(names, pa.string()),
        "titles": titles,
        "terms": rows["terms"],
        "weights": rows["weights"],
        "continuity": zeros,
        "relevance": zeros,
    }
    arrays = [columns[field.name].cast(field.type) for field in NAMING_EXAMPLES.arrow]
    return pa.RecordBatch.from_arrays(arrays, schema=NAMING_EXAMPLES.arrow)
