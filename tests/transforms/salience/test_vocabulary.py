import math
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import ITEMS
from transforms.salience.candidates import CANDIDATES, STATISTICS, catalogue_terms
from transforms.salience.config import VocabularyConfig
from transforms.salience.vocabulary import (
    FREQUENT_TERMS,
    VOCABULARY,
    CatalogueSize,
    catalogue_size,
    frequent_terms,
    sum_sizes,
    sum_statistics,
    vocabulary,
)

Statistics = dict[str, tuple[int, int]]
EVERYTHING = VocabularyConfig(min_term_items=1, max_term_fraction=1.0, min_association=-1.0)


def statistics(terms: Statistics) -> pa.RecordBatch:
    """Statistics of terms that are always written as the terms themselves."""
    rows = [
        {"term": term, "items": items, "mentions": mentions, "plain": mentions}
        for term, (items, mentions) in terms.items()
    ]
    return pa.RecordBatch.from_pylist(rows, STATISTICS)


def read(rows: pa.RecordBatch) -> Statistics:
    assert rows.schema in (STATISTICS, FREQUENT_TERMS)
    return {row["term"]: (row["items"], row["mentions"]) for row in rows.to_pylist()}


def specificity(rows: pa.RecordBatch) -> dict[str, float]:
    assert rows.schema == VOCABULARY
    terms = rows["term"].to_pylist()
    assert terms == sorted(terms)
    return dict(zip(terms, rows["specificity"].to_pylist(), strict=True))


def test_items_and_mentions_of_each_term() -> None:
    titles = ["red tea red", "tea", "", "red pot"]
    rows = [{"item_id": f"i{number}", "title": title} for number, title in enumerate(titles)]
    rows[1]["description"] = "tea tea"
    found = sum_statistics([catalogue_terms(pa.RecordBatch.from_pylist(rows, ITEMS.arrow)).statistics])
    assert read(found) == {
        "pot": (1, 1),
        "red": (2, 3),
        "red pot": (1, 1),
        "red tea": (1, 1),
        "tea": (2, 4),
        "tea red": (1, 1),
        "tea tea": (1, 1),
    }
    assert found["term"].to_pylist() == sorted(found["term"].to_pylist())


BATCHES = st.lists(
    st.dictionaries(st.sampled_from("abcde"), st.tuples(st.integers(1, 9), st.integers(1, 9)), max_size=4), max_size=8
)


def sums(batches: list[Statistics]) -> Statistics:
    items: Counter = Counter()
    mentions: Counter = Counter()
    for batch in batches:
        for term, (number, times) in batch.items():
            items[term] += number
            mentions[term] += times
    return {term: (items[term], mentions[term]) for term in sorted(items)}


@settings(deadline=None)
@given(BATCHES)
def test_statistics_are_summed_by_term(batches: list[Statistics]) -> None:
    assert list(read(sum_statistics(map(statistics, batches))).items()) == list(sums(batches).items())


def test_rare_terms_are_left_out() -> None:
    rows = statistics({"tea": (2, 9), "pot": (1, 9), "cup": (3, 3)})
    assert read(frequent_terms([rows], [], VocabularyConfig(min_term_items=2))) == {"cup": (3, 3), "tea": (2, 9)}


def chosen(batches: list[pa.RecordBatch], item_count: int, config: VocabularyConfig) -> pa.RecordBatch:
    """The vocabulary of a catalogue all of whose words and pairs are among the statistics."""
    rows = [row for batch in batches for row in batch.to_pylist()]
    pairs = sum(row["mentions"] for row in rows if " " in row["term"])
    words = sum(row["mentions"] for row in rows) - pairs
    return vocabulary([frequent_terms(batches, [], EVERYTHING)], CatalogueSize(item_count, words, pairs), config)


def test_words_that_are_too_rare_to_be_terms_count_among_all_words() -> None:
    rows = statistics({"new": (2, 16), "york": (2, 16), "new york": (2, 4)})
    config = VocabularyConfig(min_association=0.5)
    assert set(
        specificity(vocabulary([frequent_terms([rows], [], EVERYTHING)], CatalogueSize(100, 128, 64), config))
    ) == {"new", "york", "new york"}
    assert set(
        specificity(vocabulary([frequent_terms([rows], [], EVERYTHING)], CatalogueSize(100, 32, 64), config))
    ) == {"new", "york"}


def test_sizes_add_up() -> None:
    items = [rows_of_candidates({"a": 2, "a b": 1}), rows_of_candidates({"b": 3})]
    assert sum_sizes(map(catalogue_size, items)) == CatalogueSize(2, 5, 1)
    assert sum_sizes([]) == CatalogueSize(0, 0, 0)


def rows_of_candidates(mentions: dict[str, int]) -> pa.RecordBatch:
    row = {
        "item_id": "i",
        "terms": list(mentions),
        "mentions": list(mentions.values()),
        "evidence": [0.5] * len(mentions),
    }
    return pa.RecordBatch.from_pylist([row], CANDIDATES)


def test_specificity_by_hand() -> None:
    found = chosen([statistics({"once": (1, 5), "ten": (10, 10), "fifty": (50, 50)})], 100, EVERYTHING)
    assert specificity(found) == {"once": 1.0, "ten": 0.5, "fifty": math.log(2) / math.log(100)}


def test_a_term_of_every_item_says_nothing() -> None:
    rows = statistics({"all": (3, 3), "frequent": (2, 2)})
    assert set(specificity(chosen([rows], 3, EVERYTHING))) == {"frequent"}
    assert specificity(chosen([statistics({"tea": (1, 1)})], 1, EVERYTHING)) == {}


@pytest.mark.parametrize(("item_count", "max_items"), [(100, 20), (55, 11), (49, 10), (12, 10)])
def test_frequent_terms_are_left_out(item_count: int, max_items: int) -> None:
    rows = statistics({f"t{number:03}": (number, number) for number in range(1, item_count + 1)})
    config = VocabularyConfig(max_term_fraction=0.2)
    assert len(specificity(chosen([rows], item_count, config))) == max_items


def test_numbers_and_letters_stand_in_bigrams_alone() -> None:
    rows = statistics({"iphone": (3, 3), "15": (3, 3), "x": (3, 3), "iphone 15": (2, 2), "iphone x": (2, 2)})
    assert set(specificity(chosen([rows], 100, EVERYTHING))) == {"iphone", "iphone 15", "iphone x"}


# 16 of 128 words are `new`, 16 are `york`, 8 are `deal`; 4 of 64 pairs are `new york`, 1 is `new deal`.
# NPMI of `new york`: log((1/16) / (1/8 * 1/8)) / log 16 = log 4 / log 16 = 1/2.
# NPMI of `new deal`: log((1/64) / (1/8 * 1/16)) / log 64 = log 2 / log 64 = 1/6.
CITY = {"new": (9, 16), "york": (9, 16), "deal": (8, 8), "other": (9, 88)}
PAIRS = {"new york": (4, 4), "new deal": (1, 1), "other other": (9, 59)}


@pytest.mark.parametrize(
    ("least", "expected"),
    [(0.16, {"new york", "new deal"}), (0.17, {"new york"}), (0.5, {"new york"}), (0.51, set())],
)
def test_bigrams_stay_when_their_words_belong_together(least: float, expected: set[str]) -> None:
    config = VocabularyConfig(min_association=least)
    found = set(specificity(chosen([statistics(CITY | PAIRS)], 100, config)))
    assert {term for term in found if " " in term} - {"other other"} == expected
    assert {"new", "york", "deal"} <= found


def test_the_only_pair_belongs_together() -> None:
    rows = statistics({"new": (2, 2), "york": (2, 2), "new york": (2, 2)})
    found = chosen([rows], 100, VocabularyConfig(min_association=1.0))
    assert set(specificity(found)) == {"new", "york", "new york"}


@settings(deadline=None)
@given(st.data(), st.integers(1, 60), st.sampled_from([-1.0, 0.0, 0.3]))
def test_neither_order_nor_batches_matter(data: st.DataObject, item_count: int, least: float) -> None:
    numbers = st.tuples(st.integers(1, 30), st.integers(1, 30))
    terms = dict(data.draw(st.dictionaries(st.sampled_from(["ab", "cd", "ef", "gh", "1"]), numbers)))
    for first in sorted(terms):
        for second in sorted(terms):
            if data.draw(st.booleans()):
                terms[f"{first} {second}"] = data.draw(numbers)
    config = VocabularyConfig(1, 0.5, least)
    expected = chosen([statistics(terms)], item_count, config)
    assert all(0 < value <= 1 for value in specificity(expected).values())
    shuffled = statistics(dict(data.draw(st.permutations(list(terms.items())))))
    half = data.draw(st.integers(0, len(terms)))
    assert chosen([shuffled.slice(half), shuffled.slice(0, half)], item_count, config) == expected


def test_an_empty_catalogue_has_no_vocabulary() -> None:
    for item_count in (0, 1, 5):
        assert specificity(chosen([], item_count, VocabularyConfig())) == {}
