"""Journeys whose items have tags, named by hand."""

from collections.abc import Sequence

import pyarrow as pa
import pytest

from schemas import NAMING_EXAMPLES
from transforms.evaluation.experiments.naming.journey_examples import (
    JOURNEYS_TO_NAME,
    TAGGED_ITEMS,
    examples_of_journeys,
    select_columns,
)


def items(tags: dict[str, Sequence[str] | None]) -> pa.RecordBatch:
    rows = [{"item_id": name, "title": f"title {name}", "tags": own} for name, own in tags.items()]
    return pa.RecordBatch.from_pylist(rows, TAGGED_ITEMS)


def journeys(*members: str, user: str = "u") -> pa.RecordBatch:
    rows = [
        {"user_id": user, "journey_id": str(number), "item_ids": list(own), "terms": ["t"], "weights": [0.5]}
        for number, own in enumerate(members)
    ]
    return pa.RecordBatch.from_pylist(rows, JOURNEYS_TO_NAME)


FILLER: dict[str, Sequence[str] | None] = {f"filler {number}": ["everywhere"] for number in range(250)}
"""Items that no journey has, so that a tag of five items is not a frequent one."""

CATALOGUE = items(
    FILLER
    | {
        "a": ["python", "web-server"],
        "b": ["python", "web-server"],
        "c": ["python"],
        "d": ["python", "rare"],
        "e": None,
        "f": ["chess_engine", "chess_engine", " "],
        "g": [],
        "h": ["everywhere"],
        "i": ["everywhere", "python"],
    }
)


@pytest.mark.parametrize(
    ("members", "name"),
    [
        ("abc", "web server"),  # both items with the tag, and three of five with the other one
        ("acd", "python"),  # the others are in one of three
        ("h", None),  # too frequent
        ("hi", "python"),
        ("cd", "rare"),  # half of the items, and all items with the tag
        ("f", "chess engine"),
        ("fgg", "chess engine"),  # half of two distinct items
        ("fge", None),
        ("e", None),
        ("zz", None),
    ],
)
def test_the_tag_that_is_shared_and_specific(members: str, name: str | None) -> None:
    found = examples_of_journeys([journeys(members)], [CATALOGUE])["name"].to_pylist()
    assert found == ([name] if name else [])


def test_examples_are_rows_of_the_dataset() -> None:
    found = examples_of_journeys([journeys("bcab", "e", "cd"), journeys("f", user="v")], [CATALOGUE])
    NAMING_EXAMPLES.check(found)
    rows = {row["name"]: row for row in found.to_pylist()}
    assert set(rows) == {"web server", "rare", "chess engine"}
    # Each item once, by the last time that it was consumed.
    assert rows["web server"]["titles"] == ["title c", "title a", "title b"]
    assert {row["split"] for row in rows.values()} == {"test"}
    assert (rows["chess engine"]["source"], rows["rare"]["source"]) == ("v", "u")
    assert found["example_id"].to_pylist() == sorted(found["example_id"].to_pylist())


def test_the_order_of_rows_does_not_matter() -> None:
    own, others = journeys("abc", "cd"), journeys("f", user="v")
    expected = examples_of_journeys([own, others], [CATALOGUE])
    backwards = CATALOGUE.take(pa.array(range(CATALOGUE.num_rows - 1, -1, -1)))
    assert examples_of_journeys([others, own.slice(1), own.slice(0, 1)], [backwards]).equals(expected)


def test_without_journeys_or_tags() -> None:
    assert examples_of_journeys([], [CATALOGUE]).num_rows == 0
    assert examples_of_journeys([journeys("ab")], []).num_rows == 0
    assert examples_of_journeys([journeys("ab")], [items({"a": None, "b": []})]).num_rows == 0


def test_only_needed_columns_are_kept() -> None:
    further = CATALOGUE.append_column("description", pa.array(["x"] * CATALOGUE.num_rows))
    assert select_columns(further, TAGGED_ITEMS).equals(CATALOGUE)
