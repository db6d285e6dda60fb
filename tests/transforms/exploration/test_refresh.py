import pyarrow as pa
import pytest

from schemas import TRANSITIONS
from transforms.exploration.refresh import contexts_to_refresh, successors_of_rows

CLUSTERS = pa.array(["a", "b", "c", "d"], pa.string())


def transitions(*rows: tuple[str, str, str, int]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(
        [dict(zip(TRANSITIONS.arrow.names, row, strict=True)) for row in rows], TRANSITIONS.arrow
    )


OLD = transitions(("", "a", "train", 9), ("a", "b", "train", 5), ("a b", "c", "train", 2), ("b", "c", "train", 1))
NEW = transitions(
    ("", "b", "train", 9),
    ("a", "b", "train", 5),
    ("a", "c", "validation", 1),
    ("a b", "c", "train", 2),
    ("b", "c", "train", 1),
    ("b", "d", "test", 50),
    ("b c", "d", "validation", 1),
)


@pytest.mark.parametrize(
    ("threshold", "expected"), [(0.0, ["b c"]), (0.5, ["b c"]), (0.6, ["a", "b c"]), (1.1, ["a", "b", "a b", "b c"])]
)
def test_contexts_whose_successors_changed_before_the_test_period(threshold: float, expected: list[str]) -> None:
    assert contexts_to_refresh(OLD, NEW, 2, CLUSTERS, threshold).to_pylist() == expected


def test_nothing_changes_between_equal_transitions() -> None:
    assert contexts_to_refresh(NEW, NEW, 2, CLUSTERS, 1.0).to_pylist() == []


def test_users_of_splits_are_added() -> None:
    rows = transitions(("a", "b", "train", 3), ("a", "c", "train", 2), ("a", "c", "validation", 2))
    found = successors_of_rows(rows, 1, CLUSTERS)
    assert found.clusters[:, :2].tolist() == [[2, 1]]
    assert found.users.tolist() == [7]
    assert successors_of_rows(rows, 1, CLUSTERS, ["train"]).clusters[:, :2].tolist() == [[1, 2]]
