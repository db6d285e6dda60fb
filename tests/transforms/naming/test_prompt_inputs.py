import datetime
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas import JOURNEYS
from transforms.naming.config import NamingConfig
from transforms.naming.prompt_inputs import (
    JOURNEY_COLUMNS,
    NAMING_INPUTS,
    TITLE_REQUESTS,
    TITLES_BY_JOURNEY,
    build_inputs,
    clean_titles,
    join_titles,
    select_titles,
    subsample_evenly,
    title_requests,
)

NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)


def journeys(rows: Sequence[tuple[str, int, list[str]]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [
            {"user_id": user, "journey_id": f"{rank:016x}", "rank": rank, "size": len(set(items)), "item_ids": items}
            | {"timestamps": [NOON] * len(items), "terms": ["tea"], "weights": [0.5]}
            | {"first_timestamp": NOON, "last_timestamp": NOON}
            for user, rank, items in rows
        ],
        JOURNEYS.arrow,
    )


def items(titles: dict[str, str | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [{"item_id": item, "title": title} for item, title in titles.items()],
        pa.schema([("item_id", pa.string()), ("title", pa.string())]),
    )


def spread_plainly(length: int, maximum: int) -> list[bool]:
    if length <= maximum:
        return [True] * length
    kept = {length - 1 - k * length // maximum for k in range(maximum)}
    return [place in kept for place in range(length)]


@given(st.lists(st.integers(0, 40), max_size=8), st.integers(1, 12))
def test_entries_are_spread_and_the_last_is_among_them(lengths: list[int], maximum: int) -> None:
    kept = subsample_evenly(np.array(lengths, np.int64), maximum)
    assert kept.tolist() == [each for length in lengths for each in spread_plainly(length, maximum)]
    assert kept.sum() == sum(min(length, maximum) for length in lengths)


def test_items_are_wanted_where_they_were_consumed_last() -> None:
    found = title_requests(journeys([("u", 1, ["a", "b", "a", "c"]), ("v", 1, ["a"])]), NamingConfig(max_items=1))
    assert found.schema == TITLE_REQUESTS
    assert [(row["user_id"], row["position"], row["item_id"]) for row in found.to_pylist()] == [
        ("u", 0, "a"), ("u", 1, "c"), ("v", 0, "a"),
    ]  # fmt: skip
    assert title_requests(journeys([]), NamingConfig()).num_rows == 0
    assert title_requests(journeys([("u", 1, ["x"]), ("u", 2, ["a", "b"])]).slice(1), NamingConfig()).num_rows == 2


def test_titles_are_one_line_of_what_can_be_seen() -> None:
    given_titles = {
        "a": " Tea\n\tpots\u200b \u202eevil\u2066\U000e0041 ",
        "b": None,
        "c": "\u200b",
        "d": "x" * 21,
        "e": "می\u200cخواهم",
    }
    rows, cut = clean_titles(select_titles(items(given_titles)), 20)
    assert dict(zip(*rows.to_pydict().values(), strict=True)) == {
        "a": "Tea pots evil",
        "d": "x" * 19 + "…",
        "e": "می\u200cخواهم",
    }
    assert cut == 1


def test_titles_of_unknown_items_are_left_out_and_counted() -> None:
    wanted = title_requests(journeys([("u", 1, ["a", "b", "z"])]), NamingConfig())
    found = join_titles([wanted], [items({"a": "Tea", "q": "Other"}), items({"b": None})], 120)
    assert found.titled.schema == TITLES_BY_JOURNEY
    assert found.titled.column("title").to_pylist() == ["Tea"]
    assert dict(found.counts) == {("titles_cut", ""): 0, ("items_without_title", ""): 2}


def named(rows: pa.RecordBatch, titles: dict[str, str | None], config: NamingConfig) -> list[dict]:
    wanted = title_requests(rows, config)
    found = join_titles([wanted], [items(titles)], config.max_title_characters)
    alone = pa.RecordBatch.from_arrays([rows[name] for name in JOURNEY_COLUMNS.names], schema=JOURNEY_COLUMNS)
    backwards = found.titled.take(pa.array(range(found.titled.num_rows - 1, -1, -1), pa.int64()))
    out = build_inputs([alone], [backwards], config)
    assert out.schema == NAMING_INPUTS
    return out.to_pylist()


def test_titles_are_distinct_and_by_time() -> None:
    rows = journeys([("v", 1, ["z"]), ("u", 2, ["b"]), ("u", 1, ["a", "b", "c", "d"])])
    titles = {"a": "tea", "b": "Pots", "c": "TEA", "d": "Kettles"}
    found = named(rows, titles, NamingConfig())
    assert [(row["user_id"], row["rank"], row["titles"]) for row in found] == [
        ("u", 1, ["Pots", "TEA", "Kettles"]),
        ("u", 2, ["Pots"]),
        ("v", 1, []),
    ]
    assert named(rows, titles, NamingConfig(max_items=1))[0]["titles"] == ["Kettles"]
    assert named(journeys([]), titles, NamingConfig()) == []
