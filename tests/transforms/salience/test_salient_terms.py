from collections import Counter
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from schemas import ERRORS, ITEMS, SALIENT_TERMS
from tests.transforms.beam_testing import create, run_graph
from transforms.columnar import concatenate
from transforms.datasets.coercion import with_provenance
from transforms.datasets.deduplicate import Deduplicate, deduplicate
from transforms.salience.candidates import catalogue_terms
from transforms.salience.config import SalienceConfig, VocabularyConfig
from transforms.salience.salient_terms import SalientTerms
from transforms.salience.scoring import statistical_salience
from transforms.salience.vocabulary import catalogue_size, frequent_terms, vocabulary

LOCATED = with_provenance(ITEMS)
CONFIG = SalienceConfig(VocabularyConfig(min_term_items=2, max_term_fraction=0.5, min_association=0.1), max_terms=5)


def located(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    place = {"title": "", "file": "items.parquet", "row": 0}
    return pa.RecordBatch.from_pylist([place | row for row in rows], LOCATED)


def make_catalogue() -> list[dict[str, Any]]:
    """Items about drinks and cities, in several scripts, some of them twice, some with nothing to say."""
    random = np.random.default_rng(4)
    phrases = [
        "green tea",
        "New York",
        "coffee",
        "東京タワー",
        "C++",
        "人工智能",
        "Москва",
        "https://x.y/z",
        "the",
        "pot 7",
    ]
    rows = []
    for number in range(90):
        title, description, tag = (", ".join(random.choice(phrases, random.integers(0, 4))) for _ in range(3))
        rows.append(
            {
                "item_id": f"i{number}",
                "title": title,
                "description": description,
                "tags": [tag, None, f"unheard{number}"],
            }
        )
    rows += [row | {"title": row["title"] + " twice"} for row in rows[::10]] + rows[::15]
    return [row | {"row": number} for number, row in enumerate(rows)]


CATALOGUE = make_catalogue()


def salience(batches: list[pa.RecordBatch], buckets: int) -> tuple[pa.RecordBatch, pa.RecordBatch, Counter]:
    def build(pipeline: Any) -> dict[str, Any]:
        items, errors, counts = create(pipeline, "Items", batches) | Deduplicate(buckets)
        salient, more_counts = items | SalientTerms(CONFIG, buckets)
        return {"salient": salient, "errors": errors, "counts": (counts, more_counts) | beam.Flatten()}

    found = run_graph(build)
    counts: Counter = Counter()
    for key, number in found["counts"]:
        counts[key] += number
    salient = concatenate(found["salient"], SALIENT_TERMS.arrow).sort_by("item_id")
    errors = concatenate(found["errors"], ERRORS.arrow).sort_by([(name, "ascending") for name in ERRORS.sort_by])
    return salient, errors, counts


def in_memory() -> pa.RecordBatch:
    """The same by the pure functions, on the whole catalogue at once."""
    items = deduplicate(located(CATALOGUE)).items
    counted = catalogue_terms(items, CONFIG.stop_words)
    terms = vocabulary(
        [frequent_terms([counted.statistics], [counted.spellings], CONFIG.vocabulary)],
        catalogue_size(counted.candidates),
        CONFIG.vocabulary,
    )
    return statistical_salience(counted.candidates, terms, CONFIG.max_terms).sort_by("item_id")


@pytest.mark.parametrize(("batches", "buckets"), [(1, 1), (4, 16)])
def test_the_graph_gives_what_the_functions_give(batches: int, buckets: int) -> None:
    order = np.random.default_rng(batches).permutation(len(CATALOGUE))
    rows = [CATALOGUE[index] for index in order]
    salient, errors, counts = salience([located(rows[start::batches]) for start in range(batches)], buckets)
    expected = in_memory()
    SALIENT_TERMS.check(salient)
    assert salient == expected
    assert errors.num_rows == sum(row["title"].endswith(" twice") for row in CATALOGUE)
    assert counts["items_repeated", ""] == len(CATALOGUE) - 90 - errors.num_rows == 6
    assert set(errors["reason"].to_pylist()) == {"duplicate_item"}
    terms = {term for terms in expected["terms"].to_pylist() for term in terms}
    assert not any("unheard" in term for term in terms)
    assert {"tea", "new york", "タワー", "c++", "москва"} <= {term.casefold() for term in terms}
    assert "C++" in terms
    assert counts[("items", "")] == 90
    assert counts[("items_without_terms", "")] == expected["terms"].to_pylist().count([]) > 0
    assert counts[("terms", "")] >= len(terms)


def test_an_empty_catalogue() -> None:
    salient, errors, counts = salience([located([])], 4)
    assert (salient.num_rows, errors.num_rows) == (0, 0)
    assert +counts == {}


ONE = {"item_id": "a", "title": "tea", "creator": "me", "tags": ["x"], "file": "2.parquet", "row": 5}


def test_of_several_rows_of_an_item_the_first_by_content_stays() -> None:
    rows = [
        {"item_id": "b", "title": "zoo"},
        ONE | {"title": "the older title", "row": 6},
        ONE,
        ONE | {"file": "1.parquet", "row": 9},
        ONE | {"title": "pot"},
    ]
    for order in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 1, 3]):
        found, errors, repeated = deduplicate(located([rows[index] for index in order]))
        assert found.schema.names == ITEMS.arrow.names
        assert found.select(["item_id", "title"]).to_pylist() == [
            {"item_id": "a", "title": "pot"},
            {"item_id": "b", "title": "zoo"},
        ]
        places = errors.select(["file", "row", "reason"]).to_pylist()
        assert places == [
            {"file": "1.parquet", "row": 9, "reason": "duplicate_item"},
            {"file": "2.parquet", "row": 6, "reason": "duplicate_item"},
        ]
        assert repeated == 1
        ERRORS.check(errors)


@pytest.mark.parametrize(
    ("column", "first", "second"),
    [
        ("title", "pot", "tea"),
        ("description", "pot", None),
        ("tags", ["pot"], ["tea"]),
        ("tags", ["pot"], None),
        ("tags", ["pot", None], ["tea", None]),
        ("creator", "A", "B"),
        ("queries", ["pot"], ["pot", "tea"]),
    ],
)
def test_which_row_stays_does_not_depend_on_its_file(column: str, first: Any, second: Any) -> None:
    kept = []
    for files in (("1.parquet", "2.parquet"), ("2.parquet", "1.parquet")):
        rows = [ONE | {column: value, "file": file} for value, file in zip((first, second), files, strict=True)]
        kept.append(deduplicate(located(rows)).items[column].to_pylist())
    assert kept[0] == kept[1]


def test_items_that_are_unique_stay() -> None:
    found, errors, _ = deduplicate(located([{"item_id": name, "title": "same"} for name in "cab"]))
    assert found["item_id"].to_pylist() == ["a", "b", "c"]
    assert errors.num_rows == 0
    assert deduplicate(located([])).items.num_rows == 0
