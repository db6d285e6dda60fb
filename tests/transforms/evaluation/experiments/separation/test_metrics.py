from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas import METRICS
from transforms.evaluation.experiments.separation.metrics import separation_metrics, sweep_metrics
from transforms.evaluation.experiments.separation.run_methods import SEPARATION

RANDOM = np.random.default_rng(0)


def results(method: str, thresholds: dict[float, tuple[float, float]]) -> list[dict[str, Any]]:
    """Four mixtures of k = 2 and two of k = 3, with F1 about as given for either."""
    ks = [2, 2, 2, 2, 3, 3]
    return [
        {
            "method": method,
            "threshold": threshold,
            "k": k,
            "mixture_id": number,
            "recall": 0.5,
            "precision": 0.25,
            "f1": mean[k - 2] + (0.01 if number % 2 else -0.01),
            "ari": mean[k - 2] / 2,
            "stability": None,
        }
        for threshold, mean in thresholds.items()
        for number, k in enumerate(ks)
    ]


ROWS = [
    # Over all mixtures 0.5 is best, in the mean over k it is 0.7.
    *results("ours", {0.3: (0.1, 0.1), 0.5: (0.8, 0.3), 0.7: (0.6, 0.6)}),
    *results("theirs", {1.5: (0.5, 0.5), 1.0: (0.5, 0.5)}),
    *results("oracle", {0.0: (0.9, 0.7)}),
]


def batches(rows: list[dict[str, Any]]) -> list[pa.RecordBatch]:
    order = RANDOM.permutation(len(rows))
    batch = pa.RecordBatch.from_pylist([rows[index] for index in order], SEPARATION)
    return [batch.slice(0, 7), batch.slice(7)]


def metric_values(metrics: pa.RecordBatch) -> dict[tuple[str, str], Any]:
    METRICS.check(metrics)
    return {(row["metric"], row["slice"]): row for row in metrics.to_pylist()}


def test_each_method_is_judged_at_its_best_threshold_over_all_k() -> None:
    found = metric_values(separation_metrics(batches(ROWS), seed=0))
    assert found["separation_best_threshold", "method=ours"]["value"] == 0.7
    assert found["separation_best_threshold", "method=theirs"]["value"] == 1.0  # a tie
    assert ("separation_best_threshold", "method=oracle") not in found
    assert found["separation_f1", "method=ours/k=2"]["value"] == pytest.approx(0.6)
    assert found["separation_f1", "method=ours/k=all"]["value"] == pytest.approx(0.6)
    assert found["separation_f1", "method=oracle/k=all"]["value"] == pytest.approx(0.8)
    assert found["separation_ari", "method=ours/k=3"]["value"] == pytest.approx(0.3)
    assert found["separation_recall", "method=ours/k=all"]["value"] == 0.5
    assert not any(metric == "separation_stability" for metric, _ in found)


def test_means_have_intervals_and_thresholds_have_none() -> None:
    found = metric_values(separation_metrics(batches(ROWS), seed=0))
    mean = found["separation_f1", "method=ours/k=2"]
    assert 0.59 <= mean["low"] < 0.6 < mean["high"] <= 0.61
    assert [found["separation_f1", f"method=ours/k={name}"]["n"] for name in ("2", "3", "all")] == [4, 2, 6]
    assert (
        found["separation_best_threshold", "method=ours"]["low"]
        is found["separation_best_threshold", "method=ours"]["n"]
        is None
    )


def test_the_order_of_results_does_not_matter() -> None:
    assert separation_metrics(batches(ROWS), seed=0) == separation_metrics(batches(ROWS), seed=0)


def test_a_fixed_threshold_is_kept() -> None:
    found = metric_values(separation_metrics(batches(ROWS), seed=0, fixed={"ours": 0.5}))
    assert found["separation_fixed_threshold", "method=ours"]["value"] == 0.5
    assert ("separation_best_threshold", "method=ours") not in found
    assert found["separation_f1", "method=ours/k=all"]["value"] == pytest.approx(0.55)
    assert found["separation_best_threshold", "method=theirs"]["value"] == 1.0


def test_a_fixed_threshold_that_was_not_tried_is_an_error() -> None:
    with pytest.raises(
        ValueError, match=r"'ours' was to be judged at threshold 0.4, but was tried at \[0.3, 0.5, 0.7\]"
    ):
        separation_metrics(batches(ROWS), seed=0, fixed={"ours": 0.4})
    with pytest.raises(ValueError, match=r"fixed for \['other'\], but the methods tried are"):
        separation_metrics(batches(ROWS), seed=0, fixed={"other": 0.4})


def test_curves_have_every_threshold() -> None:
    found = metric_values(sweep_metrics(batches(ROWS)))
    curve = {slice_: row["value"] for (metric, slice_), row in found.items() if metric == "separation_sweep_f1"}
    assert curve == pytest.approx(
        {
            "method=ours/threshold=0.3": 0.1,
            "method=ours/threshold=0.5": 0.55,
            "method=ours/threshold=0.7": 0.6,
            "method=theirs/threshold=1": 0.5,
            "method=theirs/threshold=1.5": 0.5,
        }
    )
