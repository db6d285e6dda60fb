import json
from pathlib import Path

import numpy as np
import pytest

from transforms.columnar import list_offsets
from transforms.recommendation.histories import NO_ITEM
from transforms.recommendation.measures import MEASURES, MeanMeasures, Targets, measure_lists, sum_measures

RECTOOLS = json.loads(Path(__file__).with_name("rectools.json").read_text())
"""What rectools 0.19.0 computes: `Recall`, `NDCG(divide_by_achievable=True)` and `HitRate` at 10, by user; of all
targets, and of those whose cluster (item modulo 5) is not that of the user (user modulo 5)."""


def targets_of(rows: list[list[int]], is_novel: list[list[bool]]) -> Targets:
    return Targets(
        list_offsets([len(row) for row in rows]),
        np.array([item for row in rows for item in row], np.int32),
        np.array([flag for row in is_novel for flag in row], bool),
    )


def padded(lists: list[list[int]], size: int) -> np.ndarray:
    return np.array([row + [NO_ITEM] * (size - len(row)) for row in lists], np.int32)


def measured_fixture() -> np.ndarray:
    lists, rows = RECTOOLS["lists"], RECTOOLS["targets"]
    users = range(len(lists))
    is_novel = [[item % 5 != user % 5 for item in rows[user]] for user in users]
    consumed = np.eye(5)[np.arange(len(lists)) % 5]
    clusters = (np.arange(RECTOOLS["items"]) % 5).astype(np.int32)
    return measure_lists(padded(lists, RECTOOLS["k"]), targets_of(rows, is_novel), clusters, consumed)


@pytest.mark.parametrize("name", sorted(RECTOOLS["by_user"]))
def test_measures_agree_with_rectools(name: str) -> None:
    assert RECTOOLS["library"] == "rectools 0.19.0"
    expected = np.array(RECTOOLS["by_user"][name], float)
    found = measured_fixture()[:, MEASURES.index(name)]
    assert np.isfinite(expected).sum() > 20
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)
    if name in RECTOOLS["mean"]:
        assert sum_measures(measured_fixture()).means[name] == pytest.approx(RECTOOLS["mean"][name], abs=1e-9)


def test_a_hand_worked_list() -> None:
    # Items 0, 1 | 2, 3 | 4 are in clusters 0 | 1 | 2. The user consumed cluster 0 three times and cluster 1 once.
    clusters, consumed = np.array([0, 0, 1, 1, 2], np.int32), np.array([[3.0, 1.0, 0.0]])
    targets = targets_of([[3, 4]], [[False, True]])
    found = dict(zip(MEASURES, measure_lists(padded([[1, 4]], 3), targets, clusters, consumed)[0], strict=True))
    second = 1 / np.log2(3)
    assert found["recall"] == 0.5
    assert found["ndcg"] == pytest.approx(second / (1 + second))
    assert found["hit_rate"] == 1
    assert (found["novel_recall"], found["novel_hit_rate"]) == (1, 1)
    assert found["novel_ndcg"] == pytest.approx(second)
    assert (found["familiar_recall"], found["familiar_ndcg"], found["familiar_hit_rate"]) == (0, 0, 0)
    assert found["novelty_ratio"] == 0.5
    assert (found["novel_cluster_recall"], found["novel_cluster_hit_rate"]) == (1, 1)
    of_list = 0.99 * np.array([0.5, 0, 0.5]) + 0.01 * np.array([0.75, 0.25, 0])
    divergence = 0.75 * np.log(0.75 / of_list[0]) + 0.25 * np.log(0.25 / of_list[1])
    assert found["calibration"] == pytest.approx(divergence)


def test_novel_clusters_are_hit_by_other_items_of_them() -> None:
    # The user consumed cluster 0, then items 2, 3 and 5 of clusters 1, 1 and 2; item 4 is of cluster 2.
    clusters, consumed = np.array([0, 0, 1, 1, 2, 2], np.int32), np.array([[1.0, 0.0, 0.0]])
    targets = targets_of([[2, 3, 5]], [[True, True, True]])
    found = dict(zip(MEASURES, measure_lists(padded([[4, 1]], 2), targets, clusters, consumed)[0], strict=True))
    assert (found["novel_hit_rate"], found["novel_cluster_recall"], found["novel_cluster_hit_rate"]) == (0, 0.5, 1)


def test_a_measure_without_targets_or_items_is_not_defined() -> None:
    clusters, consumed = np.array([0, 1], np.int32), np.array([[1.0, 0.0], [0.0, 0.0]])
    found = measure_lists(padded([[], [1]], 2), targets_of([[1], []], [[True], []]), clusters, consumed)
    defined = [{name for name, value in zip(MEASURES, row, strict=True) if not np.isnan(value)} for row in found]
    of_clusters = {"novel_cluster_recall", "novel_cluster_hit_rate"}
    assert defined[0] == {"recall", "ndcg", "hit_rate", "novel_recall", "novel_ndcg", "novel_hit_rate"} | of_clusters
    assert defined[1] == {"novelty_ratio"}


def test_sums_do_not_depend_on_how_users_are_divided() -> None:
    values = measured_fixture()
    combine, whole = MeanMeasures(), sum_measures(values)
    parts = [combine.add_input(combine.create_accumulator(), part) for part in np.array_split(values[::-1], 7)]
    for order in ([0, 1, 2, 3, 4, 5, 6], [6, 2, 0, 5, 1, 3, 4]):
        merged = combine.merge_accumulators([parts[place] for place in order])
        assert combine.extract_output(merged) == whole
    assert whole.users[0] == len(values)
    assert whole.means["recall"] == pytest.approx(values[:, 0].mean(), abs=1e-11)
    assert np.isnan(sum_measures(values[:0]).means["recall"])
