import numpy as np
from hypothesis import given

from tests.transforms.exploration.histories import CLUSTERS, LOGS, USERS, Events, distinct, first_of, rows_of
from transforms.exploration.training_counts import (
    TrainingCounts,
    TrainingPeriods,
    add_training_counts,
    count_training,
    training_periods,
)

PERIODS = TrainingPeriods(50, (40, 30, 20))


def training(users: list[Events], periods: TrainingPeriods = PERIODS) -> TrainingCounts:
    return count_training(first_of(users), CLUSTERS, 2, periods)


def test_counts_by_hand() -> None:
    counts = training(USERS)
    assert [len(order.counts) for order in counts.orders] == [4, 3, 2]
    assert rows_of(counts.orders[2]) == [((0, 1), 2, 0, 2, 2), ((1, 2), 3, 0, 1, 1)]
    assert counts.users[0].tolist() == [3, 3, 2, 1, 0]
    assert counts.recent.tolist() == [[0, 0, 0, 1, 0], [0, 0, 2, 1, 0], [0, 3, 2, 1, 0]]
    assert counts.successors.tolist() == [[0, 3, 2, 1, 0], [0, 0, 2, 1, 0], [0, 0, 0, 1, 0], [0] * 5, [0] * 5]


@given(LOGS)
def test_pairs_are_those_of_a_plain_loop(users: list[Events]) -> None:
    counts = training(users, TrainingPeriods(7, (5, 4, 3)))
    together, after = np.zeros((2, CLUSTERS, CLUSTERS), np.int64)
    for events in users:
        own = [event for event in distinct(events) if event[1] < 7]
        for row, (cluster, time) in enumerate(own):
            for other, _ in own:
                together[cluster, other] += 1
            for before, _ in own[:row]:
                after[before, cluster] += time >= 3
    assert counts.users.tolist() == together.tolist()
    assert counts.successors.tolist() == after.tolist()


@given(LOGS)
def test_sums_over_buckets_are_those_of_all_users(users: list[Events]) -> None:
    periods = TrainingPeriods(7, (5, 4, 3))
    added = add_training_counts([training(users[3:], periods), training(users[:3], periods)])
    whole = training(users, periods)
    for one, other in zip((*added.orders, added[1:]), (*whole.orders, whole[1:]), strict=True):
        for column, expected in zip(one, other, strict=True):
            assert column.tobytes() == expected.tobytes()


def test_recent_periods_end_with_training() -> None:
    assert training_periods(np.arange(120)[::-1], 100) == (100, (97, 90, 70))
