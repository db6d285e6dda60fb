import numpy as np
import pyarrow as pa
import pytest

from transforms.salience.term_table import (
    SCALE,
    add_term_sums,
    build_table,
    cosines,
    quantize,
    term_sums,
    top_frequent,
)
from transforms.salience.vocabulary import VOCABULARY

LISTS = pa.list_(pa.string())


def vocabulary(**specificity: float) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array(list(specificity)), pa.array(list(specificity)), pa.array(list(specificity.values()))],
        schema=VOCABULARY,
    )


def unit(*rows: list[float]) -> np.ndarray:
    matrix = np.array(rows)
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


def test_cosines_are_those_of_the_vectors() -> None:
    left, right = unit([1, 0], [3, 4]), unit([0, 1], [1, 1], [-1, 0])
    found = cosines(quantize(left), quantize(right))
    np.testing.assert_allclose(found, left @ right.T, atol=2 / SCALE)
    assert cosines(np.zeros((1, 2), np.int16), quantize(right)).tolist() == [[0, 0, 0]]


def test_cosines_do_not_depend_on_the_company() -> None:
    random = np.random.default_rng(0)
    vectors = quantize(unit(*random.standard_normal((301, 384)).tolist()))
    whole = cosines(vectors, vectors)
    for rows in (slice(0, 1), slice(7, 12), slice(100, 300)):
        assert np.array_equal(cosines(vectors[rows], vectors), whole[rows])
        assert np.array_equal(cosines(vectors, vectors[rows]), whole[:, rows])


def test_sums_over_items_by_hand() -> None:
    vectors = np.array([[1, 2], [3, 4], [10, 20]], np.int16)
    terms = pa.array([["b", "a"], ["b"], []], LISTS)
    sums = term_sums(terms, pa.array([["b", "zzz"], [], ["a"]], LISTS), vectors)
    assert sums.to_pylist() == [
        {"term": "a", "items": 1, "given": 1, "sum": [1, 2]},
        {"term": "b", "items": 2, "given": 1, "sum": [4, 6]},
    ]


def test_sums_of_parts_are_those_of_all() -> None:
    random = np.random.default_rng(1)
    words = np.array(["tea", "pot", "car", "boat", "tree"])
    lists = [random.choice(words, random.integers(0, 4), replace=False).tolist() for _ in range(40)]
    given = [own[:1] for own in lists]
    vectors = random.integers(-SCALE, SCALE, (40, 6)).astype(np.int16)
    whole = term_sums(pa.array(lists, LISTS), pa.array(given, LISTS), vectors)
    parts = [
        term_sums(pa.array(lists[i : i + 7], LISTS), pa.array(given[i : i + 7], LISTS), vectors[i : i + 7])
        for i in range(0, 40, 7)
    ]
    assert add_term_sums(parts[::-1]).equals(whole)
    assert add_term_sums([]).num_rows == 0


def test_the_top_frequent_terms_are_the_least_specific() -> None:
    chosen = vocabulary(a=0.9, b=0.2, c=0.5, d=0.5)
    assert top_frequent(chosen, 2).to_pylist() == ["b", "c"]
    assert top_frequent(chosen, 9).to_pylist() == ["a", "b", "c", "d"]


def test_a_table_joins_vocabulary_and_sums() -> None:
    sums = term_sums(pa.array([["b"], ["b"]], LISTS), pa.array([["b"], []], LISTS), quantize(unit([1, 0], [1, 0])))
    table = build_table(vocabulary(a=0.9, b=0.2), sums, 2)
    assert table.rows.tolist() == [-1, 0]
    assert table.codes.tolist() == [1]
    assert (table.items.tolist(), table.given.tolist()) == ([2], [1])
    assert table.lengths.tolist() == [2.0]
    assert table.directions.tolist() == [[SCALE, 0]]
    with pytest.raises(ValueError, match="1 of 1 terms with a context are not in the vocabulary"):
        build_table(vocabulary(a=0.9), sums, 2)
