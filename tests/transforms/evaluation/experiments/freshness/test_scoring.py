import numpy as np
import pytest

from tests.transforms.evaluation.exploration_samples import CLUSTERS, DAY, Rule, sample_of
from transforms.evaluation.experiments.freshness.config import FreshnessConfig
from transforms.evaluation.experiments.freshness.experiment import FreshnessExperiment
from transforms.evaluation.experiments.freshness.scoring import (
    ALL_USERS,
    OTHER_USERS,
    SAME_PERIOD,
    equal_periods,
    evaluate_freshness,
)
from transforms.evaluation.metric_rows import MetricIndex
from transforms.exploration.transitions import SplitTimes
from transforms.report.markdown import render_table

CHANGE = 255
"""The day at which users begin to go to other clusters, in the validation period."""


def stable(day: int) -> tuple[int, ...]:
    return (1, 2, 3, 4, 5)


def changing(day: int) -> tuple[int, ...]:
    return stable(day) if day < CHANGE else (6, 7, 8, 9, 10)


def index_of(rule: Rule) -> MetricIndex:
    sample = sample_of(rule, lambda cluster: False)
    return MetricIndex([evaluate_freshness(sample, FreshnessConfig(drift_periods=4, min_context_users=5))])


def jaccard(index: MetricIndex, compared: str) -> float:
    return index.value("freshness_jaccard", size=1, compared=compared)


def test_change_is_larger_than_chance() -> None:
    gaps = [
        jaccard(index, SAME_PERIOD) - jaccard(index, OTHER_USERS) for index in (index_of(stable), index_of(changing))
    ]
    assert abs(gaps[0]) < 0.05 < gaps[1]
    assert jaccard(index_of(stable), ALL_USERS) > jaccard(index_of(changing), ALL_USERS)


def test_a_refresh_of_what_changed_recovers_recall() -> None:
    index = index_of(lambda day: tuple(range(1, 16)) if day < CHANGE else (6, 7, 8, 9, 10))
    recall = {name: index.value("freshness_recall", threshold=name) for name in ("none", 1.0, "all")}
    assert recall["none"] < recall[1.0] <= recall["all"]
    thresholds = ("none", 0.0, 0.3, 0.5, 0.7, 1.0, "all")
    contexts = [index.value("freshness_refreshed", threshold=threshold) for threshold in thresholds]
    assert contexts == sorted(contexts)
    assert contexts[0] == contexts[1] == 0 < contexts[-2] <= contexts[-1] == CLUSTERS
    traffic = [index.value("freshness_refreshed_traffic", threshold=threshold) for threshold in thresholds]
    assert traffic == sorted(traffic)
    assert traffic[-1] == 1


def test_recent_successors_predict_after_a_change() -> None:
    index = index_of(changing)
    hits = {fraction: index.value("freshness_recent_hits", size=1, fraction=fraction) for fraction in (0.1, 1.0)}
    assert hits[0.1] > hits[1.0] + 0.1
    steady = index_of(stable)
    assert (
        abs(
            steady.value("freshness_recent_hits", size=1, fraction=0.1)
            - steady.value("freshness_recent_hits", size=1, fraction=1.0)
        )
        < 0.05
    )


def test_tables() -> None:
    sample = sample_of(changing, lambda cluster: False)
    metrics = evaluate_freshness(sample, FreshnessConfig())
    keys = list(zip(metrics["metric"].to_pylist(), metrics["slice"].to_pylist(), strict=True))
    assert len(set(keys)) == len(keys)
    drift, recent, refresh = FreshnessExperiment().tables([metrics])
    assert [row[1].text for row in drift.rows] == [ALL_USERS, OTHER_USERS, SAME_PERIOD]
    assert [row[1].text for row in recent.rows] == ["3%", "10%", "30%", "100%"]
    labels = ["none", "new contexts alone", "below 0.3", "below 0.5", "below 0.7", "below 1", "all"]
    assert [row[0].text for row in refresh.rows] == labels
    assert all(render_table(table) for table in (drift, recent, refresh))
    assert FreshnessExperiment().describe([metrics])


def test_periods_have_equal_numbers_of_interactions() -> None:
    times = np.array([5, 1, 2, 3, 4, 9])
    assert equal_periods(times, times, 3).tolist() == [2, 0, 0, 1, 1, 2]
    assert equal_periods(times, np.array([0, 3, 100]), 2).tolist() == [0, 0, 1]


def test_without_a_test_period_nothing_is_measured() -> None:
    sample = sample_of(stable, lambda cluster: False, users=10)
    with pytest.raises(ValueError, match="there are no transitions in the test period"):
        evaluate_freshness(sample._replace(boundaries=SplitTimes(400 * DAY, 500 * DAY)), FreshnessConfig())
