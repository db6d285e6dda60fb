from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import ITEMS
from transforms.salience.candidates import CANDIDATES, TERM_CHARACTERS, candidate_terms

Evidence = dict[str, tuple[int, float]]


def items(*rows: dict[str, Any]) -> pa.RecordBatch:
    named = [{"item_id": f"i{number}", "title": ""} | row for number, row in enumerate(rows)]
    return pa.RecordBatch.from_pylist(named, ITEMS.arrow)


def read(candidates: pa.RecordBatch) -> dict[str, Evidence]:
    """For each item its terms with mentions and evidence; the order of an item's terms means nothing."""
    assert candidates.schema == CANDIDATES
    found = {}
    for row in candidates.to_pylist():
        assert len(set(row["terms"])) == len(row["terms"]) == len(row["mentions"]) == len(row["evidence"])
        pairs = zip(row["mentions"], row["evidence"], strict=True)
        found[row["item_id"]] = dict(zip(row["terms"], pairs, strict=True))
    return found


def single(value: float) -> float:
    return float(np.float32(value))


def test_evidence_by_hand() -> None:
    row = {"title": "Red tea, red pot", "description": "the tea", "tags": ["tea", None, "pot"], "queries": ["red tea"]}
    assert read(candidate_terms(items(row))) == {
        "i0": {
            "red": (3, single(1 - 0.2**2 * 0.2)),  # twice in the title, once in a query
            "tea": (4, single(1 - 0.2 * 0.6 * 0.2 * 0.2)),  # in title, description, a tag and a query
            "pot": (2, single(1 - 0.2 * 0.2)),
            "red tea": (2, single(1 - 0.2 * 0.2)),
            "red pot": (1, single(0.8)),
        }
    }


def test_the_creator_says_nothing_of_the_topic() -> None:
    assert read(candidate_terms(items({"title": "tea", "creator": "Jane Doe"}))) == {"i0": {"tea": (1, single(0.8))}}


def test_more_than_eight_mentions_in_a_field_count_as_eight() -> None:
    eight, twenty = (read(candidate_terms(items({"description": "tea, " * times})))["i0"]["tea"] for times in (8, 20))
    assert eight == (8, single(1 - 0.6**8))
    assert twenty == (20, eight[1])


def test_bigrams_stay_within_a_field_and_a_tag() -> None:
    row = {"title": "red", "description": "tea", "tags": ["pot", "cup"], "queries": ["ale"]}
    assert set(read(candidate_terms(items(row)))["i0"]) == {"red", "tea", "pot", "cup", "ale"}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("machine learning", {"machine", "learning", "machine learning"}),
        ("learning of machines", {"learning", "machines"}),
        ("iPhone 15", {"iphone", "15", "iphone 15"}),
        ("人工智能", {"人工", "工智", "智能"}),
        ("東京 tour", {"東京", "tour"}),
    ],
)
def test_words_and_bigrams_of_a_title(title: str, expected: set[str]) -> None:
    assert set(read(candidate_terms(items({"title": title})))["i0"]) == expected


def test_items_without_words_have_no_candidates() -> None:
    found = candidate_terms(items({"title": "of the"}, {"title": "tea"}, {"tags": []}))
    assert found["item_id"].to_pylist() == ["i0", "i1", "i2"]
    assert [len(terms) for terms in found["terms"].to_pylist()] == [0, 1, 0]
    assert read(candidate_terms(items())) == {}


def test_stop_words_are_those_that_are_given() -> None:
    found = candidate_terms(items({"title": "der Tee the"}), frozenset(["der"]))
    assert set(read(found)["i0"]) == {"tee", "the", "tee the"}


WORD = st.sampled_from(["tea", "pot", "red", "the", ",", "漢字", "C++", "https://x"])
TEXT = st.none() | st.lists(WORD, max_size=9).map(" ".join)
ROW = st.fixed_dictionaries(
    {"title": TEXT.map(lambda text: text or ""), "description": TEXT}
    | {name: st.none() | st.lists(TEXT, max_size=3) for name in ("tags", "queries")}
)


@settings(deadline=None)
@given(st.lists(ROW, max_size=6), st.integers(0, 6), st.integers(0, 6))
def test_an_item_has_the_same_evidence_in_every_batch(rows: list[dict[str, Any]], start: int, length: int) -> None:
    batch = items(*rows)
    found = candidate_terms(batch)
    assert found["item_id"] == batch["item_id"]
    alone = {f"i{number}": read(candidate_terms(items(row)))["i0"] for number, row in enumerate(rows)}
    assert read(found) == alone
    part = candidate_terms(batch.slice(start, length))
    assert read(part) == dict(list(alone.items())[start:][:length])


@settings(deadline=None)
@given(st.lists(ROW, max_size=6))
def test_evidence_is_a_chance(rows: list[dict[str, Any]]) -> None:
    for terms in read(candidate_terms(items(*rows))).values():
        assert all(mentions >= 1 and 0.4 <= round(evidence, 6) <= 1 for mentions, evidence in terms.values())


def test_a_description_is_read_up_to_a_word_near_its_limit() -> None:
    text = ("tea " * (TERM_CHARACTERS // 4 - 2) + "porcelain " * 50).strip()
    items = pa.record_batch(
        {
            "item_id": ["a", "b"],
            "title": ["", ""],
            "description": [text, "x" * 10 * TERM_CHARACTERS],
            "tags": pa.nulls(2, pa.list_(pa.string())),
            "queries": pa.nulls(2, pa.list_(pa.string())),
        }
    )
    assert candidate_terms(items)["terms"].to_pylist() == [["tea", "tea tea"], []]
