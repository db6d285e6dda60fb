from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from schemas.metric_slice import parse_slice
from tests.transforms.evaluation.experiments.recommendation.logs import catalogue, histories
from transforms.evaluation.experiments.recommendation.allocations import FAMILIAR_POWERS
from transforms.evaluation.experiments.recommendation.config import RecommendationConfig
from transforms.evaluation.experiments.recommendation.further_tables import further_tables
from transforms.evaluation.experiments.recommendation.methods import ALLOCATIONS, OURS
from transforms.evaluation.experiments.recommendation.report import comparison_tables, describe_comparison
from transforms.evaluation.experiments.recommendation.rolling import WEEK, schedule
from transforms.evaluation.experiments.recommendation.sample import RecommendationLog
from transforms.evaluation.experiments.recommendation.scoring import (
    COMPARISONS_COUNTER,
    NUM_COMPARISONS,
    evaluate_recommendation,
)
from transforms.evaluation.metric_rows import MetricIndex
from transforms.progress import Progress
from transforms.recommendation.breadth_measures import DAY
from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.protocol import before

LOG = RecommendationLog(histories(), catalogue(), 3)


@pytest.fixture(scope="module")
def metrics() -> pa.RecordBatch:
    return evaluate_recommendation(LOG, RecommendationConfig(rolling_weeks=4))


@pytest.fixture(scope="module")
def index(metrics: pa.RecordBatch) -> MetricIndex:
    return MetricIndex([metrics])


def test_the_fraction_of_novel_items_is_the_novelty_ratio(index: MetricIndex) -> None:
    for parts in index.slices("recommendation_novelty_ratio"):
        if parts["novel"] == "1.0":
            assert index.value("recommendation_novelty_ratio", **parts) == pytest.approx(1, abs=0.05), parts
        if parts["novel"] == "0.0":
            assert index.value("recommendation_novelty_ratio", **parts) < 0.5, parts


def test_all_methods_share_the_list_without_novel_items(index: MetricIndex) -> None:
    hits = {
        index.value("recommendation_hit_rate", **parts)
        for parts in index.slices("recommendation_hit_rate")
        if parts["novel"] == "0.0"
    }
    assert len(hits) == 1


def test_the_table_finds_the_rule_better_than_chance(index: MetricIndex) -> None:
    parts = {"measure": "novel_cluster_hit_rate", "method": "random novel cluster", "novel": "0.1"}
    difference = index.get("recommendation_difference", **parts)
    assert difference is not None
    assert difference.low > 0.1


def test_uci_does_not_fall_with_hits_and_falls_with_n(index: MetricIndex) -> None:
    values = {
        (parts["lists"], int(parts["at_least"])): index.value("recommendation_uci", **parts)
        for parts in index.slices("recommendation_uci")
    }
    for (name, level), value in values.items():
        assert value >= values["no list", level]
        assert value <= values[name, 1]
    levels = {level for _, level in values}
    assert any(values["K=2", level] > values["no list", level] for level in levels)


def test_every_week_is_measured_and_a_table_that_is_never_refreshed_is_older(index: MetricIndex) -> None:
    assert {parts["week"] for parts in index.slices("recommendation_week_active_users")} == set("0123")
    methods = {parts["method"] for parts in index.slices("recommendation_weeks_novel_cluster_hit_rate")}
    assert {f"lookup table, refreshed {name}" for name in ("weekly", "monthly", "never")} < methods
    first = [
        index.value("recommendation_week_breadth", method=f"lookup table, refreshed {name}", week=0)
        for name in ("weekly", "never")
    ]
    assert first[0] == first[1]


def test_every_allocation_of_the_table_is_measured(index: MetricIndex) -> None:
    metric = "recommendation_allocation_novel_cluster_hit_rate"
    found = index.slices(metric)
    assert {(parts["clusters"], parts["power"]) for parts in found} == {
        (each.clusters_name, each.power_name) for each in ALLOCATIONS
    }
    assert len(found) == len(ALLOCATIONS) * 2 * 2
    for parts in found:
        if parts["slots"] == "5":
            assert index.value(metric, **parts) <= index.value(metric, **(parts | {"slots": "10"}))


def test_the_list_of_the_chosen_allocation_is_that_of_the_comparison(index: MetricIndex) -> None:
    chosen = next(
        parts
        for parts in index.slices("recommendation_allocated_clusters")
        if parts["method"] == OURS and parts["slots"] == "10"
    )
    compared = index.value("recommendation_novel_hit_rate", method=OURS, novel="1.0")
    measured = {
        index.value("recommendation_allocation_novel_hit_rate", **parts)
        for parts in index.slices("recommendation_allocation_novel_hit_rate")
        if (parts["items"], parts["slots"], parts["power"]) == ("recommender", "10", chosen["power"])
    }
    assert compared in measured


def test_without_a_power_familiar_lists_are_those_of_the_comparison(index: MetricIndex) -> None:
    metric = "recommendation_familiar_list_familiar_hit_rate"
    assert len(index.slices(metric)) == len(FAMILIAR_POWERS) * 2 * 2
    compared = index.value("recommendation_familiar_hit_rate", method=OURS, novel="0.0")
    assert index.value(metric, items="recommender", power=0.0, slots=10) == compared


def test_pages_have_all_tables(index: MetricIndex) -> None:
    tables = [*comparison_tables(index), *further_tables(index)]
    assert len(tables) == 15
    assert all(len(table.rows) >= 3 for table in tables)
    text = " ".join(describe_comparison(index))
    assert "300 users, 48 items, 8 clusters" in text
    assert "unbiased only if" in text


def test_an_equal_log_gives_equal_metrics(metrics: pa.RecordBatch, tmp_path: Path) -> None:
    progress = Progress(str(tmp_path / "progress"))
    assert evaluate_recommendation(LOG, RecommendationConfig(rolling_weeks=4), progress).equals(metrics)
    assert progress.done() == {COMPARISONS_COUNTER: NUM_COMPARISONS}


def test_a_log_without_a_later_period_is_refused() -> None:
    same = ItemHistories(LOG.histories.offsets, LOG.histories.items, np.zeros_like(LOG.histories.times))
    with pytest.raises(ValueError, match="nothing can be measured"):
        evaluate_recommendation(LOG._replace(histories=same), RecommendationConfig())


def test_weeks_are_the_last_complete_ones_and_choices_precede_them() -> None:
    weeks = schedule(LOG.histories, 4, 0.125)
    end = int(LOG.histories.times.max()) + 1
    assert weeks.dates.tolist() == [end - WEEK * number for number in (4, 3, 2, 1)]
    assert weeks.validation < weeks.dates[0]
    assert len(before(LOG.histories, int(weeks.dates[0])).items) > 0.4 * len(LOG.histories.items)
    assert len(schedule(LOG.histories, 1000, 0.125).dates) < 120 // 7
    assert not len(schedule(LOG.histories._replace(times=LOG.histories.times // DAY), 4, 0.125).dates)


def test_slices_can_be_parsed(metrics: pa.RecordBatch) -> None:
    assert all(isinstance(parse_slice(text), dict) for text in metrics["slice"].to_pylist())
