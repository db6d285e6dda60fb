import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from transforms.evaluation.experiments.prompting.matching import match_names, soft_scores


def best_total(similarities: np.ndarray) -> float:
    """The largest total of all assignments, tried one by one."""
    references, names = similarities.shape
    if references > names:
        return best_total(similarities.T)
    chosen = itertools.permutations(range(names), references)
    return max(sum(similarities[row, column] for row, column in enumerate(columns)) for columns in chosen)


@given(
    st.tuples(st.integers(1, 5), st.integers(1, 5)).flatmap(
        lambda shape: arrays(float, shape, elements=st.floats(0, 1))
    )
)
def test_no_other_assignment_is_better(similarities: np.ndarray) -> None:
    found = match_names(similarities)
    assert found.similarities.sum() == pytest.approx(best_total(similarities))
    used = found.names[found.names >= 0]
    assert len(set(used.tolist())) == len(used) == min(similarities.shape)
    rows = np.flatnonzero(found.names >= 0)
    assert found.similarities[rows].tolist() == similarities[rows, used].tolist()


def test_a_greedy_choice_would_be_worse() -> None:
    # The best pair alone, 0.9, would leave 0.0 for the other reference.
    found = match_names([[0.9, 0.8], [0.7, 0.0]])
    assert found.names.tolist() == [1, 0]
    assert found.similarities.tolist() == [0.8, 0.7]


def test_missing_names_and_negative_similarities() -> None:
    assert match_names(np.zeros((3, 0))).names.tolist() == [-1, -1, -1]
    found = match_names([[0.5], [-0.2]])
    assert (found.names.tolist(), found.similarities.tolist()) == ([0, -1], [0.5, 0.0])
    assert match_names([[-0.2]]).similarities.tolist() == [0.0]


@pytest.mark.parametrize("similarities", [[0.5], [[float("nan")]]])
def test_invalid_similarities(similarities: list[object]) -> None:
    with pytest.raises(ValueError, match="must be finite, of shape"):
        match_names(similarities)


def test_soft_scores() -> None:
    matching = match_names([[0.8, 0.1, 0.0, 0.0], [0.0, 0.6, 0.0, 0.0]])
    assert soft_scores(matching, 4) == pytest.approx((1.4 / 2, 1.4 / 4, 2.8 / 6))
    assert soft_scores(match_names(np.zeros((2, 0))), 0) == (0.0, 0.0, 0.0)
