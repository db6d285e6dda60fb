import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from transforms.evaluation.experiments.naming import retrieval
from transforms.evaluation.experiments.naming.retrieval import cosines, mean_vectors, medoids, retrieve_own

JOURNEYS = np.array([[1, 0], [0, 1], [0.6, 0.8], [-1, 0]], np.float32)


def test_by_hand() -> None:
    names = np.array([[1, 0], [0.6, 0.8], [0.6, 0.8], [1, 0]], np.float32)
    found = retrieve_own(names, JOURNEYS)
    assert found.recall.tolist() == [1, 0, 1, 0]  # the second is nearer to the third journey, the last fits all others
    assert found.reciprocal_rank.tolist() == [1, 1 / 2, 1, 1 / 4]
    assert found.over_broadness.tolist() == pytest.approx([0, 1 / 3, 0, 1])


def test_ties_are_against_the_own_journey() -> None:
    blank = retrieve_own(np.zeros((4, 2), np.float32), JOURNEYS)
    assert blank.recall.tolist() == [0] * 4
    assert blank.reciprocal_rank.tolist() == [1 / 4] * 4
    assert blank.over_broadness.tolist() == [1] * 4
    same = retrieve_own(JOURNEYS[[0, 0]], JOURNEYS[[0, 0]])
    assert same.reciprocal_rank.tolist() == [1 / 2] * 2


@given(
    vectors=arrays(np.float32, (2, 7, 3), elements=st.integers(-2, 2).map(float)),
    at_once=st.integers(1, 8),
)
def test_as_counted_one_by_one(vectors: np.ndarray, at_once: int) -> None:
    names, journeys = vectors
    expected = []
    for place, name in enumerate(names):
        near = cosines(np.broadcast_to(name, journeys.shape), journeys).round(9)
        expected.append(sum(near[other] >= near[place] for other in range(7) if other != place))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(retrieval, "_NAMES_PER_BLOCK", at_once)
        found = retrieve_own(names, journeys)
    assert (1 / found.reciprocal_rank - 1).round().tolist() == expected
    assert found.recall.tolist() == [float(rivals == 0) for rivals in expected]
    assert found.over_broadness == pytest.approx(np.array(expected) / 6)


def test_cosines() -> None:
    first = np.array([[3, 0], [1, 1], [0, 0]], np.float32)
    second = np.array([[1, 1], [-2, -2], [1, 0]], np.float32)
    assert cosines(first, second) == pytest.approx([np.sqrt(0.5), -1, 0])


def test_means_and_medoids() -> None:
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [0, 1], [1, 0]], np.float32)
    offsets = np.array([0, 3, 3, 5])
    assert mean_vectors(vectors, offsets) == pytest.approx(np.array([[1.6 / 3, 0.6], [0, 0], [0.5, 0.5]]))
    assert medoids(vectors, offsets) == [2, None, 0]  # of two that are as near it is the first


def test_one_name_alone_has_no_rival() -> None:
    with pytest.raises(ValueError, match="at least two names"):
        retrieve_own(JOURNEYS[:1], JOURNEYS[:1])
