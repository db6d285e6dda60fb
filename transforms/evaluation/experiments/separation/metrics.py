"""Metrics of the experiment on separation: each algorithm at one threshold, and F1 at all thresholds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from transforms.columnar import concatenate
from transforms.evaluation.bootstrap import mean_of_groups
from transforms.evaluation.experiments.separation.metric_names import ALL, BEST_THRESHOLD, FIXED_THRESHOLD, PREFIX
from transforms.evaluation.experiments.separation.run_methods import SEPARATION
from transforms.evaluation.metric_rows import metric_batch, metric_row, point

_MEASURES = ("f1", "ari", "recall", "precision", "stability")


class Chosen(NamedTuple):
    """The results of one method at one threshold.

    Attributes:
        threshold: the threshold; 0: the method was given k.
        metric: `BEST_THRESHOLD` or `FIXED_THRESHOLD`.
        rows: its rows of `SEPARATION`, by `mixture_id`.
    """

    threshold: float
    metric: str
    rows: pa.RecordBatch


def choose_thresholds(results: Iterable[pa.RecordBatch], fixed: Mapping[str, float] | None = None) -> dict[str, Chosen]:
    """Select for each method the results at the threshold with the best mean F1 over all k; ties: the lower one.

    A threshold chosen on the evaluated mixtures is optimistic; a fixed one is not.

    Args:
        results: rows of `SEPARATION`, in any order.
        fixed: threshold by method, for methods whose threshold is not selected here.

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
    """Compute rows of `metrics`: `separation_f1` and others by method and k, where `k=all` is the mean over all k.

    The threshold of each method is in `separation_best_threshold` where it was selected here, or in
    `separation_fixed_threshold`.

    Args:
        results: rows of `SEPARATION`, in any order.
        seed: random seed of the intervals.
        fixed: as for `choose_thresholds`.
    """
    found = []
    for method, chosen in choose_thresholds(results, fixed).items():
        if chosen.threshold:
            found.append(metric_row(chosen.metric, point(chosen.threshold), method=method))
        for measure in _MEASURES:
            if chosen.rows[measure].null_count:
                continue
            values = chosen.rows[measure].to_numpy()
            for k, inside, ks in _slices(chosen.rows["k"].to_numpy()):
                interval = mean_of_groups(values[inside], ks, seed)
                found.append(metric_row(f"{PREFIX}{measure}", interval, method=method, k=k))
    return metric_batch(found)


def sweep_metrics(results: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Compute rows of `metrics` for curves: `separation_sweep_f1` and others, means over k, by method and threshold."""
    rows = concatenate(results, SEPARATION)
    rows = rows.sort_by([(name, "ascending") for name in ("method", "threshold", "mixture_id")])
    methods, thresholds = np.array(rows["method"].to_pylist(), object), rows["threshold"].to_numpy()
    found = []
    for method in sorted(set(methods.tolist())):
        for threshold in np.unique(thresholds[(methods == method) & (thresholds != 0)]).tolist():
            own = rows.filter(pa.array((methods == method) & (thresholds == threshold)))
            for measure in ("f1", "ari", "recall", "precision"):
                mean = point(_mean_over_k(own, measure), own.num_rows)
                found.append(metric_row(f"{PREFIX}sweep_{measure}", mean, method=method, threshold=threshold))
    return metric_batch(found)


def _slices(
    ks: npt.NDArray[np.int32],
) -> list[tuple[str, npt.NDArray[np.bool_], npt.NDArray[np.int32]]]:
    """Return the value of the slice, a mask of its rows, and the k of each of them: for each k, and for all."""
    each = [(str(k), ks == k, ks[ks == k]) for k in np.unique(ks).tolist()]
    return [*each, (ALL, np.full(len(ks), True), ks)]
