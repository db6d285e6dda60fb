import numpy as np
import pyarrow as pa
import pytest

from schemas import METRICS
from tests.transforms.journeys.sweeping import CATALOGUE, LOG, config, sweep_log
from transforms.evaluation.experiments.granularity.report import (
    JOURNEYS_PER_USER,
    describe_sweep,
    granularity_table,
    min_size_table,
    read_sweep,
    sweep_rows,
)
from transforms.journeys.sweep import sum_counts, sweep_metrics
from transforms.report.markdown import render_table

GIVEN = config(target_journeys_per_user=1)
MORE = [(f"{user}{copy}", time, item) for copy in range(12) for user, time, item in LOG]
"""Each user of the log twelve times over."""


def metrics(target: float | None = 1) -> pa.RecordBatch:
    prompted = config(target_journeys_per_user=target)
    found = sweep_metrics(sum_counts([sweep_log(MORE, CATALOGUE, prompted)]), "extract", prompted)
    other = {"pipeline": "extract", "metric": "users", "slice": "", "value": 48.0}
    return pa.concat_batches([pa.RecordBatch.from_pylist([other], METRICS.arrow), found])


def test_metrics_are_read_again() -> None:
    found = read_sweep([metrics()])
    assert (found.option, found.used, found.target, found.min_size, found.users) == ("threshold", 0.001, 1, 2, 48)
    assert found.default == 0.01
    assert tuple(found.thresholds) == GIVEN.swept_thresholds
    assert tuple(found.min_sizes) == GIVEN.swept_min_sizes
    assert found.values[JOURNEYS_PER_USER.metric, 0.05, 2] == 1
    assert found.values["sweep_separation", 0.05, 2] == 1
    assert found.values["sweep_users_without_journeys", 0.05, 4] == 1
    assert "target" not in describe_sweep(read_sweep([metrics(None)]))


def test_the_separation_of_few_users_is_not_shown() -> None:
    few = sweep_metrics(sum_counts([sweep_log(LOG, CATALOGUE, GIVEN)]), "extract", GIVEN)
    assert "sweep_separation" in few["metric"].to_pylist()
    assert not any(metric == "sweep_separation" for metric, _, _ in read_sweep([few]).values)


def test_tables() -> None:
    found = read_sweep([metrics()])
    table = render_table(granularity_table(found)).splitlines()
    assert len(table) == 2 + len(GIVEN.swept_thresholds)
    assert "| 0.05 | 1.00 | 1.00 | 25 % | 2.25 | 73 % | 1.00 |" in table
    assert "| **0.001** | **1.00** | **1.00** | **25 %** | **2.25** | **73 %** | **1.00** |" in table
    sizes = render_table(min_size_table(found)).splitlines()
    assert sizes[0] == f"| threshold | {' | '.join(str(size) for size in range(1, 11))} |"
    assert f"| 0.05 | 1.50 | 1.00 | 0.25{' | 0.00' * 7} |" in sizes
    assert "48 users" in describe_sweep(found)
    assert "was 0.001 in this run and is 0.01 by default. It comes nearest to the target of 1" in describe_sweep(found)


def test_metrics_without_a_sweep_are_refused() -> None:
    with pytest.raises(ValueError, match="the metrics have no sweep"):
        read_sweep([metrics().slice(0, 1)])


def test_only_rows_of_a_sweep_are_taken_over() -> None:
    whole = metrics()
    place = pa.array(np.arange(whole.num_rows))
    rows = sweep_rows(whole.append_column("row", place))
    assert rows.schema == METRICS.arrow
    assert rows.num_rows == whole.num_rows - 1
