import numpy as np
import pytest

from transforms.intents.latent.rows import NextItems, Rows, check_rows, take_rows


def rows() -> Rows:
    following = NextItems(np.array([0, 2, 3, 6]), np.array([1, 1, 0, 2, 3, 4], np.int32))
    return Rows(np.arange(6, dtype=np.float32).reshape(3, 2), following)


def test_rows_are_taken_with_their_next_items() -> None:
    found = take_rows(rows(), np.array([2, 0]))
    assert found.contexts.tolist() == [[4, 5], [0, 1]]
    assert found.following.offsets.tolist() == [0, 3, 5]
    assert found.following.items.tolist() == [2, 3, 4, 1, 1]
    assert take_rows(rows(), np.array([], np.int64)).following.offsets.tolist() == [0]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (Rows(np.zeros((2, 2), np.float32), rows().following), r"contexts must have the shape \(3, D\)"),
        (Rows(np.full((3, 2), np.nan, np.float32), rows().following), "contexts must be numbers"),
        (rows()._replace(following=NextItems(np.array([0, 2, 2, 6]), rows().following.items)), "row 1 has none"),
        (rows()._replace(following=NextItems(rows().following.offsets, np.full(6, -1, np.int32))), "got -1 to -1"),
    ],
)
def test_invalid_rows_are_named(changed: Rows, message: str) -> None:
    check_rows(rows(), 5)
    with pytest.raises(ValueError, match=message):
        check_rows(changed, 5)
    with pytest.raises(ValueError, match=r"in \[0, 4\)"):
        check_rows(rows(), 4)
