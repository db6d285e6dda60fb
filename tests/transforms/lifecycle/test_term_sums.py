import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.lifecycle.journeys import term_vectors
from transforms.lifecycle.term_sums import TermSums, cosines, sum_terms

ITEMS = st.lists(
    st.dictionaries(st.integers(0, 5), st.sampled_from([0.25, 0.5, 1.0]), max_size=4), min_size=1, max_size=6
)


def vector(sums: TermSums, group: int) -> dict[int, float]:
    rows = slice(sums.offsets[group], sums.offsets[group + 1])
    return dict(zip(sums.terms[rows].tolist(), sums.weights[rows].tolist(), strict=True))


def reference_cosine(first: dict[int, float], second: dict[int, float]) -> float:
    norms = [math.sqrt(sum(weight**2 for weight in each.values())) for each in (first, second)]
    if 0 in norms:
        return 0.0
    return sum(weight * second.get(term, 0.0) for term, weight in first.items()) / norms[0] / norms[1]


def test_sums_by_hand() -> None:
    vectors = term_vectors([{0: 0.5, 2: 1.0}, {2: 0.25}, {}], 3)
    # Item 0 occurs twice in group 0 and counts once; group 1 has an item without terms alone; group 2 has none.
    sums = sum_terms(np.array([0, 0, 0, 1]), np.array([0, 1, 0, 2]), 3, vectors)
    assert [vector(sums, group) for group in range(3)] == [{0: 0.5, 2: 1.25}, {}, {}]
    assert sums.norms.tolist() == [pytest.approx(math.hypot(0.5, 1.25)), 0.0, 0.0]


@given(ITEMS, st.data())
def test_sums_and_cosines_are_those_of_plain_python(items: list[dict[int, float]], data: st.DataObject) -> None:
    pairs = data.draw(st.lists(st.tuples(st.integers(0, 3), st.integers(0, len(items) - 1)), max_size=20))
    groups, chosen = (np.array([pair[place] for pair in pairs], np.int64) for place in (0, 1))
    sums = sum_terms(groups, chosen, 4, term_vectors(items, 6))
    expected: list[dict[int, float]] = [{}, {}, {}, {}]
    for group, item in set(pairs):
        for term, salience in items[item].items():
            expected[group][term] = expected[group].get(term, 0.0) + salience
    assert [vector(sums, group) for group in range(4)] == expected
    left, right = np.array([3, 0, 1]), np.array([0, 2, 1])
    found = cosines(sums, sums, left, right)
    wanted = [reference_cosine(expected[one], expected[other]) for one, other in zip(left, right, strict=True)]
    assert found.tolist() == pytest.approx(wanted, abs=1e-12)
