import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from transforms.baselines.labels import cluster_nonzero, drop_small, renumber

LABELS = st.lists(st.integers(-3, 5), max_size=20)


@given(LABELS)
def test_numbers_are_in_the_order_of_first_members(labels: list[int]) -> None:
    found = renumber(np.array(labels, np.int64)).tolist()
    seen: dict[int, int] = {}
    assert found == [seen.setdefault(label, len(seen)) if label >= 0 else -1 for label in labels]


@given(LABELS, st.integers(1, 4))
def test_small_clusters_are_none(labels: list[int], min_size: int) -> None:
    found = drop_small(np.array(labels, np.int64), min_size).tolist()
    kept = [label if label >= 0 and labels.count(label) >= min_size else -1 for label in labels]
    assert found == renumber(np.array(kept, np.int64)).tolist()


def test_items_without_a_vector_are_in_no_cluster() -> None:
    vectors = np.array([[0, 0], [3, 4], [0, 0], [0, 2]], np.float32)
    assert cluster_nonzero(vectors, lambda rows: np.round(rows[:, 1] * 10).astype(np.int64)).tolist() == [-1, 0, -1, 1]
    assert cluster_nonzero(vectors[[0, 2]], lambda rows: rows[:, 7]).tolist() == [-1, -1]
    assert cluster_nonzero(vectors[:0], lambda rows: rows[:, 7]).tolist() == []
