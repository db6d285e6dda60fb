import numpy as np
import pyarrow as pa
import pytest

from schemas import COLLECTIONS
from transforms.evaluation.experiments.synonyms.replacement import (
    collections_with_key_words,
    f1_of_items,
    load_synonyms,
    replace_key_words,
    replace_word,
)
from transforms.evaluation.numbered_collections import number_items
from transforms.evaluation.scores import score

SYNONYMS = {"car": "automobile", "photo": "photograph"}


def collections(*rows: tuple[str, list[str], list[str] | None]) -> pa.RecordBatch:
    names = ("name", "item_titles", "item_descriptions")
    return pa.RecordBatch.from_pylist(
        [{"source": "s", **dict(zip(names, row, strict=True))} for row in rows], COLLECTIONS.arrow
    )


def test_the_list_is_long_and_clean() -> None:
    synonyms = load_synonyms()
    assert len(synonyms) >= 100
    for word, synonym in synonyms.items():
        assert word == word.casefold().strip()
        assert synonym == synonym.casefold().strip()
        assert word != synonym
        assert " " not in word + synonym
    assert list(synonyms) == sorted(synonyms)


def test_whole_words_are_replaced_whatever_their_case() -> None:
    assert replace_word("Car, car-pool and CARS; scar", "car", "automobile") == (
        "Automobile, automobile-pool and CARS; scar"
    )
    assert replace_word("a.car", "car", r"\1") == r"a.\1"


class TestKeyWords:
    def test_the_word_of_the_majority(self) -> None:
        rows = collections(
            ("cars", ["A car", "Car and photo", "car", "CAR", "boat"], None),
            (
                "both",
                ["photo car", "car photo", "photo, car!", "car", "photo", "x"],
                ["", "", "", "photo car", "car", ""],
            ),
            ("few", ["car", "car", "car", "boat"], None),
            ("rare", ["car", *["car x", "car y", "car z"], *[f"boat {number}" for number in range(20)]], None),
        )
        found = collections_with_key_words(rows, SYNONYMS)
        assert found.collections["name"].to_pylist() == ["cars", "both"]
        assert found.words == ["car", "car"]  # of two that five items have, the first

    def test_a_text_counts_once(self) -> None:
        rows = collections(("one", ["car car car car", "car"], None))
        assert collections_with_key_words(rows, SYNONYMS).words == []

    def test_nothing(self) -> None:
        assert collections_with_key_words(collections(), SYNONYMS).words == []


def test_half_of_the_items_that_have_the_word_are_changed() -> None:
    titles = [f"The Car {number}" for number in range(200)] + [f"boat {number}" for number in range(50)]
    rows = collections(("cars", titles, [f"a car, said {number}" for number in range(250)]))
    key_words = collections_with_key_words(rows, SYNONYMS)
    items = number_items([rows]).items
    found = replace_key_words(items, key_words, SYNONYMS)
    assert 90 < found.changed.sum() < 160
    for before, after, changed in zip(items.to_pylist(), found.items.to_pylist(), found.changed, strict=True):
        assert after["item_id"] == before["item_id"]
        if changed:
            assert after["title"] == before["title"].replace("Car", "Automobile")
            assert after["description"] == before["description"].replace("car", "automobile")
        else:
            assert after == before
    again = replace_key_words(items.slice(100), key_words, SYNONYMS)
    assert again.changed.tolist() == found.changed[100:].tolist()


def test_items_of_other_collections_are_left_alone() -> None:
    rows = collections(("cars", ["car a", "car b", "car c", "car d"], None), ("other", ["the car", "tea"], None))
    key_words = collections_with_key_words(rows, SYNONYMS)
    items = number_items([rows]).items
    changed = replace_key_words(items, key_words, SYNONYMS).changed
    assert not any(flag for flag, title in zip(changed, items["title"].to_pylist(), strict=True) if title == "the car")


def test_f1_of_all_items_is_that_of_the_mixtures() -> None:
    random = np.random.default_rng(0)
    offsets = np.array([0, 10, 25, 40])
    true, found = random.integers(0, 3, 40), random.integers(-1, 3, 40)
    np.testing.assert_allclose(f1_of_items(offsets, true, found, np.ones(40, bool)), score(offsets, true, found).f1)


def test_f1_of_some_items_by_hand() -> None:
    """Two of three a lie with a b; the third is alone."""
    true, found = np.array([0, 0, 0, 1]), np.array([5, 5, -1, 5])
    f1 = f1_of_items(np.array([0, 4]), true, found, np.array([True, False, True, False]))
    precision, recall = np.mean([2 / 3, 1]), np.mean([2 / 3, 1 / 3])
    assert f1 == pytest.approx([2 * precision * recall / (precision + recall)])
    assert np.isnan(f1_of_items(np.array([0, 4]), true, found, np.zeros(4, bool))).all()
