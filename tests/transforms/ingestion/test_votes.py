"""Texts of items by vote, compared with a plain reference."""

from collections import Counter

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas import ITEMS
from transforms.ingestion.votes import TAG_COUNTS, add_tags, count_tags, count_votes, elect

ROW = st.fixed_dictionaries(
    {
        "item_id": st.sampled_from("abc"),
        "title": st.sampled_from([None, "", "x", "y", "z"]),
        "creator": st.sampled_from([None, "p", "q"]),
        "tags": st.sampled_from([None, ["m"], ["m", "n"]]),
    }
)


def batch(rows: list[dict[str, object]]) -> pa.RecordBatch:
    schema = pa.schema([(column.name, column.type) for column in ITEMS.columns])
    return pa.RecordBatch.from_pylist(rows, schema)


def winner(values: list[object]) -> object:
    """The most frequent value that is there; ties by the value itself."""
    counts = Counter(value for value in values if value not in (None, ""))
    return min(counts, key=lambda value: (-counts[value], value)) if counts else None


@given(st.lists(ROW, min_size=1, max_size=30), st.integers(1, 4), st.randoms())
def test_the_most_frequent_text_wins_whatever_the_order(rows: list[dict], splits: int, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    votes = pa.concat_batches([count_votes(batch(shuffled[start::splits])) for start in range(splits)])
    found = elect(votes).to_pylist()
    assert [row["item_id"] for row in found] == sorted({row["item_id"] for row in rows})
    for row in found:
        own = [each for each in rows if each["item_id"] == row["item_id"]]
        assert row["title"] == (winner([each["title"] for each in own]) or "")
        assert row["creator"] == winner([each["creator"] for each in own])
        expected = winner([tuple(each["tags"]) if each["tags"] else None for each in own])
        assert row["tags"] == (list(expected) if expected else None)


def test_tags_of_users_are_added_by_frequency_then_text() -> None:
    items = batch(
        [
            {"item_id": "a", "title": "A", "tags": ["Comedy"]},
            {"item_id": "b", "title": "B", "tags": None},
            {"item_id": "c", "title": "C", "tags": None},
        ]
    )
    given_tags = [
        ("a", "comedy"),
        ("a", "dark"),
        ("a", "Dark"),
        ("a", "zebra"),
        ("a", "ape"),
        ("b", "x"),
        ("d", "y"),
        ("b", ""),
    ]
    rows = pa.RecordBatch.from_pylist([{"item_id": item, "tag": tag} for item, tag in given_tags])
    halves = [count_tags(rows.slice(0, 3)), count_tags(rows.slice(3))]
    found = add_tags(items, pa.concat_batches(halves), 2).to_pylist()
    assert [row["tags"] for row in found] == [["Comedy", "dark", "ape"], ["x"], None]
    assert [row["title"] for row in found] == ["A", "B", "C"]


def test_no_tags_change_nothing() -> None:
    items = batch([{"item_id": "a", "title": "A", "tags": []}, {"item_id": "b", "title": "B", "tags": None}])
    assert add_tags(items, pa.RecordBatch.from_pylist([], TAG_COUNTS), 3).to_pylist() == items.to_pylist()


@given(st.integers(0, 200))
def test_votes_are_counted(number: int) -> None:
    ids = np.random.default_rng(number).integers(0, 5, number)
    rows = batch([{"item_id": str(item), "title": "x"} for item in ids])
    counted = {row["item_id"]: row["count"] for row in count_votes(rows).to_pylist()}
    assert counted == dict(Counter(map(str, ids)))
