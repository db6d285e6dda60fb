import numpy as np
import pyarrow as pa
import pytest

from transforms.datasets.error_rate import DataError
from transforms.encoders.quantized_vectors import (
    ITEM_VECTORS,
    add_sums,
    column_of,
    matrix_of,
    quantize_lists,
    quantize_rows,
    quantize_vectors,
    subtract_mean,
    subtract_mean_rows,
    sum_directions,
    sum_rows,
)


def test_by_hand() -> None:
    vectors = np.array([[0.5, -1.0, 0.0], [0, 0, 0], [3e-5, 1e-5, 2e-5]], np.float32)
    assert quantize_vectors(vectors).tolist() == [[64, -127, 0], [0, 0, 0], [127, 42, 85]]
    assert quantize_vectors(vectors).dtype == np.int8
    assert quantize_vectors(np.zeros((0, 4), np.float32)).shape == (0, 4)


@pytest.mark.parametrize("dimensions", [2, 384, 1040, 1536, 4096])
def test_products_are_exact_in_float32_in_any_order(dimensions: int) -> None:
    vectors = quantize_vectors(np.random.default_rng(0).choice([-1.0, 1.0, 0.9], (20, dimensions)))
    exact = vectors.astype(np.int64) @ vectors.astype(np.int64).T
    assert np.abs(exact).max() > 1 << 12 or dimensions == 2
    single = vectors.astype(np.float32)
    order = np.random.default_rng(1).permutation(dimensions)
    assert np.array_equal(single @ single.T, exact)
    assert np.array_equal(single[:, order] @ single[:, order].T, exact)


def cosines(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    first, second = first.astype(np.float64), second.astype(np.float64)
    return (first * second).sum(axis=1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)


def test_directions_are_kept() -> None:
    vectors = np.random.default_rng(0).normal(size=(500, 384))
    assert cosines(vectors, quantize_vectors(vectors)).min() > np.cos(np.radians(0.7))


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="vectors must be finite"):
        quantize_vectors(np.array([[1.0, np.nan]]))


def test_the_mean_is_taken_away() -> None:
    random = np.random.default_rng(0)
    vectors = random.normal(size=(300, 64)) + 2 * random.normal(size=64)
    vectors[7] = 0
    compact = quantize_vectors(vectors)
    there = np.delete(np.arange(300), 7)
    units = vectors[there] / np.linalg.norm(vectors[there], axis=1, keepdims=True)
    found = subtract_mean(compact, sum_directions(compact))
    assert not found[7].any()
    assert cosines(found[there], units - units.mean(axis=0)).min() > np.cos(np.radians(1.5))


def test_sums_do_not_depend_on_how_a_catalogue_is_cut() -> None:
    compact = quantize_vectors(np.random.default_rng(1).normal(size=(100, 16)))
    whole = sum_directions(compact)
    slices = [sum_directions(part) for part in np.split(compact[np.random.default_rng(2).permutation(100)], [3, 50])]
    assert add_sums(slices).tolist() == whole.tolist()
    assert add_sums([add_sums([]), *slices, sum_directions(np.zeros((4, 1), np.int8))]).tolist() == whole.tolist()
    assert add_sums([]).tolist() == [0, 0]
    with pytest.raises(DataError, match=r"vectors of items must have one length, got lengths \[16, 17\]"):
        add_sums([whole, np.ones(18, np.int64)])


@pytest.mark.parametrize("type_", [pa.list_(pa.float32()), pa.list_(pa.float64())])
def test_lists_become_columns_and_matrices(type_: pa.DataType) -> None:
    lists = pa.array([[9.0], None, [1.0], [], [-0.5], [0.0]], type_)
    compact = quantize_lists(lists)
    assert compact.tolist() == [[127], [0], [127], [0], [-127], [0]]
    column = column_of(compact)
    column.validate(full=True)
    assert column.to_pylist() == [b"\x7f", None, b"\x7f", None, b"\x81", None]
    for start in range(7):
        assert quantize_lists(lists.slice(start)).tolist() == compact[start:].tolist()
        assert matrix_of(column.slice(start)).tolist() == compact[start:].tolist()
    assert matrix_of(column.take(pa.array([0, 2]))).tolist() == [[127], [127]]
    assert matrix_of(column.take(pa.array([1, None]))).tolist() == [[0], [0]]


def test_lists_of_several_lengths_are_refused() -> None:
    with pytest.raises(DataError, match=r"got lengths \[1, 3\]; nothing was committed"):
        quantize_lists(pa.array([[1.0], [1.0, 2.0, 3.0]]))
    columns = [column_of(np.ones((1, width), np.int8)) for width in (1, 3)]
    with pytest.raises(DataError, match=r"got lengths \[1, 3\]"):
        matrix_of(pa.concat_arrays(columns))


def test_rows() -> None:
    given = pa.RecordBatch.from_pydict({"item_id": ["a", "b", "c"], "embedding": [[3.0, 0.0], [0.0, 2.0], None]})
    rows = quantize_rows(given, "embedding")
    assert rows.schema == ITEM_VECTORS
    # Seen from (1/2, 1/2) the two point away from each other.
    centred = subtract_mean_rows(rows, sum_rows(rows))
    assert centred.schema == ITEM_VECTORS
    assert matrix_of(centred["vector"]).tolist() == [[127, -127], [-127, 127], [0, 0]]
