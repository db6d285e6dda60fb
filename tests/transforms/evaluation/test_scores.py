import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score

from transforms.evaluation.scores import Scores, drop_small_groups, score, score_noise

LABELS = st.lists(st.tuples(st.integers(-1, 4), st.integers(-1, 4)), min_size=1, max_size=20)


def scores_of(true: list[int], found: list[int]) -> dict[str, float]:
    result = score(np.array([0, len(true)]), np.array(true), np.array(found))
    return {name: float(values[0]) for name, values in result._asdict().items()}


def alone(labels: list[int]) -> list[int]:
    """Each -1 as a label of its own."""
    return [label if label >= 0 else 1000 + position for position, label in enumerate(labels)]


def plain_bcubed(true: list[int], found: list[int]) -> tuple[float, float, float]:
    true, found = alone(true), alone(found)
    everything = range(len(true))
    precision = recall = 0.0
    for one in everything:
        together = [other for other in everything if found[other] == found[one]]
        equal = [other for other in everything if true[other] == true[one]]
        both = len(set(together) & set(equal))
        precision += both / len(together) / len(true)
        recall += both / len(equal) / len(true)
    return precision, recall, 2 * precision * recall / (precision + recall)


def plain_placed(true: list[int], found: list[int]) -> float:
    """Mean over true labels of the fraction of their items in the largest predicted group."""
    groups = alone(found)
    fractions = []
    for label in sorted(set(true) - {-1}):
        inside = [groups[position] for position in range(len(true)) if true[position] == label]
        fractions.append(max(inside.count(group) for group in inside) / len(inside))
    return sum(fractions) / len(fractions) if fractions else 0.0


@given(LABELS)
def test_scores_are_those_of_the_plain_definitions(pairs: list[tuple[int, int]]) -> None:
    true, found = [list(labels) for labels in zip(*pairs, strict=True)]
    result = scores_of(true, found)
    assert [result["bcubed_precision"], result["bcubed_recall"], result["f1"]] == pytest.approx(
        plain_bcubed(true, found)
    )
    assert result["ari"] == pytest.approx(adjusted_rand_score(alone(true), alone(found)))
    assert result["recall"] == pytest.approx(plain_placed(true, found))
    assert result["precision"] == pytest.approx(plain_placed(found, true))


@given(st.lists(LABELS, min_size=1, max_size=4))
def test_histories_do_not_meet(histories: list[list[tuple[int, int]]]) -> None:
    offsets = np.concatenate([[0], np.cumsum([len(history) for history in histories])])
    pairs = np.array([pair for history in histories for pair in history])
    together = score(offsets, pairs[:, 0], pairs[:, 1])
    for number, history in enumerate(histories):
        true, found = [list(labels) for labels in zip(*history, strict=True)]
        separate = scores_of(true, found)
        assert {name: values[number] for name, values in together._asdict().items()} == pytest.approx(separate)


def test_by_hand() -> None:
    # Collection 0 has a b c d, collection 1 has e f. Found: {a b c e}, {d}, and f is in no journey.
    found = scores_of([0, 0, 0, 0, 1, 1], [7, 7, 7, 9, 7, -1])
    assert found["recall"] == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert found["precision"] == pytest.approx((3 / 4 + 1) / 2)
    assert found["bcubed_precision"] == pytest.approx((3 * 3 / 4 + 1 + 1 / 4 + 1) / 6)
    assert found["bcubed_recall"] == pytest.approx((3 * 3 / 4 + 1 / 4 + 1 / 2 + 1 / 2) / 6)


@pytest.mark.parametrize(
    ("true", "found", "expected"),
    [
        ([0, 0, 1, 1], [5, 5, 2, 2], {"recall": 1, "precision": 1, "f1": 1, "ari": 1}),
        ([0, 0, 1, 1], [0, 0, 0, 0], {"recall": 1, "precision": 1 / 2, "ari": 0}),
        ([0, 0, 1, 1], [-1, -1, -1, -1], {"recall": 1 / 2, "precision": 0, "bcubed_precision": 1, "ari": 0}),
        ([-1, -1], [-1, -1], {"recall": 0, "precision": 0, "f1": 1, "ari": 1}),
        ([3], [0], {"recall": 1, "precision": 1, "f1": 1, "ari": 1}),
    ],
)
def test_ends_of_the_scale(true: list[int], found: list[int], expected: dict[str, float]) -> None:
    result = scores_of(true, found)
    assert {name: result[name] for name in expected} == pytest.approx(expected)


def test_what_cannot_be_scored_is_said() -> None:
    labels = np.zeros(3, np.int64)
    with pytest.raises(ValueError, match="history 1 has no items"):
        score(np.array([0, 2, 2, 3]), labels, labels)
    with pytest.raises(ValueError, match="3 items need one label each, got 3 true and 2 predicted"):
        score(np.array([0, 3]), labels, labels[:2])


def test_no_histories() -> None:
    nothing = np.zeros(0, np.int64)
    assert all(len(values) == 0 for values in score(np.zeros(1, np.int64), nothing, nothing))
    assert len(Scores._fields) == 6


def test_noise_by_hand() -> None:
    true = np.array([0, 0, 0, 1, 1, -1, -1, -1, -1, 0, -1])
    found = np.array([5, 5, 5, 5, -1, 5, -1, 7, 7, -1, -1])
    scores = score_noise(np.array([0, 9, 11]), true, found)
    # Of seven items in journeys only three are of the collection of their journey; journey 7 is of noise only.
    assert scores.precision.tolist()[0] == pytest.approx(3 / 7)
    assert np.isnan(scores.precision[1])
    assert scores.noise.tolist() == [0.75, 0]
    # Without the noise: recalls 1, 1, 1, 1/2, 1/2, precisions 3/4, 3/4, 3/4, 1/4, 1.
    assert scores.recall.tolist() == [pytest.approx(4 / 5), 1]
    assert scores.f1.tolist() == [pytest.approx(2 * 0.8 * 0.7 / 1.5), 1]
    without = score_noise(np.array([0, 2]), np.array([0, 0]), np.array([3, 3]))
    assert np.isnan(without.noise[0])
    assert without.precision.tolist() == without.f1.tolist() == [1]


def test_small_groups_are_no_journeys() -> None:
    offsets, labels = np.array([0, 5, 8]), np.array([4, 4, 4, 2, 2, 4, -1, 2])
    assert drop_small_groups(offsets, labels, 3).tolist() == [4, 4, 4, -1, -1, -1, -1, -1]
    assert drop_small_groups(offsets, labels, 1).tolist() == labels.tolist()
