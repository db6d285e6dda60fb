import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.diversity import coverage, effective_number, gini

TRAFFIC = st.lists(st.integers(0, 20), min_size=1, max_size=8)


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
