from collections import Counter

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import NAMING_EXAMPLES, SALIENT_TERMS
from tests.transforms.beam_testing import create, run_graph
from tests.transforms.naming.examples.builders import chunks, score, scored_batch
from transforms.columnar import concatenate
from transforms.naming.examples.terms import MAX_TERMS, JoinTerms, members_of, terms_of_members, with_terms

Terms = dict[str, dict[str, float]]
"""Salience of terms, by item."""


def salient_rows(terms: Terms) -> pa.RecordBatch:
    rows = [
        {"item_id": item, "terms": list(existing), "saliences": list(existing.values())}
        for item, existing in terms.items()
    ]
    return pa.RecordBatch.from_pylist(rows, SALIENT_TERMS.arrow)


def brought(collections: list[list[str]], terms: Terms) -> list[dict]:
    rows = scored_batch(
        [score(f"{number:x}", titles=items, item_ids=items) for number, items in enumerate(collections)]
    )
    joined = terms_of_members(chunks(members_of(rows), 2), chunks(salient_rows(terms), 2))
    found = with_terms(chunks(rows, 2), chunks(joined, 2) if joined.num_rows else [])
    assert found.schema == NAMING_EXAMPLES.arrow
    return found.to_pylist()


def plainly(items: list[str], terms: Terms) -> list[tuple[str, float]]:
    weights: Counter[str] = Counter()
    for item in items:
        for term, salience in terms.get(item, {}).items():
            weights[term] += float(np.float32(salience)) / len(items)
    return sorted(weights.items(), key=lambda pair: (-round(pair[1], 9), pair[0]))[:MAX_TERMS]


def test_by_hand() -> None:
    terms: Terms = {"x": {"tea": 1.0, "leaf": 0.5}, "y": {"tea": 0.5, "cup": 0.5}, "z": {}, "other": {"jam": 1.0}}
    first, second = brought([["x", "y", "z", "unknown"], ["z"]], terms)
    assert first["terms"] == ["tea", "cup", "leaf"]
    assert first["weights"] == pytest.approx([0.375, 0.125, 0.125])
    assert second["terms"] == second["weights"] == []


SALIENCES = st.sampled_from([0.25, 0.5, 0.75, 1.0])
TERMS = st.dictionaries(st.sampled_from("uvwxyz"), st.dictionaries(st.sampled_from("abcdefghijklmn"), SALIENCES))


@given(
    st.lists(st.lists(st.sampled_from("uvwxyz"), min_size=1, max_size=5, unique=True), min_size=1, max_size=4), TERMS
)
def test_like_a_plain_reference(collections: list[list[str]], terms: Terms) -> None:
    for items, found in zip(collections, brought(collections, terms), strict=True):
        expected = plainly(items, terms)
        assert found["terms"] == [term for term, _ in expected]
        assert found["weights"] == pytest.approx([weight for _, weight in expected])


def test_on_beam_whatever_the_chunks() -> None:
    random = np.random.default_rng(2)
    items = [f"i{number}" for number in range(30)]
    terms = {item: {f"t{term}": float(random.random()) for term in random.integers(0, 20, 6)} for item in items}
    rows = scored_batch(
        [
            score(f"{number:x}", split="test" if number == 3 else "train", titles=chosen, item_ids=chosen)
            for number in range(12)
            if (chosen := random.choice(items, 5, replace=False).tolist())
        ]
    )

    def run(count: int, buckets: int) -> dict:
        def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
            given = {
                "examples": create(pipeline, "Rows", chunks(rows, count)),
                "salient": create(pipeline, "Salient", chunks(salient_rows(terms), count)),
            }
            examples, counts = given | JoinTerms(buckets)
            return {"examples": examples, "counts": counts}

        return run_graph(build)

    whole, cut = run(1, 4), run(5, 3)
    found = [concatenate(each["examples"], NAMING_EXAMPLES.arrow).sort_by("example_id") for each in (whole, cut)]
    assert found[0].equals(found[1])
    assert found[0].num_rows == rows.num_rows
    counts: Counter[tuple[str, str]] = Counter()
    for key, number in cut["counts"]:
        counts[key] += number
    assert counts == {("examples", "train"): 11, ("examples", "test"): 1}
