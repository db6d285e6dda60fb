import numpy as np
import pytest

from schemas.metric_slice import parse_slice
from tests.transforms.exploration.test_blending import CENTROIDS, COUNT, FIRST, SPLIT, synthetic
from transforms.evaluation.experiments.exploration.scoring import (
    RIVALS,
    Log,
    Row,
    compare_selections,
    compare_sizes,
    compare_sources,
)
from transforms.exploration.count_models import Popularity
from transforms.exploration.explore import periods_of
from transforms.exploration.transitions import FirstOccurrences

LOG = Log(FIRST, SPLIT, periods_of(FIRST.times, SPLIT), CENTROIDS)


def users_of(first: FirstOccurrences) -> list[list[tuple[int, int]]]:
    """Clusters and times of each user."""
    pairs = list(zip(first.clusters.tolist(), first.times.tolist(), strict=True))
    return [pairs[start:stop] for start, stop in zip(first.offsets[:-1], first.offsets[1:], strict=True)]


def windows(first: FirstOccurrences, test: bool) -> list[tuple[list[int], int]]:
    """The history of each user and the next cluster: the transitions after two clusters, in plain loops."""
    return [
        ([cluster for cluster, _ in own[:place]], own[place][0])
        for own in users_of(first)
        for place in range(2, len(own))
        if (own[place][1] >= SPLIT.test) == test
    ]


def by_slice(rows: list[Row], metric: str) -> dict[tuple[str, ...], Row]:
    return {tuple(parse_slice(row["slice"]).values()): row for row in rows if row["metric"] == f"exploration_{metric}"}


@pytest.fixture(scope="module")
def compared() -> list[Row]:
    return list(compare_sources(LOG, 2, {"given": Popularity(np.arange(COUNT))}, 0))


def test_recall_is_that_of_plain_loops(compared: list[Row]) -> None:
    users = np.zeros(COUNT)
    for own in users_of(FIRST):
        for cluster, time in own:
            users[cluster] += time < SPLIT.test
    hits = [
        next(code for code in sorted(range(COUNT), key=lambda code: (-users[code], code)) if code not in before)
        == label
        for before, label in windows(FIRST, test=True)
    ]
    row = by_slice(compared, "recall")["popularity", "all", "1"]
    assert row["value"] == pytest.approx(np.mean(hits))
    assert row["n"] == len(hits)
    assert row["low"] < row["value"] < row["high"]


def test_unseen_contexts_are_those_that_training_lacks(compared: list[Row]) -> None:
    seen = {tuple(before[-2:]) for before, _ in windows(FIRST, test=False)}
    unseen = sum(tuple(before[-2:]) not in seen for before, _ in windows(FIRST, test=True))
    rows = by_slice(compared, "recall")
    assert unseen
    assert {rows[name, "unseen", "10"]["n"] for name in (*RIVALS, "given", "blend", "network")} == {unseen}


def test_tables_are_not_refitted_without_the_contexts_held_out(compared: list[Row]) -> None:
    rows = by_slice(compared, "recall")
    distinct = {tuple(before[-2:]) for before, _ in windows(FIRST, test=True)}
    assert ("given", "held_out", "10") not in rows
    assert 0 < rows["blend", "held_out", "10"]["n"] < rows["blend", "all", "10"]["n"]
    assert rows["blend", "held_out", "10"]["n"] >= round(len(distinct) / 4)


def test_the_ratio_is_that_of_the_recalls(compared: list[Row]) -> None:
    recalls = by_slice(compared, "recall")
    ratios = by_slice(compared, "recall_ratio")
    assert [k for _, k in ratios] == ["1", "5", "10"]
    for (baseline, k), row in ratios.items():
        assert recalls[baseline, "all", k]["value"] == max(recalls[name, "all", k]["value"] for name in RIVALS)
        assert row["value"] == pytest.approx(recalls["blend", "all", k]["value"] / recalls[baseline, "all", k]["value"])
        assert row["low"] <= row["value"] <= row["high"]


def test_a_source_with_one_order_has_no_variety(compared: list[Row]) -> None:
    effective, coverage, gini = (by_slice(compared, name) for name in ("effective_clusters", "coverage", "gini"))
    # Its first cluster is 11, or 10 or 9 where those are in the context.
    assert 3 <= effective["given",]["value"] < 5
    assert coverage["given",]["value"] == 3 / COUNT
    assert gini["given",]["value"] > 0.8
    assert coverage["network",]["value"] > coverage["given",]["value"]


def test_all_sizes_are_measured_on_the_same_transitions() -> None:
    rows = by_slice(list(compare_sizes(LOG, 5)), "size_recall")
    late = sum(len(before) >= 3 for before, _ in windows(FIRST, test=True))
    assert {row["n"] for row in rows.values()} == {late}
    for size in ("1", "2", "3"):
        assert {seed for name, own, seed, _ in rows if (name, own) == ("network", size)} == {"5", "6", "7"}
        assert {seed for name, own, seed, _ in rows if (name, own) == ("markov", size)} == {"5"}
    # Popularity does not depend on the context.
    assert len({rows["popularity", size, "5", "1"]["value"] for size in ("1", "2", "3")}) == 1


def test_balanced_pairs_give_more_variety() -> None:
    rows = list(compare_selections(LOG, 2, 3, 0))
    values = {
        measure: {key: row["value"] for key, row in by_slice(rows, f"selection_{measure}").items()}
        for measure in ("pairs", "coverage", "gini", "recall")
    }
    assert set(values["pairs"].values()) == {3.0 * COUNT}
    for seed in ("0", "1", "2"):
        assert values["coverage"]["balanced", seed] >= values["coverage"]["frequent", seed]
        assert values["gini"]["balanced", seed] < values["gini"]["frequent", seed]
        assert 0 < values["recall"]["frequent", seed] <= 1


def test_another_seed_holds_out_other_contexts() -> None:
    log = Log(synthetic(80, 3), SPLIT, periods_of(synthetic(80, 3).times, SPLIT), CENTROIDS)
    held_out = [
        by_slice(list(compare_sources(log, 2, {}, seed)), "recall")["popularity", "held_out", "10"]
        for seed in (0, 0, 1)
    ]
    assert held_out[0] == held_out[1]
    assert (held_out[0]["n"], held_out[0]["value"]) != (held_out[2]["n"], held_out[2]["value"])
