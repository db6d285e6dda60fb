"""The measures of stages and lists, worked out by hand."""

import numpy as np
import pytest

from tests.transforms.lifecycle.journeys import compressed, term_vectors
from transforms.evaluation.experiments.lifecycle.config import LifecycleExperimentConfig
from transforms.evaluation.experiments.lifecycle.lists import coverage, journey_terms, list_rows, ranks_by_order
from transforms.evaluation.experiments.lifecycle.past_journeys import Continuations, PastJourneys
from transforms.evaluation.experiments.lifecycle.report import describe_lifecycle, lifecycle_tables
from transforms.evaluation.experiments.lifecycle.scoring import LifecycleSample, evaluate_lifecycle
from transforms.evaluation.experiments.lifecycle.stage import (
    decayed_days,
    is_last_journey,
    return_rates,
    stage_rows,
    stages,
)
from transforms.evaluation.metric_rows import MetricIndex, metric_batch
from transforms.lifecycle.config import RhythmConfig, TopListConfig
from transforms.lifecycle.rhythm import DAY, LogGaps, active_days

DATE = 200 * DAY
CONFIG = LifecycleExperimentConfig(
    rhythm=RhythmConfig(ongoing_gaps=2.0, gap_weight=1.0),
    top_list=TopListConfig(penalty=0.3, min_similarity=0.5, importance_half_life=100.0),
)
# User 0: monthly, daily long ago, daily until now and the same topic again; user 1: one day.
TIMES = [[10, 40, 70, 100, 130, 160], [1, 2, 3, 4], [195, 196, 197, 198, 199], [191, 193, 194], [150, 150, 150]]
ITEMS = [[0, 1, 2, 0, 1, 2], [3, 4, 5, 3], [6, 7, 8, 6, 7], [6, 7, 9], [0, 1, 2]]
TERMS = term_vectors([{item if item < 6 else 6: 1.0} for item in range(10)], 10)
GAPS = LogGaps(gaps=10, days=100, end=199 * DAY)


def journeys() -> PastJourneys:
    offsets, times = compressed(TIMES)
    _, items = compressed(ITEMS)
    users = np.array([0, 0, 0, 0, 1])
    sizes = np.array([len(set(own)) for own in ITEMS])
    return PastJourneys(np.array([0, 4, 5]), users, sizes, offsets, items, times * DAY, np.array([0, 1, 2, 2, 0]))


def following() -> Continuations:
    # The monthly journey is continued after 20 days, the recent ones after 40 and 2; the cluster of the first after 1.
    days = np.array([20.0, np.inf, 40.0, 2.0, np.inf])
    return Continuations(days, np.array([1.0, np.inf, 2.0, 2.0, np.inf]), np.array([[0, 0], [0, 2], [0, 5], [1, 7]]))


def test_rules_by_hand() -> None:
    rules = stages(journeys(), GAPS, DATE, CONFIG)
    # Mean gaps shrunk by one of 10 days: (150 + 10) / 6, (3 + 10) / 4, (4 + 10) / 5, (3 + 10) / 3, 10.
    assert {name: flags.tolist() for name, flags in rules.items()} == {
        "own gaps": [True, False, True, True, False],
        "gaps of the log": [False, False, True, True, False],
        "30 days": [False, False, True, True, False],
        "90 days": [True, False, True, True, True],
        "last journey": [False, False, True, False, True],
    }
    assert is_last_journey(journeys()).tolist() == rules["last journey"].tolist()


def test_precision_and_recall_by_hand() -> None:
    index = MetricIndex([metric_batch(list(stage_rows(journeys(), following(), GAPS, DATE, CONFIG)))])

    def value(metric: str, rule: str, days: int) -> float:
        return index.value(f"lifecycle_{metric}", rule=rule, judgement="journey", days=days)

    assert value("precision", "own gaps", 30) == pytest.approx(2 / 3)
    assert value("recall", "own gaps", 30) == 1.0
    assert value("precision", "30 days", 30) == 0.5
    assert value("recall", "30 days", 30) == 0.5
    assert value("f1", "last journey", 90) == pytest.approx(2 / 5)
    assert value("ongoing", "90 days", 90) == 0.8
    assert index.value("lifecycle_continued", judgement="journey", days=90) == 0.6
    assert index.value("lifecycle_f1_difference", rival="30 days", judgement="journey", days=30) == pytest.approx(0.3)


def test_the_penalty_moves_a_similar_journey_down() -> None:
    found = ranks_by_order(journeys(), GAPS, DATE, TERMS, CONFIG)
    assert journey_terms(journeys(), TERMS).norms[2] == 3.0
    # The importances are 2.90, 1.01, 4.93 and 2.87; the last is similar to the third, and 0.3 of it is 0.86.
    assert found["importance"].tolist() == [2, 4, 1, 3, 1]
    assert found["importance, diverse"].tolist() == [2, 3, 1, 4, 1]
    # All have three items: the more recent one comes first.
    assert found["size"].tolist() == [3, 4, 1, 2, 1]
    assert found["recency"].tolist() == [3, 4, 1, 2, 1]


def test_coverage_by_hand() -> None:
    is_listed = np.array([True, False, False, True, True])
    # User 0 has four journeys, three of them continued, two of these listed; user 1 has too few.
    assert coverage(journeys(), following(), is_listed, "journeys", 2, 90).tolist() == [pytest.approx(2 / 3)]
    # Of the clusters 0, 2 and 5, the listed journeys have 0 and 2.
    assert coverage(journeys(), following(), is_listed, "clusters", 2, 90).tolist() == [pytest.approx(2 / 3)]
    assert len(coverage(journeys(), following(), is_listed, "clusters", 4, 90)) == 0


def test_all_tables() -> None:
    sample = LifecycleSample(journeys(), following(), TERMS, GAPS, DATE)
    batch = evaluate_lifecycle(sample, CONFIG)
    assert batch.equals(evaluate_lifecycle(sample, CONFIG))
    index = MetricIndex([batch])
    tables = lifecycle_tables(index)
    assert [table.title.partition(":")[0] for table in tables] == [
        "Stages",
        "Stages",
        "Scores of continuation",
        "Recurrence",
        "Lists",
        "Lists",
    ]
    assert all(table.rows for table in tables)
    assert "5 journeys of 2 users" in describe_lifecycle(index)[0]


def test_users_without_enough_journeys_give_no_lists() -> None:
    given = journeys()._replace(offsets=np.array([0, 1, 2, 3, 4, 5]), users=np.arange(5))
    pairs = np.array([[0, 0], [2, 2]])
    assert list(list_rows(given, following()._replace(next_clusters=pairs), GAPS, DATE, TERMS, CONFIG)) == []


def test_the_return_rate_falls_with_silence() -> None:
    days = active_days(*compressed([[0, 10 * DAY, 20 * DAY]] * 3))
    rates = return_rates(days, np.array([0.0, 10.0, 100.0]), mean_gap=10.0, weight=1.0)
    assert rates.tolist() == [3 / 30, 3 / 40, 3 / 130]
    assert return_rates(active_days(*compressed([[0]])), np.zeros(1), 0.0, 1.0).tolist() == [24.0]


def test_decayed_days_by_hand() -> None:
    days = active_days(*compressed([[0, 10 * DAY, 10 * DAY + 5], [20 * DAY]]))
    assert decayed_days(days, 20 * DAY, 10.0).tolist() == [0.75, 1.0]
