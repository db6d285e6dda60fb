from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import SALIENT_TERMS
from transforms.salience.candidates import CANDIDATES
from transforms.salience.scoring import statistical_salience
from transforms.salience.vocabulary import VOCABULARY


def candidates(*items: dict[str, float]) -> pa.RecordBatch:
    rows = [
        {"item_id": f"i{i}", "terms": list(terms), "mentions": [1] * len(terms), "evidence": list(terms.values())}
        for i, terms in enumerate(items)
    ]
    return pa.RecordBatch.from_pylist(rows, CANDIDATES)


def vocabulary(terms: dict[str, float]) -> pa.RecordBatch:
    rows = [{"term": term, "spelling": term, "specificity": terms[term]} for term in sorted(terms)]
    return pa.RecordBatch.from_pylist(rows, VOCABULARY)


def read(rows: pa.RecordBatch) -> list[dict[str, float]]:
    SALIENT_TERMS.check(rows)
    pairs = zip(rows["terms"].to_pylist(), rows["saliences"].to_pylist(), strict=True)
    return [dict(zip(terms, saliences, strict=True)) for terms, saliences in pairs]


def test_by_hand() -> None:
    found = statistical_salience(
        candidates({"tea": 0.5, "pot": 0.75, "lost": 1.0, "cup": 1.0}, {}, {"lost": 0.5}, {"pot": 0.5}),
        vocabulary({"tea": 1.0, "pot": 0.5, "cup": 0.5}),
        2,
    )
    assert found["item_id"].to_pylist() == ["i0", "i1", "i2", "i3"]
    # 0.5 * 1 for tea equals 1 * 0.5 for cup, and goes by term; pot has 0.375 and is the third.
    assert [list(item.items()) for item in read(found)] == [[("cup", 0.5), ("tea", 0.5)], [], [], [("pot", 0.25)]]


def test_nothing_is_salient_without_a_vocabulary() -> None:
    assert read(statistical_salience(candidates({"tea": 0.5}, {}), vocabulary({}), 3)) == [{}, {}]
    assert read(statistical_salience(candidates(), vocabulary({"tea": 1.0}), 3)) == []


def test_a_salience_that_rounds_to_nothing_is_none() -> None:
    assert read(statistical_salience(candidates({"tea": 2.0**-100}), vocabulary({"tea": 2.0**-60}), 3)) == [{}]


CHANCES = st.integers(1, 8).map(lambda eighths: eighths / 8) | st.floats(2**-10, 1, width=32)
ITEMS = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), CHANCES, max_size=6), max_size=5)


@settings(deadline=None)
@given(ITEMS, st.dictionaries(st.sampled_from("abcdefgh"), CHANCES), st.integers(1, 4), st.integers(0, 5))
def test_the_top_terms_are_kept(
    items: list[dict[str, float]], terms: dict[str, float], max_terms: int, start: int
) -> None:
    expected: list[Any] = []
    for item in items:
        scored = [(-float(np.float32(item[term] * terms[term])), term) for term in item if term in terms]
        expected.append([(term, -score) for score, term in sorted(scored)[:max_terms]])
    found = statistical_salience(candidates(*items).slice(start), vocabulary(terms), max_terms)
    assert [list(item.items()) for item in read(found)] == expected[start:]
