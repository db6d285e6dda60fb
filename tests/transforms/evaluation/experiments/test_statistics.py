import datetime
from typing import Any

import apache_beam as beam
import pyarrow as pa
import pytest

from schemas import JOURNEYS, METRICS
from schemas.metric_slice import parse_slice
from tests.transforms.beam_testing import create, run_graph
from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiment import ExperimentInputs
from transforms.evaluation.experiments.statistics import Statistics, journey_sizes, journey_statistics
from transforms.evaluation.metric_rows import metric_batch, metric_row, point
from transforms.progress import Progress
from transforms.report.markdown import render_table

NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)


def journeys(*described: tuple[str, int, int, float]) -> pa.RecordBatch:
    """Journeys of (user, distinct items, interactions, days)."""
    rows = [
        {
            "user_id": user,
            "journey_id": f"{number:016x}",
            "rank": 1,
            "size": size,
            "item_ids": ["i"] * length,
            "timestamps": [NOON] * length,
            "terms": [],
            "weights": [],
            "first_timestamp": NOON,
            "last_timestamp": NOON + datetime.timedelta(days=days),
        }
        for number, (user, size, length, days) in enumerate(described)
    ]
    batch = pa.RecordBatch.from_pylist(rows, JOURNEYS.arrow)
    JOURNEYS.check(batch)
    return batch


ROWS = journeys(*[("many", 3, 4, 0.5)] * 12, ("one", 9, 9, 10), ("two", 3, 3, 1), ("two", 5, 6, 2))


def metric_values(metrics: pa.RecordBatch) -> dict[tuple[str, str], Any]:
    METRICS.check(metrics)
    found = {(row["metric"], tuple(parse_slice(row["slice"]).items())): row for row in metrics.to_pylist()}
    assert {parts[0] for _, parts in found} == {("method", "ICPC")}
    return {(metric, "=".join(parts[1]).removeprefix("statistic=")): row for (metric, parts), row in found.items()}


def test_by_hand() -> None:
    found = metric_values(journey_statistics([journey_sizes(ROWS)], users=5, seed=0))
    fractions = {
        slice_: row["value"] for (metric, slice_), row in found.items() if metric == "statistics_fraction_of_users"
    }
    assert fractions == {f"journeys={number}": 0.0 for number in range(10)} | {
        "journeys=0": 0.4,
        "journeys=1": 0.2,
        "journeys=2": 0.2,
        "journeys=10+": 0.2,
        "journeys=1-3": 0.4,
    }
    assert found["statistics_journeys_per_user", "mean"]["value"] == 3
    assert found["statistics_journeys_per_user", "median"]["value"] == 1
    assert found["statistics_journey_items", "mean"]["value"] == pytest.approx((36 + 9 + 3 + 5) / 15)
    assert found["statistics_journey_interactions", "mean"]["value"] == pytest.approx((48 + 9 + 3 + 6) / 15)
    assert found["statistics_journey_span_days", "mean"]["value"] == pytest.approx((6 + 10 + 1 + 2) / 15)
    assert found["statistics_journey_span_days", "median"]["value"] == 0.5
    assert found["statistics_journey_items", "p90"]["value"] == pytest.approx(4.2)
    assert found["statistics_journey_items", "p90"]["n"] == found["statistics_journey_items", "mean"]["n"] == 15


def test_intervals_are_sampled_by_user() -> None:
    found = metric_values(journey_statistics([journey_sizes(ROWS)], users=3, seed=0))
    row = found["statistics_journey_items", "mean"]
    assert row["low"] == 3  # the user of many short journeys alone
    assert row["high"] == 9  # the user of one long journey alone


def test_the_order_of_rows_does_not_matter() -> None:
    measured = journey_sizes(ROWS)
    chunks = [measured.slice(9), measured.slice(0, 9)]
    assert journey_statistics(chunks, 5, seed=0) == journey_statistics([measured], 5, seed=0)


def test_no_one_may_have_journeys() -> None:
    found = metric_values(journey_statistics([], users=2, seed=0))
    assert found["statistics_fraction_of_users", "journeys=0"]["value"] == 1
    assert ("statistics_journey_items", "mean") not in found


def test_there_are_as_many_users_as_have_journeys() -> None:
    with pytest.raises(ValueError, match="at least the 3 that have journeys, got 2"):
        journey_statistics([journey_sizes(ROWS)], users=2, seed=0)
    with pytest.raises(ValueError, match="at least 1"):
        journey_statistics([], users=0, seed=0)


def test_the_stage_gives_what_the_function_gives() -> None:
    expected = journey_statistics([journey_sizes(ROWS)], users=5, seed=0)
    found = run_graph(
        lambda pipeline: {
            "rows": Statistics(users=5).expand(inputs(pipeline, [ROWS.slice(5), ROWS.slice(0, 5)])).metrics
        }
    )
    assert found["rows"] == [expected]


def inputs(pipeline: beam.Pipeline, batches: list[pa.RecordBatch]) -> ExperimentInputs:
    errors = create(pipeline, "Errors", [])
    return ExperimentInputs(pipeline, {"journeys": create(pipeline, "Journeys", batches)}, errors, Progress(), "")


def test_the_table_reads_well() -> None:
    metrics = metric_batch(
        [
            metric_row("statistics_fraction_of_users", Interval(0.7004, 0.65, 0.75, 9), method="Ward", journeys="1-3"),
            metric_row("statistics_fraction_of_users", point(0.1), method="ICPC", journeys="0"),
            metric_row("statistics_journey_items", point(4), method="Ward", statistic="median"),
            metric_row("statistics_journey_span_days", Interval(12.34, 10, 15.96, 9), method="Ward", statistic="mean"),
            metric_row("separation_f1", Interval(0.7, 0.6, 0.8, 9), method="Ward", k="all"),
        ]
    )
    (table,) = Statistics(users=5).tables([metrics])
    assert [line.strip("| ").split(" | ") for line in render_table(table).splitlines()[2:]] == [
        ["ICPC", "10.0%", *"–––––––"],
        ["Ward", "–", "70.0% <sub>65.0%–75.0%</sub>", "–", "–", "4.0", "–", "–", "12.3 <sub>10.0–16.0</sub>"],
    ]
    assert "5 users, including those without journeys" in Statistics(users=5).describe([metrics])[0]


def test_no_metrics_no_table() -> None:
    with pytest.raises(ValueError, match="the metrics have no statistics_fraction_of_users"):
        Statistics(users=5).tables([])
