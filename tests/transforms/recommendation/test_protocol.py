import numpy as np

from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.protocol import (
    before,
    between,
    consumed_clusters,
    measured_users,
    take_targets,
    take_users,
    targets_of,
)

# Items 0, 1 | 2, 3 | 4 are in clusters 0 | 1 | 2; the date is 10.
CLUSTERS = np.array([0, 0, 1, 1, 2], np.int32)
LOG = ItemHistories(
    np.array([0, 6, 8, 9]),
    np.array([0, 2, 3, 0, 4, 3, 1, 1, 2], np.int32),
    np.array([1, 2, 10, 11, 12, 13, 5, 20, 30]),
)


def test_targets_are_what_follows_and_was_not_consumed_before() -> None:
    past, future = before(LOG, 10), between(LOG, 10)
    assert past.offsets.tolist() == [0, 2, 3, 3]
    targets = targets_of(past, future, CLUSTERS, 3)
    assert targets.offsets.tolist() == [0, 2, 2, 3]
    assert targets.items.tolist() == [3, 4, 2]  # 0 and 1 were consumed before, 3 occurs twice
    assert targets.is_novel.tolist() == [False, True, True]
    assert consumed_clusters(past, CLUSTERS, 3).tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0]]


def test_only_users_with_a_past_and_a_target_are_measured() -> None:
    past, targets = before(LOG, 10), targets_of(before(LOG, 10), between(LOG, 10), CLUSTERS, 3)
    assert measured_users(past, targets, 5, seed=0).tolist() == [0]
    assert measured_users(past, targets, 0, seed=0).tolist() == []


def test_users_are_taken_in_the_given_order() -> None:
    found = take_users(LOG, np.array([2, 0]))
    assert found.items.tolist() == [2, 0, 2, 3, 0, 4, 3]
    assert found.offsets.tolist() == [0, 1, 7]
    targets = take_targets(targets_of(before(LOG, 10), between(LOG, 10), CLUSTERS, 3), np.array([2, 1, 0]))
    assert targets.items.tolist() == [2, 3, 4]
    assert targets.offsets.tolist() == [0, 1, 1, 3]
