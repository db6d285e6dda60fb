import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.exploration.histories import rows_of
from transforms.exploration.selection import (
    coverage,
    effective_number,
    gini,
    label_distribution,
    select_balanced,
    select_frequent,
)
from transforms.exploration.transitions import TransitionCounts

TRAFFIC = st.lists(st.integers(0, 20), min_size=1, max_size=8)


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
    assert selected == [((1, 3), 0), ((1, 2), 0), ((0, 2), 1), ((0, 1), 2)]


def test_the_baseline_ignores_labels() -> None:
    selected = [(context, label) for context, label, *_ in rows_of(select_frequent(ROWS, 4))]
    assert selected == [((1, 3), 0), ((0, 1), 2), ((1, 2), 0), ((2, 1), 0)]


def test_balanced_labels_are_more_even() -> None:
    balanced = select_balanced(ROWS, 1)
    frequent = select_frequent(ROWS, len(balanced.counts))
    assert label_distribution(balanced, 4).tolist() == [1, 1, 1, 0]
    assert label_distribution(frequent, 4).tolist() == [2, 0, 1, 0]


@given(st.permutations(range(6)), st.integers(1, 4))
def test_the_order_of_rows_does_not_matter(order: list[int], per_label: int) -> None:
    shuffled = TransitionCounts(*(column[order] for column in ROWS))
    assert rows_of(select_balanced(shuffled, per_label)) == rows_of(select_balanced(ROWS, per_label))
    assert rows_of(select_frequent(shuffled, per_label)) == rows_of(select_frequent(ROWS, per_label))


def test_measures_of_one_and_of_equal_clusters() -> None:
    assert (gini([0, 0, 0, 8]), coverage([0, 0, 0, 8]), effective_number([0, 0, 0, 8])) == (0.75, 0.25, 1.0)
    assert (gini([2, 2, 2]), coverage([2, 2, 2])) == (0.0, 1.0)
    assert effective_number([2, 2, 2]) == pytest.approx(3)
    assert gini([0, 0]) == coverage([]) == effective_number([0]) == 0


@given(TRAFFIC)
def test_gini_is_the_mean_difference(traffic: list[int]) -> None:
    mean = sum(traffic) / len(traffic)
    differences = [abs(one - other) for one in traffic for other in traffic]
    expected = sum(differences) / len(differences) / (2 * mean) if mean else 0.0
    assert gini(traffic) == pytest.approx(expected)


@given(TRAFFIC)
def test_the_effective_number_is_at_most_the_number_with_traffic(traffic: list[int]) -> None:
    assert effective_number(traffic) <= sum(value > 0 for value in traffic) + 1e-9
