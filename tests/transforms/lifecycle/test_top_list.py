import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.lifecycle.journeys import compressed, term_vectors
from transforms.lifecycle.term_sums import TermSums, cosines, sum_terms
from transforms.lifecycle.top_list import order_journeys


def sums_of(journeys: list[dict[int, float]]) -> TermSums:
    """Each journey has one item with these terms."""
    rows = np.arange(len(journeys))
    return sum_terms(rows, rows, len(journeys), term_vectors(journeys, 8))


def reference(relevance: list[float], similar: np.ndarray, penalty: float) -> tuple[list[int], list[float]]:
    """The ranks and scores of one user, as the rule reads."""
    left, ranks, scores = list(range(len(relevance))), [0] * len(relevance), [0.0] * len(relevance)
    above: list[int] = []
    for rank in range(1, len(relevance) + 1):
        current = {each: relevance[each] for each in left}
        for each in left:
            for _ in range(int(similar[each, above].sum())):
                current[each] *= penalty
        best = max(left, key=lambda each: (current[each], -each))
        ranks[best], scores[best] = rank, current[best]
        left.remove(best)
        above.append(best)
    return ranks, scores


def test_a_similar_journey_falls_behind_another_one() -> None:
    knitting, wool, chess = {0: 1.0, 1: 0.5}, {0: 1.0, 1: 0.4}, {5: 1.0}
    found = order_journeys(np.array([0, 3]), np.array([10.0, 9.6, 9.5]), sums_of([knitting, wool, chess]), 0.95, 0.5)
    assert found.ranks.tolist() == [1, 3, 2]
    assert found.scores.tolist() == [10.0, 9.6 * 0.95, 9.5]


def test_without_a_penalty_the_order_is_that_of_the_relevance_and_ties_keep_theirs() -> None:
    same = [{0: 1.0}] * 4
    found = order_journeys(np.array([0, 4]), np.array([1.0, 3.0, 3.0, 2.0]), sums_of(same), 1.0, 0.1)
    assert found.ranks.tolist() == [4, 1, 2, 3]
    assert found.scores.tolist() == [1.0, 3.0, 3.0, 2.0]


def test_users_do_not_see_each_other_and_journeys_without_terms_are_similar_to_none() -> None:
    journeys = [{0: 1.0}, {0: 1.0}, {}, {}]
    found = order_journeys(np.array([0, 1, 2, 2, 4]), np.array([1.0, 2.0, 4.0, 3.0]), sums_of(journeys), 0.5, 0.1)
    assert found.scores.tolist() == [1.0, 2.0, 4.0, 3.0]
    assert found.ranks.tolist() == [1, 1, 1, 2]


def test_no_journeys() -> None:
    found = order_journeys(np.array([0]), np.zeros(0), sums_of([]), 0.95, 0.5)
    assert (len(found.ranks), len(found.scores)) == (0, 0)


@given(
    st.lists(
        st.tuples(
            st.dictionaries(st.integers(0, 7), st.sampled_from([0.25, 0.5, 1.0]), max_size=3),
            st.sampled_from([0.0, 0.9, 0.95, 1.0, 2.0]),
        ),
        max_size=12,
    ),
    st.sampled_from([0.5, 0.95, 1.0]),
    st.sampled_from([0.2, 0.5, 0.9]),
    st.integers(0, 12),
)
def test_the_order_is_that_of_the_rule(
    journeys: list[tuple[dict[int, float], float]], penalty: float, limit: float, cut: int
) -> None:
    sums, relevance = sums_of([terms for terms, _ in journeys]), [value for _, value in journeys]
    count = len(journeys)
    every = np.arange(count)
    similar = np.array(
        [cosines(sums, sums, np.array([row]), np.array([column]))[0] for row in every for column in every]
    )
    # Journeys whose cosine is the limit up to rounding may fall on either side.
    near = np.abs(similar - limit) < 1e-9
    if near.any():
        return
    is_similar = (similar >= limit).reshape(count, count)
    offsets = compressed([[0] * min(cut, count), [0] * (count - min(cut, count))])[0]
    found = order_journeys(offsets, np.array(relevance), sums, penalty, limit)
    for start, end in itertools.pairwise(offsets):
        ranks, scores = reference(relevance[start:end], is_similar[start:end, start:end], penalty)
        assert found.ranks[start:end].tolist() == ranks
        assert found.scores[start:end].tolist() == pytest.approx(scores)
