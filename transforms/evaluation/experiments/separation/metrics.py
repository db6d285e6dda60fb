"""What experiment E2 says in the end: each method at one threshold, as rows of `metrics`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.columnar import concatenate
from transforms.evaluation.bootstrap import mean_of_groups
from transforms.evaluation.experiments.separation.run_methods import SEPARATION
from transforms.evaluation.figures import certain, metric_batch, metric_row

MEASURES = ("f1", "ari", "recall", "precision", "stability")
BEST_THRESHOLD = "e2_best_threshold"
FIXED_THRESHOLD = "e2_fixed_threshold"
ALL = "all"


class Chosen(NamedTuple):
    """The results of one method at one threshold.

    Attributes:
        threshold: the threshold; 0: the method was told k.
        metric: `BEST_THRESHOLD` or `FIXED_THRESHOLD`.
        rows: its rows of `SEPARATION`, by `mixture_id`.
    """

    threshold: float
    metric: str
    rows: pa.RecordBatch


def choose_thresholds(results: Iterable[pa.RecordBatch], fixed: Mapping[str, float] | None = None) -> dict[str, Chosen]:
    """For each method the results at the one threshold with the best F1, in the mean over all k; ties: the lower.

    A threshold that was chosen on what it is scored on flatters its method; `fixed` ones do not.

    Args:
        results: rows of `SEPARATION`, in any order.
        fixed: threshold by method, for methods whose threshold is not to be chosen.

    Raises:
        ValueError: when a fixed threshold, or its method, was not tried.
    """
    rows = concatenate(results, SEPARATION)
    rows = rows.sort_by([(name, "ascending") for name in ("method", "threshold", "mixture_id")])
    methods = np.array(rows["method"].to_pylist(), object)
    fixed = fixed or {}
    if missing := sorted(set(fixed) - set(methods.tolist())):
        raise ValueError(f"a threshold is fixed for {missing}, but the methods tried are {sorted(set(methods))}")
    return {
        method: _choose(method, rows.filter(pa.array(methods == method)), fixed.get(method))
        for method in sorted(set(methods.tolist()))
    }


def _choose(method: str, rows: pa.RecordBatch, fixed: float | None) -> Chosen:
    thresholds = rows["threshold"].to_numpy()
    tried = np.unique(thresholds).tolist()
    if fixed is None:
        means = [_mean_over_k(rows.filter(pa.array(thresholds == each)), "f1") for each in tried]
        best = tried[int(np.argmax(means))]
        return Chosen(best, BEST_THRESHOLD, rows.filter(pa.array(thresholds == best)))
    if fixed not in tried:
        raise ValueError(f"{method!r} was to be judged at threshold {fixed:g}, but was tried at {tried}")
    return Chosen(fixed, FIXED_THRESHOLD, rows.filter(pa.array(thresholds == fixed)))


def _mean_over_k(rows: pa.RecordBatch, measure: str) -> float:
    ks, values = rows["k"].to_numpy(), rows[measure].to_numpy()
    return float(np.mean([values[ks == k].mean() for k in np.unique(ks)]))


def separation_metrics(
    results: Iterable[pa.RecordBatch], seed: int, fixed: Mapping[str, float] | None = None
) -> pa.RecordBatch:
    """Rows of `metrics`: `e2_f1` and its like, for the slices `<method>/k=2` and so on and `<method>/all`.

    `all` is the mean over the means of each k. The threshold of each method is in `e2_best_threshold`, where it was
    chosen here, or `e2_fixed_threshold`.

    Args:
        results: rows of `SEPARATION`, in any order.
        seed: of the intervals.
        fixed: as for `choose_thresholds`.
    """
    found = []
    for method, chosen in choose_thresholds(results, fixed).items():
        if chosen.threshold:
            found.append(metric_row(chosen.metric, method, certain(chosen.threshold)))
        for measure in MEASURES:
            if chosen.rows[measure].null_count:
                continue
            values = chosen.rows[measure].to_numpy()
            for name, inside, ks in _slices(chosen.rows["k"].to_numpy()):
                interval = mean_of_groups(values[inside], ks, seed)
                found.append(metric_row(f"e2_{measure}", f"{method}/{name}", interval))
    return metric_batch(found)


def sweep_metrics(results: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `metrics` for curves: `e2_sweep_f1` and its like, mean over all k, by `<method>/threshold=<number>`."""
    rows = concatenate(results, SEPARATION)
    rows = rows.sort_by([(name, "ascending") for name in ("method", "threshold", "mixture_id")])
    methods, thresholds = np.array(rows["method"].to_pylist(), object), rows["threshold"].to_numpy()
    found = []
    for method in sorted(set(methods.tolist())):
        for threshold in np.unique(thresholds[(methods == method) & (thresholds != 0)]).tolist():
            own = rows.filter(pa.array((methods == method) & (thresholds == threshold)))
            for measure in ("f1", "ari", "recall", "precision"):
                mean = certain(_mean_over_k(own, measure), own.num_rows)
                found.append(metric_row(f"e2_sweep_{measure}", f"{method}/threshold={threshold:g}", mean))
    return metric_batch(found)


def _slices(
    ks: npt.NDArray[np.int32],
) -> list[tuple[str, npt.NDArray[np.bool_], npt.NDArray[np.int32]]]:
    """Name, which rows, and the k of each of them: for each k, and for all."""
    each = [(f"k={k}", ks == k, ks[ks == k]) for k in np.unique(ks).tolist()]
    return [*each, (ALL, np.full(len(ks), True), ks)]
