import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.exploration.histories import rows_of
from transforms.exploration.selection import select_balanced, select_frequent
from transforms.exploration.transitions import TransitionCounts


def counts(rows: list[tuple[tuple[int, ...], int, int, int]]) -> TransitionCounts:
    """Rows of context, next cluster, count and users."""
    contexts, labels, numbers, users = zip(*rows, strict=True)
    return TransitionCounts(
        np.array(contexts, np.int32),
        np.array(labels, np.int32),
        np.zeros(len(rows), np.int8),
        np.array(numbers),
        np.array(users),
    )


ROWS = counts(
    [
        ((2, 1), 0, 9, 5),
        ((1, 2), 0, 9, 5),
        ((1, 3), 0, 9, 6),
        ((3, 1), 0, 8, 8),
        ((0, 2), 1, 1, 1),
        ((0, 1), 2, 9, 5),
    ]
)


def test_each_label_has_its_most_frequent_contexts() -> None:
    selected = [(context, label) for context, label, *_ in rows_of(select_balanced(ROWS, 2))]
    # The contexts of equally many transitions have an order that does not depend on their clusters.
    assert selected == [((1, 3), 0), ((2, 1), 0), ((0, 2), 1), ((0, 1), 2)]


def test_the_baseline_ignores_labels() -> None:
    selected = [(context, label) for context, label, *_ in rows_of(select_frequent(ROWS, 4))]
    assert selected == [((1, 3), 0), ((2, 1), 0), ((1, 2), 0), ((0, 1), 2)]


def test_balanced_labels_are_more_even() -> None:
    balanced = select_balanced(ROWS, 1)
    frequent = select_frequent(ROWS, len(balanced.counts))
    assert np.bincount(balanced.next_clusters, minlength=4).tolist() == [1, 1, 1, 0]
    assert np.bincount(frequent.next_clusters, minlength=4).tolist() == [3, 0, 0, 0]


@given(st.permutations(range(6)), st.integers(1, 4))
def test_the_order_of_rows_does_not_matter(order: list[int], per_label: int) -> None:
    shuffled = TransitionCounts(*(column[order] for column in ROWS))
    assert rows_of(select_balanced(shuffled, per_label)) == rows_of(select_balanced(ROWS, per_label))
    assert rows_of(select_frequent(shuffled, per_label)) == rows_of(select_frequent(ROWS, per_label))
