"""Titles and terms from which each journey is named, joined from journeys and items."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from transforms.columnar import concatenate, list_array, list_offsets, match_rows, run_offsets
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
"""Inputs of naming: distinct titles of a journey by time, and its terms with their weights, as in `journeys`."""

JOURNEY_COLUMNS = pa.schema([field for field in NAMING_INPUTS if field.name != "titles"])
"""The columns of `NAMING_INPUTS` that come from `journeys`."""

TITLE_REQUESTS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("journey_id", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
    ]
)
"""Items whose titles are requested for a journey, and their position in time: 0 is the earliest."""

TITLES_BY_JOURNEY = pa.schema(
    [*(field for field in TITLE_REQUESTS if field.name != "item_id"), pa.field("title", pa.string(), False)]
)
"""Titles of journeys: the requests that were found."""

TITLES = pa.schema([pa.field("item_id", pa.string(), nullable=False), pa.field("title", pa.string(), nullable=False)])
"""The columns of a catalogue that are joined."""

_REQUESTS_PER_TITLE = 2
"""Items requested per title in a prompt, as some items have no title or the title of another."""

# White space, control characters, direction marks and invisible characters: a model must read what a person sees.
# Joiners are kept, as Persian, Hindi and emoji need them.
_INVISIBLE = (
    r"[\s\pZ\p{Cc}\x{00AD}\x{034F}\x{061C}\x{115F}\x{1160}\x{17B4}\x{17B5}\x{180E}\x{200B}\x{200E}\x{200F}"
    r"\x{202A}-\x{202E}\x{2060}-\x{206F}\x{3164}\x{FEFF}\x{FFA0}\x{FFF9}-\x{FFFC}\x{E0000}-\x{E0FFF}]+"
)


def subsample_evenly(lengths: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.bool_]:
    """Select at limit `limit` entries of each list: the last one, and others at equal steps before it.

    Args:
        lengths: lengths of the lists, shape (lists,).
        limit: entries kept of each list, at least 1; shorter lists are kept whole.

    Returns:
        Mask over the concatenated entries of all lists, shape (sum of lengths,), dtype bool.
    """
    owner_lengths = np.repeat(lengths, lengths)
    ends = np.repeat(np.cumsum(lengths), lengths)
    from_last = ends - 1 - np.arange(len(owner_lengths))
    # The k-th kept entry is floor(k * length / limit) before the last; k is the only one that can give `from_last`.
    k = -(-from_last * limit // np.maximum(owner_lengths, 1))
    kept = (k < limit) & (k * owner_lengths // limit == from_last)
    return np.asarray(kept | (owner_lengths <= limit))


def title_requests(journeys: pa.RecordBatch, config: NamingConfig) -> pa.RecordBatch:
    """Rows of `TITLE_REQUESTS` for rows of `journeys`: distinct items, by last consumption, sampled over time."""
    lists = journeys["item_ids"]
    journey_rows = pc.list_parent_indices(lists).to_numpy().astype(np.int64)
    codes = lists.flatten().dictionary_encode()
    pairs = journey_rows * max(len(codes.dictionary), 1) + codes.indices.to_numpy()
    _, last = np.unique(pairs[::-1], return_index=True)
    distinct = np.sort(len(pairs) - 1 - last)
    lengths = np.bincount(journey_rows[distinct], minlength=journeys.num_rows)
    kept = distinct[subsample_evenly(lengths, _REQUESTS_PER_TITLE * config.max_items)]
    rows = pa.array(journey_rows[kept])
    starts = run_offsets(journey_rows[kept])
    positions = np.arange(len(kept)) - np.repeat(starts[:-1], np.diff(starts))
    ids = lists.flatten().take(pa.array(kept))
    columns = [journeys["user_id"].take(rows), journeys["journey_id"].take(rows)]
    return pa.RecordBatch.from_arrays([*columns, pa.array(positions.astype(np.int32)), ids], schema=TITLE_REQUESTS)


def select_titles(items: pa.RecordBatch) -> pa.RecordBatch:
    """Select the rows of `items` that have a title, as `TITLES`."""
    rows = items.filter(pc.is_valid(items["title"]))
    return pa.RecordBatch.from_arrays([rows[name] for name in TITLES.names], schema=TITLES)


class Titles(NamedTuple):
    """Clean titles as rows of `TITLES`, and how many were truncated."""

    rows: pa.RecordBatch
    cut: int


def clean_titles(items: pa.RecordBatch, max_characters: int) -> Titles:
    """Put titles on one line, remove invisible characters and truncate; empty titles are dropped.

    Args:
        items: rows of `TITLES`.
        max_characters: maximum length; a truncated title ends in an ellipsis.
    """
    titles = pc.utf8_trim_whitespace(pc.replace_substring_regex(items["title"], _INVISIBLE, " "))
    is_long = pc.greater(pc.utf8_length(titles), max_characters)
    start = pc.utf8_rtrim_whitespace(pc.utf8_slice_codeunits(titles, 0, max_characters - 1))
    cut = pc.if_else(is_long, pc.binary_join_element_wise(start, pa.scalar("…"), ""), titles)
    rows = pa.RecordBatch.from_arrays([items["item_id"], cut], schema=TITLES)
    return Titles(rows.filter(pc.not_equal(cut, "")), pc.sum(is_long).as_py() or 0)


class JoinedTitles(NamedTuple):
    """Rows of `TITLES_BY_JOURNEY`, and counts."""

    titled: pa.RecordBatch
    counts: list[Count]


def join_titles(wanted: Iterable[pa.RecordBatch], items: Iterable[pa.RecordBatch], max_characters: int) -> JoinedTitles:
    """Join rows of `TITLE_REQUESTS` with the items of their bucket, each of which occurs once."""
    requests = concatenate(wanted, TITLE_REQUESTS)
    needed = (select_titles(rows.filter(pc.is_in(rows["item_id"], requests["item_id"]))) for rows in items)
    titles, cut = clean_titles(concatenate(needed, TITLES), max_characters)
    matched = match_rows(requests, titles, "item_id")
    columns = [*(matched.left[name] for name in TITLES_BY_JOURNEY.names[:-1]), matched.right["title"]]
    titled = pa.RecordBatch.from_arrays(columns, schema=TITLES_BY_JOURNEY)
    counts = [count("titles_cut", cut), count("items_without_title", requests.num_rows - titled.num_rows)]
    return JoinedTitles(titled, counts)


def build_inputs(
    journeys: Iterable[pa.RecordBatch], titled: Iterable[pa.RecordBatch], config: NamingConfig
) -> pa.RecordBatch:
    """Build rows of `NAMING_INPUTS`, sorted by user and rank, for all journeys of some users.

    Of titles that differ only in case, the last one in time is kept.

    Args:
        journeys: rows of `JOURNEY_COLUMNS`.
        titled: rows of `TITLES_BY_JOURNEY` of the same journeys, in any order.
        config: the number of titles in a prompt.
    """
    rows = concatenate(journeys, JOURNEY_COLUMNS)
    order = [("user_id", "ascending"), ("rank", "ascending"), ("journey_id", "ascending")]
    rows = rows.take(pc.sort_indices(rows, sort_keys=order))
    found = concatenate(titled, TITLES_BY_JOURNEY)
    journey_rows, texts = _sorted_titles(rows, found)
    lowered = pc.utf8_lower(texts).dictionary_encode()
    pairs = journey_rows * max(len(lowered.dictionary), 1) + lowered.indices.to_numpy()
    _, last = np.unique(pairs[::-1], return_index=True)
    distinct = np.sort(len(pairs) - 1 - last)
    kept = distinct[subsample_evenly(np.bincount(journey_rows[distinct], minlength=rows.num_rows), config.max_items)]
    ends = list_offsets(np.bincount(journey_rows[kept], minlength=rows.num_rows))
    titles = list_array(ends, texts.take(pa.array(kept)))
    columns = {name: titles if name == "titles" else rows[name] for name in NAMING_INPUTS.names}
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=NAMING_INPUTS)


def _sorted_titles(rows: pa.RecordBatch, titled: pa.RecordBatch) -> tuple[npt.NDArray[np.int64], pa.StringArray]:
    """Return the row of each title's journey, ascending, and the titles, by time within a journey."""
    keys = [pc.binary_join_element_wise(each["user_id"], each["journey_id"], "\x1f") for each in (rows, titled)]
    journey_rows = pc.index_in(keys[1], keys[0]).to_numpy().astype(np.int64)
    order = np.lexsort((titled["position"].to_numpy(), journey_rows))
    return journey_rows[order], titled["title"].take(pa.array(order))
