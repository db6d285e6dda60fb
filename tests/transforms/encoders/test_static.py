import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.encoders.static import sum_rows

TABLE = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32)


@given(st.lists(st.lists(st.integers(0, 8), max_size=6), max_size=10))
def test_rows_are_added_up(rows: list[list[int]]) -> None:
    found = sum_rows(TABLE, rows)
    assert found.shape == (len(rows), 4)
    for numbers, vector in zip(rows, found, strict=True):
        assert vector == pytest.approx(TABLE[numbers].sum(axis=0), abs=1e-5)
        assert vector.tobytes() == sum_rows(TABLE, [numbers])[0].tobytes()
