import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.encoders.static import SIF, principal_components, sum_rows, zipf_weights

TABLE = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


@given(st.lists(st.lists(st.integers(0, 8), max_size=6), max_size=10))
def test_rows_are_added_up(rows: list[list[int]]) -> None:
    found = sum_rows(TABLE, rows)
    assert found.shape == (len(rows), 4)
    for numbers, vector in zip(rows, found, strict=True):
        assert vector == pytest.approx(TABLE[numbers].sum(axis=0), abs=1e-5)
        assert vector.tobytes() == sum_rows(TABLE, [numbers])[0].tobytes()


def test_frequent_tokens_weigh_less() -> None:
    weights = zipf_weights(1000)
    assert (np.diff(weights) > 0).all()
    fraction = (1 / 2) / sum(1 / rank for rank in range(2, 1002))
    assert weights[0] == pytest.approx(SIF / (SIF + fraction))


def test_principal_components_keep_distances_and_come_by_size() -> None:
    generator = np.random.default_rng(1)
    vectors = (generator.normal(size=(200, 5)) * [5, 1, 3, 0.5, 2] + 7).astype(np.float32)
    found = principal_components(vectors, 5)
    assert found.mean(axis=0) == pytest.approx(np.zeros(5), abs=1e-5)
    assert (np.diff(found.std(axis=0)) < 0).all()
    for one, other in ((0, 1), (5, 90), (17, 199)):
        expected = np.linalg.norm(vectors[one] - vectors[other])
        assert np.linalg.norm(found[one] - found[other]) == pytest.approx(expected, rel=1e-4)
    assert principal_components(vectors, 2) == pytest.approx(found[:, :2])


def test_the_sign_of_a_component_is_settled() -> None:
    vectors = np.random.default_rng(2).normal(size=(50, 3)).astype(np.float32) * np.float32([3, 2, 1])
    assert np.argmax(np.abs(np.corrcoef(vectors.T, principal_components(vectors, 3).T)[3:, :3]), axis=1).tolist() == [
        0,
        1,
        2,
    ]
    assert (np.diag(np.corrcoef(vectors.T, principal_components(vectors, 3).T)[3:, :3]) > 0).all()
