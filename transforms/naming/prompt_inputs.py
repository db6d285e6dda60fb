"""Journeys and items -> the texts that each journey is named from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import concatenate, run_offsets
from transforms.datasets.counts import Count, count
from transforms.naming.config import NamingConfig

NAMING_INPUTS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("journey_id", pa.string(), nullable=False),
        pa.field("rank", pa.int32(), nullable=False),
        pa.field("titles", pa.list_(pa.string()), nullable=False),
        pa.field("terms", pa.list_(pa.string()), nullable=False),
        pa.field("weights", pa.list_(pa.float32()), nullable=False),
    ]
)
"""What a journey is named from: distinct titles by time, and its terms with their weights, as in `journeys`."""

JOURNEY_COLUMNS = pa.schema([field for field in NAMING_INPUTS if field.name != "titles"])
"""The same, before its titles are known."""

TITLE_REQUESTS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("journey_id", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
    ]
)
"""An item whose title may be told of a journey, and its place among them: 0 is the earliest."""

TITLES_BY_JOURNEY = pa.schema(
    [*(field for field in TITLE_REQUESTS if field.name != "item_id"), pa.field("title", pa.string(), False)]
)
"""The same, with the title for the item."""

TITLES = pa.schema([pa.field("item_id", pa.string(), nullable=False), pa.field("title", pa.string(), nullable=False)])
"""What of a catalogue is joined."""

_ITEMS_PER_TITLE = 2
"""So many items are looked up for each title that is told, as some have none or share one."""

# Blanks and control characters, marks that turn the direction of writing, and characters that are not seen at all:
# what a model reads must be what a person sees. Joiners stay, which Persian, Hindi and emoji need.
_UNSEEN = (
    r"[\s\pZ\p{Cc}\x{00AD}\x{034F}\x{061C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180E}\x{200B}\x{200E}\x{200F}"
    r"\x{202A}-\x{202E}\x{2060}-\x{206F}\x{3164}\x{FEFF}\x{FFA0}\x{FFF9}-\x{FFFC}\x{E0000}-\x{E0FFF}]+"
)


def subsample_evenly(lengths: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.bool_]:
    """Which entries of lists to keep, so that `most` of each are left: the last, and others at equal steps before it.

    Args:
        lengths: of the lists, shape (lists,).
        most: how many to keep of each, at least 1; of shorter lists all are kept.

    Returns:
        A mask over the entries of all lists one after another, shape (sum of lengths,).
    """
    owner_lengths = np.repeat(lengths, lengths)
    ends = np.repeat(np.cumsum(lengths), lengths)
    from_last = ends - 1 - np.arange(len(owner_lengths))
    # The k-th kept entry is floor(k * length / most) before the last; k is the only one that can give `from_last`.
    k = -(-from_last * most // np.maximum(owner_lengths, 1))
    kept = (k < most) & (k * owner_lengths // most == from_last)
    return np.asarray(kept | (owner_lengths <= most))


def title_requests(journeys: pa.RecordBatch, config: NamingConfig) -> pa.RecordBatch:
    """Rows of `TITLE_REQUESTS` for rows of `journeys`: distinct items, by last consumption, sampled over time."""
    lists = journeys["item_ids"]
    owners = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    codes = lists.flatten().dictionary_encode()
    pairs = owners * max(len(codes.dictionary), 1) + codes.indices.to_numpy()
    _, last = np.unique(pairs[::-1], return_index=True)
    distinct = np.sort(len(pairs) - 1 - last)
    lengths = np.bincount(owners[distinct], minlength=journeys.num_rows)
    kept = distinct[subsample_evenly(lengths, _ITEMS_PER_TITLE * config.max_items)]
    rows = pa.array(owners[kept])
    starts = run_offsets(owners[kept])
    positions = np.arange(len(kept)) - np.repeat(starts[:-1], np.diff(starts))
    ids = lists.flatten().take(pa.array(kept))
    columns = [journeys["user_id"].take(rows), journeys["journey_id"].take(rows)]
    return pa.RecordBatch.from_arrays([*columns, pa.array(positions.astype(np.int32)), ids], schema=TITLE_REQUESTS)


def select_titles(items: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `items` as `TITLES`, without those that have no title."""
    rows = items.filter(pc.is_valid(items["title"]))
    return pa.RecordBatch.from_arrays([rows[name] for name in TITLES.names], schema=TITLES)


class Titles(NamedTuple):
    """Titles of items that are fit to be told, as rows of `TITLES`, and how many were cut."""

    rows: pa.RecordBatch
    cut: int


def clean_titles(items: pa.RecordBatch, most_characters: int) -> Titles:
    """Titles on one line, without characters that are not seen, cut to `most_characters`; those without are left out.

    Args:
        items: rows of `TITLES`.
        most_characters: the last of them is an ellipsis where a title is cut.
    """
    titles = pc.utf8_trim_whitespace(pc.replace_substring_regex(items["title"], _UNSEEN, " "))
    long = pc.greater(pc.utf8_length(titles), most_characters)
    start = pc.utf8_rtrim_whitespace(pc.utf8_slice_codeunits(titles, 0, most_characters - 1))
    cut = pc.if_else(long, pc.binary_join_element_wise(start, pa.scalar("…"), ""), titles)
    rows = pa.RecordBatch.from_arrays([items["item_id"], cut], schema=TITLES)
    return Titles(rows.filter(pc.not_equal(cut, "")), pc.sum(long).as_py() or 0)


class Found(NamedTuple):
    """Rows of `TITLES_BY_JOURNEY`, and counts."""

    titled: pa.RecordBatch
    counts: list[Count]


def join_titles(wanted: Iterable[pa.RecordBatch], items: Iterable[pa.RecordBatch], most_characters: int) -> Found:
    """Joins rows of `TITLE_REQUESTS` with the items of their bucket, each of which is there once."""
    asked = concatenate(wanted, TITLE_REQUESTS)
    needed = (select_titles(rows.filter(pc.is_in(rows["item_id"], asked["item_id"]))) for rows in items)
    titles, cut = clean_titles(concatenate(needed, TITLES), most_characters)
    places = pc.index_in(asked["item_id"], titles["item_id"])
    known = asked.filter(places.is_valid())
    columns = [known[name] for name in TITLES_BY_JOURNEY.names[:-1]]
    titled = pa.RecordBatch.from_arrays([*columns, titles["title"].take(places.drop_null())], schema=TITLES_BY_JOURNEY)
    counts = [count("titles_cut", cut), count("items_without_title", asked.num_rows - titled.num_rows)]
    return Found(titled, counts)


def build_inputs(
    journeys: Iterable[pa.RecordBatch], titled: Iterable[pa.RecordBatch], config: NamingConfig
) -> pa.RecordBatch:
    """Rows of `NAMING_INPUTS`, sorted by user and rank, for all journeys of some users.

    Titles that differ in case alone count once, as the last of them is written, where it comes last.

    Args:
        journeys: rows of `JOURNEY_COLUMNS`.
        titled: rows of `TITLES_BY_JOURNEY` of the same journeys, in any order.
        config: how many titles are told.
    """
    rows = concatenate(journeys, JOURNEY_COLUMNS)
    order = [("user_id", "ascending"), ("rank", "ascending"), ("journey_id", "ascending")]
    rows = rows.take(pc.sort_indices(rows, sort_keys=order))
    found = concatenate(titled, TITLES_BY_JOURNEY)
    owners, texts = _sorted_titles(rows, found)
    lowered = pc.utf8_lower(texts).dictionary_encode()
    pairs = owners * max(len(lowered.dictionary), 1) + lowered.indices.to_numpy()
    _, last = np.unique(pairs[::-1], return_index=True)
    distinct = np.sort(len(pairs) - 1 - last)
    kept = distinct[subsample_evenly(np.bincount(owners[distinct], minlength=rows.num_rows), config.max_items)]
    ends = np.concatenate([[0], np.cumsum(np.bincount(owners[kept], minlength=rows.num_rows))])
    titles = pa.ListArray.from_arrays(pa.array(ends.astype(np.int32)), texts.take(pa.array(kept)))
    columns = {name: titles if name == "titles" else rows[name] for name in NAMING_INPUTS.names}
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=NAMING_INPUTS)


def _sorted_titles(rows: pa.RecordBatch, titled: pa.RecordBatch) -> tuple[npt.NDArray[np.int64], pa.StringArray]:
    """The row of each title's journey, ascending, and the titles, by time within one journey."""
    keys = [pc.binary_join_element_wise(each["user_id"], each["journey_id"], "\x1f") for each in (rows, titled)]
    owners = pc.index_in(keys[1], keys[0]).to_numpy().astype(np.int64)
    order = np.lexsort((titled["position"].to_numpy(), owners))
    return owners[order], titled["title"].take(pa.array(order))
