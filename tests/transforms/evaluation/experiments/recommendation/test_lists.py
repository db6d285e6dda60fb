import numpy as np
import pytest

from tests.transforms.evaluation.experiments.recommendation.logs import CLUSTERS, ITEMS, catalogue, training
from transforms.evaluation.experiments.recommendation.lists import (
    Allocation,
    best_clusters,
    mix_lists,
    rank_in_clusters,
    rank_items,
)
from transforms.evaluation.experiments.recommendation.training import Floats
from transforms.recommendation.histories import Integers

TRAINING = training()
USERS = np.arange(40)


class Fixed:
    """Scores by user, few of them equal."""

    def __init__(self, width: int) -> None:
        self.table = np.random.default_rng(width).integers(0, 7, (TRAINING.past.user_count, width)).astype(float)

    def scores(self, users: Integers) -> Floats:
        return self.table[users].copy()


def consumed(user: int) -> set[int]:
    past = TRAINING.past
    return set(past.items[past.offsets[user] : past.offsets[user + 1]].tolist())


def test_items_are_ranked_as_by_sorting() -> None:
    scorer, random = Fixed(ITEMS), np.random.default_rng(1)
    weights = random.choice([0.0, 0.5, 1.0], (len(USERS), CLUSTERS))
    found = rank_items(scorer, TRAINING, USERS, weights, 10)
    for user, row in zip(USERS.tolist(), found, strict=True):
        scores = {
            item: scorer.table[user, item] * weights[user, item % CLUSTERS]
            for item in range(ITEMS)
            if item not in consumed(user) and weights[user, item % CLUSTERS] > 0
        }
        expected = sorted(scores, key=lambda item, found=scores: (-found[item], item))[:10]
        assert row[row >= 0].tolist() == expected


def test_items_of_clusters_in_turn() -> None:
    chooser, scorer = Fixed(CLUSTERS), Fixed(ITEMS)
    found = rank_in_clusters(chooser, scorer, TRAINING, USERS, Allocation(3, None), 7)
    novel = TRAINING.consumed[USERS] == 0
    for user, row in zip(USERS.tolist(), found, strict=True):
        order = sorted(
            np.flatnonzero(novel[user]).tolist(), key=lambda each, own=user: (-chooser.table[own, each], each)
        )
        members = [
            sorted(range(cluster, ITEMS, CLUSTERS), key=lambda item, own=user: (-scorer.table[own, item], item))
            for cluster in order[:3]
        ]
        expected = [own[turn] for turn in range(6) for own in members][:7]
        assert row[row >= 0].tolist() == expected


def test_a_power_of_zero_ignores_how_likely_clusters_are() -> None:
    chooser, scorer = Fixed(CLUSTERS), Fixed(ITEMS)
    novel = (TRAINING.consumed[USERS] == 0).astype(float)
    found = rank_in_clusters(chooser, scorer, TRAINING, USERS, Allocation(100, 0.0), 10)
    assert (found == rank_items(scorer, TRAINING, USERS, novel, 10)).all()
    other = rank_in_clusters(chooser, scorer, TRAINING, USERS, Allocation(100, 3.0), 10)
    assert (found != other).any()


def test_only_allowed_clusters_are_chosen() -> None:
    allowed = np.zeros((2, CLUSTERS), bool)
    allowed[0, [2, 5]] = True
    found = best_clusters(Fixed(CLUSTERS), np.array([3, 4]), allowed, 3)
    assert set(found[0].tolist()) == {2, 5, -1}
    assert found[1].tolist() == [-1, -1, -1]
    assert len(catalogue().parents) == CLUSTERS


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.0, [1, 2, 3, 4]), (0.5, [1, 5, 2, 6]), (1.0, [5, 6, 1, 2]), (0.25, [1, 2, 3, 5])],
)
def test_novel_items_are_evenly_spaced_and_short_lists_filled(fraction: float, expected: list[int]) -> None:
    familiar, novel = np.array([[1, 2, 3, 4]], np.int32), np.array([[5, 6, -1, -1]], np.int32)
    assert mix_lists(familiar, novel, fraction).tolist() == [expected]
    assert mix_lists(familiar[:, :2], novel[:, :2], 0.0).tolist() == [[1, 2]]
