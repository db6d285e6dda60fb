"""Users who have a large part of all interactions."""

import numpy as np
import pyarrow as pa
import pytest

from transforms.datasets.dominant_users import METRIC, count_large_users, dominant_users, without_other_users


def run(numbers: dict[str, int], users: int = 20, kept: int = 900) -> dict[tuple[str, str], int]:
    """The summed counts of a run of 1000 interactions."""
    dropped = {"duplicate": 40, "beyond_max_history": 1000 - kept - 40, "event_not_kept": 5000}
    others = {("interactions_dropped", reason): number for reason, number in dropped.items()}
    of_users = {(METRIC, user): number for user, number in numbers.items()}
    return {("users", ""): users, ("interactions_kept", ""): kept} | others | of_users


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (run({"anonymous": 400, "0": 101, "u1": 100}), {"anonymous": 0.4, "0": 0.101}),
        (run({"b": 200, "a": 200}), {"a": 0.2, "b": 0.2}),
        (run({"anonymous": 400}, users=19), {}),
        ({}, {}),
    ],
)
def test_users_above_a_tenth(counts: dict[tuple[str, str], int], expected: dict[str, float]) -> None:
    assert dominant_users(counts) == expected
    assert list(dominant_users(counts)) == list(expected)
    left = dict(without_other_users(counts.items()))
    assert {user for metric, user in left if metric == METRIC} == set(expected)
    assert {key for key in counts if key[0] != METRIC} == {key for key in left if key[0] != METRIC}


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([3, 100, 7], [((METRIC, "b"), 100)]),
        ([3, 99, 7], []),
        ([300, 100, 200], [((METRIC, "a"), 300), ((METRIC, "b"), 100), ((METRIC, "c"), 200)]),
        ([2000, 100, 200], [((METRIC, "a"), 2000)]),
        ([], []),
    ],
)
def test_every_user_with_a_large_part_of_a_bucket_is_counted(numbers: list[int], expected: list[object]) -> None:
    users = pa.array(["a", "b", "c"][: len(numbers)], pa.string())
    assert list(count_large_users(users, np.array(numbers, np.int64))) == expected
