import math

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import METRICS
from tests.transforms.interest.synthetic import world
from transforms.evaluation.experiments.intervention.config import InterventionConfig
from transforms.evaluation.experiments.intervention.experiment import InterventionExperiment
from transforms.evaluation.experiments.intervention.scoring import (
    INTERVENED,
    RECOMMENDERS,
    TEST_SETS,
    dense_core,
    evaluate_recommenders,
    rank_scores,
    split_pairs,
)
from transforms.evaluation.metric_rows import MetricIndex
from transforms.interest.config import InterestConfig
from transforms.interest.pairs import Pairs, distinct_pairs

QUICK = InterventionConfig(length=5, max_users=100, learning=InterestConfig(dimensions=4, epochs=5))


def log(pairs: Pairs) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict(
        {
            "user_id": pa.array([f"u{user:03}" for user in pairs.users]),
            "item_id": pa.array([f"i{item:03}" for item in pairs.items]),
        }
    )


@given(st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=60), st.integers(1, 3))
def test_in_the_core_all_have_enough_and_no_larger_part_does(rows: list[tuple[int, int]], min_pairs: int) -> None:
    users, items = np.array(rows).T
    core = dense_core(distinct_pairs(users, items, (8, 8)), min_pairs)
    left = set(rows)
    while True:
        kept = {
            (user, item)
            for user, item in left
            if sum(u == user for u, _ in left) >= min_pairs and sum(i == item for _, i in left) >= min_pairs
        }
        if kept == left:
            break
        left = kept
    assert len(core.items) == len(left)
    assert len(core.offsets) - 1 == len({user for user, _ in left})
    assert core.item_count == len({item for _, item in left})


@pytest.mark.parametrize("intervened", [True, False])
def test_a_split_is_a_partition_of_the_pairs(intervened: bool) -> None:
    pairs = world()
    train, test = split_pairs(pairs, 0.25, seed=2, intervened=intervened)
    assert len(test.items) == round(0.25 * len(pairs.items))
    both = [set(zip(part.users.tolist(), part.items.tolist(), strict=True)) for part in (train, test)]
    assert not both[0] & both[1]
    assert both[0] | both[1] == set(zip(pairs.users.tolist(), pairs.items.tolist(), strict=True))
    again = split_pairs(pairs, 0.25, seed=2, intervened=intervened)
    assert again.test.items.tolist() == test.items.tolist()


def test_an_intervened_test_set_has_each_item_about_as_often() -> None:
    pairs = world()
    sampled = np.zeros((2, pairs.item_count))
    for seed in range(30):
        for kind in (0, 1):
            sampled[kind] += split_pairs(pairs, 0.05, seed, intervened=bool(kind)).test.popularity
    popular = pairs.popularity > 2 * np.median(pairs.popularity)
    ratios = sampled[:, popular].mean(axis=1) / sampled[:, ~popular].mean(axis=1)
    assert ratios[0] > 3
    assert 0.7 < ratios[1] < 1.4


def test_scores_by_hand() -> None:
    test = distinct_pairs(np.array([0, 0, 2]), np.array([1, 3, 0]), (3, 6))
    lists = np.array([[1, 2, 3], [4, 5, 1]], np.int32)
    found = rank_scores(lists, np.array([0, 2], np.int32), test, np.array([1, 2, 5], np.int32))
    assert found.recall.tolist() == [1.0, 0.0]
    assert found.ndcg.tolist() == [pytest.approx((1 + 0.5) / (1 + 1 / math.log2(3))), 0.0]
    assert found.popularity_overlap.tolist() == [0.5, 0.5]


def test_metrics_and_tables() -> None:
    metrics = evaluate_recommenders([log(world())], QUICK)
    METRICS.check(metrics)
    index = MetricIndex([metrics])
    for test_set in TEST_SETS:
        for name in RECOMMENDERS:
            assert 0 <= index.value("intervention_recall", recommender=name, test_set=test_set) <= 1
    popular, dice = (
        index.value("intervention_recall", recommender=name, test_set=INTERVENED) for name in ("most popular", "DICE")
    )
    assert dice > popular
    assert index.value("intervention_pairs") == len(world().items)
    (table,) = InterventionExperiment(QUICK).tables([metrics])
    assert len(table.rows) == len(TEST_SETS) * len(RECOMMENDERS)
    assert "160 users and 132 items" in InterventionExperiment(QUICK).describe([metrics])[0]


def test_the_order_of_rows_and_files_does_not_matter() -> None:
    rows = log(world())
    shuffled = rows.take(pa.array(np.random.default_rng(0).permutation(rows.num_rows)))
    assert evaluate_recommenders([shuffled.slice(99), shuffled.slice(0, 99)], QUICK) == evaluate_recommenders(
        [rows], QUICK
    )


def test_too_small_a_log() -> None:
    with pytest.raises(ValueError, match="0 items have 5 interactions by users with 5"):
        evaluate_recommenders([log(world()).slice(0, 3)], QUICK)
    with pytest.raises(ValueError, match="no intervention_recall"):
        InterventionExperiment().tables([])
