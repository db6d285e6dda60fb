import math

import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.salience.test_term_table import LISTS, unit, vocabulary
from transforms.salience.candidates import CANDIDATES
from transforms.salience.features import FEATURES, Pairs, describe, measure, nearest_terms, pairs_in_text, union_pairs
from transforms.salience.term_table import TermTable, build_table, quantize, term_sums

VECTORS = quantize(unit([1, 0, 0], [1, 1, 0], [0, 1, 0], [0, 0, 1]))
TERMS = [["garden"], ["garden", "rose"], ["rose"], ["ship"]]


def table() -> TermTable:
    sums = term_sums(pa.array(TERMS, LISTS), pa.array([["garden"], [], [], []], LISTS), VECTORS)
    return build_table(vocabulary(**{"big rose": 1.0, "garden": 0.5, "rose": 0.5, "ship": 1.0}), sums, 4)


def candidates(*terms: list[str]) -> pa.RecordBatch:
    rows = [
        {"item_id": str(i), "terms": own, "mentions": [1] * len(own), "evidence": [0.8] * len(own)}
        for i, own in enumerate(terms)
    ]
    return pa.RecordBatch.from_pylist(rows, CANDIDATES)


def feature(pairs: Pairs, name: str, vectors: np.ndarray = VECTORS) -> list[float]:
    toy_table = table()
    found = describe(pairs, measure(vectors, toy_table), toy_table)
    assert found.shape == (len(pairs.items), len(FEATURES))
    return found[:, FEATURES.index(name)].tolist()


def pairs(*found: tuple[int, str, float]) -> Pairs:
    names = table().terms.to_pylist()
    items, terms, evidence = zip(*found, strict=True)
    return Pairs(np.array(items), np.array([names.index(term) for term in terms]), np.array(evidence))


def test_terms_in_the_text_that_are_in_the_vocabulary() -> None:
    found = pairs_in_text(candidates(["rose", "unheard", "garden"], [], ["ship"]), table())
    assert found.items.tolist() == [0, 0, 2]
    assert found.terms.tolist() == [1, 2, 3]
    assert found.evidence == pytest.approx([0.8] * 3)


def test_what_is_plain() -> None:
    requested = pairs((0, "garden", 0.8), (0, "big rose", 0.0), (3, "ship", 0.4))
    assert feature(requested, "in text") == [1, 0, 1]
    assert feature(requested, "evidence") == [0.8, 0, 0.4]
    assert feature(requested, "statistical salience") == [0.4, 0, 0.4]
    assert feature(requested, "bigram") == [0, 1, 0]
    assert feature(requested, "specificity, in text") == [0.5, 0, 1]
    assert feature(requested, "given") == [math.log(2) / math.log(5), 0, 0]
    assert feature(requested, "given fraction") == [0.5, 0, 0]
    assert feature(requested, "context") == [1, 0, 1]


def test_nearness_leaves_the_item_itself_out() -> None:
    """The only other item with "garden" is half-way to the rose; "ship" has no other item."""
    toy_table = table()
    near = measure(VECTORS, toy_table)
    requested = pairs((0, "garden", 0.8), (3, "ship", 0.8), (0, "rose", 0.0))
    alone = [math.sqrt(0.5), 0.0]
    expected = [(cosine - near.means[row]) / near.deviations[row] for cosine, row in zip(alone, (0, 3), strict=True)]
    found = feature(requested, "nearness")
    assert found[:2] == pytest.approx(expected, abs=0.02)
    # Of a term that it does not have, the whole context counts: roses lie at 22.5 degrees between (1, 1) and (0, 1).
    assert found[2] == pytest.approx((math.cos(math.radians(67.5)) - near.means[0]) / near.deviations[0], abs=0.02)


def test_nearest_terms_and_ties() -> None:
    toy_table = table()
    near = nearest_terms(measure(VECTORS, toy_table), toy_table, 1, 1)
    assert [toy_table.terms[code].as_py() for code in near.terms] == ["garden", "garden", "rose", "ship"]
    common = nearest_terms(measure(VECTORS, toy_table), toy_table, 5, 2)
    assert common.items.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]  # all are requested, but "ship" has one item only
    orthogonal = quantize(unit([0, 0, 1.0]))
    tied = nearest_terms(measure(orthogonal, toy_table), toy_table, 1, 2)
    assert toy_table.terms[tied.terms[0]].as_py() == "garden"
    assert not len(nearest_terms(measure(VECTORS, toy_table), toy_table, 0, 1).items)


def test_an_item_without_a_vector_has_no_near_terms() -> None:
    toy_table = table()
    blank = np.zeros((1, 3), np.int16)
    assert not len(nearest_terms(measure(blank, toy_table), toy_table, 3, 1).items)
    assert np.isfinite(feature(pairs((0, "garden", 0.8)), "nearness", blank)).all()


def test_pairs_are_united_once_each() -> None:
    toy_table = table()
    both = union_pairs(
        pairs((0, "garden", 0.8), (1, "ship", 0.4)), pairs((0, "garden", 0.0), (0, "rose", 0.0)), toy_table
    )
    assert both.items.tolist() == [0, 0, 1]
    assert both.terms.tolist() == [1, 2, 3]
    assert both.evidence.tolist() == [0.8, 0, 0.4]


def test_a_vocabulary_without_contexts() -> None:
    none = term_sums(pa.array([], LISTS), pa.array([], LISTS), np.zeros((0, 0), np.int16))
    toy_table = build_table(vocabulary(rose=1.0), none, 4)
    near = measure(np.zeros((2, 0), np.int16), toy_table)
    found = describe(Pairs(np.array([1]), np.array([0]), np.array([0.8])), near, toy_table)
    assert found[0, FEATURES.index("context")] == 0
    assert np.isfinite(found).all()
