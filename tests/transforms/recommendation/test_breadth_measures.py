import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.recommendation.test_measures import RECTOOLS
from transforms.recommendation.breadth_measures import (
    DAY,
    CountEngagedClusters,
    CountListed,
    count_codes,
    engagements,
    list_diversity,
    weekly_ends,
    window_breadth,
)

ROWS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 20)), max_size=60)


def columns(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    users, clusters, days = np.array(rows, np.int64).reshape(-1, 3).T
    return users, clusters.astype(np.int32), days * DAY


@given(ROWS)
@settings(max_examples=50, deadline=None)
def test_uci_and_engaged_pairs_are_those_of_plain_sets(rows: list[tuple[int, int, int]]) -> None:
    ends = np.array([7, 10, 21]) * DAY
    found = window_breadth(engagements(*columns(rows), ends))
    for window, end in enumerate((7, 10, 21)):
        pairs = {(user, cluster) for user, cluster, day in rows if end - 7 <= day < end}
        assert found.engaged_pairs(window) == len(pairs)
        for at_least in (1, 2, 4):
            users = [user for user in range(5) if sum(pair[0] == user for pair in pairs) >= at_least]
            assert found.uci(window, at_least) == len(users)


@given(ROWS, st.permutations(range(4)))
@settings(max_examples=30, deadline=None)
def test_engaged_clusters_do_not_depend_on_how_interactions_are_divided(
    rows: list[tuple[int, int, int]], order: list[int]
) -> None:
    ends, combine = np.array([8, 15]) * DAY, CountEngagedClusters()
    parts = [combine.create_accumulator() for _ in range(4)]
    for place, row in enumerate(rows):
        parts[place % 4] = combine.add_input(parts[place % 4], engagements(*columns([row]), ends))
    merged = combine.merge_accumulators([combine.merge_accumulators([parts[place]]) for place in order])
    found, whole = combine.extract_output(merged), window_breadth(engagements(*columns(rows), ends))
    assert found.windows.tolist() == whole.windows.tolist()
    assert found.clusters.tolist() == whole.clusters.tolist()


def test_diversity_of_lists_by_parts_and_as_rectools() -> None:
    lists, items = RECTOOLS["lists"], RECTOOLS["items"]
    combine = CountListed(items)
    parts = [combine.add_input(combine.create_accumulator(), np.array([*row, -1], np.int32)) for row in lists]
    merged = combine.merge_accumulators([combine.merge_accumulators(parts[10:]), *parts[:10]])
    found = combine.extract_output(merged)
    assert found == list_diversity(count_codes(np.concatenate([np.array(row) for row in lists]), items))
    assert found.coverage == pytest.approx(RECTOOLS["coverage"], abs=1e-9)
    assert 0 < found.gini < 1
    assert 1 < found.effective < 40.0001


def test_weeks_are_complete() -> None:
    assert weekly_ends(3 * DAY, 24 * DAY).tolist() == [10 * DAY, 17 * DAY, 24 * DAY]
    assert not len(weekly_ends(0, 6 * DAY))
