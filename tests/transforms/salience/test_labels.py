import numpy as np
import pyarrow as pa
import pytest

from schemas import COLLECTIONS, ITEMS
from transforms.salience.labels import (
    LABELS,
    co_consumed_terms,
    items_of_collections,
    mask_labels,
    sample_mask,
    terms_of_fields,
    terms_of_texts,
    unite_labels,
)

ROWS = pa.RecordBatch.from_pylist(
    [
        {"item_id": "a", "title": "Roses", "tags": ["Garden Tools", None], "queries": ["red rose"]},
        {"item_id": "b", "title": "Bread", "tags": None, "queries": None},
    ],
    ITEMS.arrow,
)


def ids(count: int) -> pa.StringArray:
    return pa.array([f"i{number}" for number in range(count)])


def test_samples_have_their_fraction_and_are_independent() -> None:
    one, other = sample_mask(ids(20_000), 0.3, "one"), sample_mask(ids(20_000), 0.3, "other")
    assert one.mean() == pytest.approx(0.3, abs=0.01)
    assert one[other].mean() == pytest.approx(0.3, abs=0.02)
    assert sample_mask(ids(9), 0.0, "x").sum() == 0
    assert sample_mask(ids(9), 1.0, "x").sum() == 9
    assert sample_mask(ids(50), 0.3, "one").tolist() == one[:50].tolist()


def test_what_was_said_is_hidden_and_nothing_else() -> None:
    hidden = mask_labels(ROWS, np.array([True, False]))
    assert hidden.to_pylist() == [ROWS.to_pylist()[0] | {"tags": None, "queries": None}, ROWS.to_pylist()[1]]
    assert mask_labels(ROWS, np.array([False, False])).equals(ROWS)


def test_terms_of_tags_and_queries_alone() -> None:
    found = terms_of_fields(ROWS)
    assert found.schema == LABELS
    assert [sorted(terms) for terms in found["terms"].to_pylist()] == [
        ["garden", "garden tools", "red", "red rose", "rose", "tools"],
        [],
    ]


def test_labels_of_several_sources_are_united() -> None:
    one = pa.RecordBatch.from_pylist([{"item_id": "b", "terms": ["y", "x"]}, {"item_id": "c", "terms": []}], LABELS)
    other = pa.RecordBatch.from_pylist([{"item_id": "b", "terms": ["x"]}, {"item_id": "a", "terms": ["z"]}], LABELS)
    united = unite_labels([one, other])
    assert united.to_pylist() == [{"item_id": "a", "terms": ["z"]}, {"item_id": "b", "terms": ["x", "y"]}]
    assert unite_labels([other, one]).equals(united)
    assert unite_labels([]).num_rows == 0


class TestConsumedTogether:
    TITLES = terms_of_texts(
        pa.array(["a", "b", "c", "d", "e"]), pa.array(["red rose", "rose soil", "rose tea", "ship", "tea pot"])
    )

    def together(self, *rows: tuple[str, str, int]) -> dict[str, list[str]]:
        users, items, times = zip(*rows, strict=True) if rows else ((), (), ())
        found = co_consumed_terms(
            pa.array(users, pa.string()),
            pa.array(items, pa.string()),
            pa.array(times, pa.timestamp("us", "UTC")),
            self.TITLES,
        )
        return {row["item_id"]: row["terms"] for row in found.to_pylist()}

    def test_what_recurs_in_the_titles_beside(self) -> None:
        found = self.together(("u", "d", 1), ("u", "a", 0), ("u", "b", 2), ("u", "nowhere", 1))
        assert found == {"d": ["rose"]}  # of a and b; the others have one neighbour with each term

    def test_neighbours_count_once_and_only_within_a_history(self) -> None:
        assert self.together(("u", "d", 0), ("u", "a", 1), ("u", "d", 2), ("v", "b", 3)) == {}
        assert self.together(("u", "d", 0), ("u", "a", 1), ("v", "d", 2), ("v", "b", 3)) == {"d": ["rose"]}

    def test_those_far_away_do_not_count(self) -> None:
        near = [("u", "d", 0), ("u", "e", 1), ("u", "a", 2), ("u", "b", 3)]
        assert self.together(*near)["d"] == ["rose"]
        far = [*near[:2], ("u", "e", 2), ("u", "e", 3), ("u", "a", 4), ("u", "b", 5)]
        assert "d" not in self.together(*far)

    def test_nothing(self) -> None:
        assert self.together() == {}


def test_items_of_collections_have_their_names_as_tags() -> None:
    rows = [
        {"source": "s", "name": "Flowers", "item_titles": ["rose", "tulip"], "item_descriptions": ["red", ""]},
        {"source": "t", "name": "Drinks", "item_titles": ["tea", "rose", None], "item_descriptions": None},
        {"source": "t", "name": "Again", "item_titles": ["rose", "rose"], "item_descriptions": ["red", "red"]},
    ]
    batches = [pa.RecordBatch.from_pylist([row], COLLECTIONS.arrow) for row in rows]
    found = items_of_collections(batches)
    ITEMS.check(found)
    assert [(row["title"], row["description"], row["tags"]) for row in found.to_pylist()] == [
        ("", None, ["Drinks"]),
        ("rose", None, ["Drinks"]),
        ("rose", "red", ["Again", "Flowers"]),
        ("tea", None, ["Drinks"]),
        ("tulip", None, ["Flowers"]),
    ]
    assert items_of_collections(batches[::-1]).equals(found)
    assert items_of_collections([]).num_rows == 0
