"""Tables of the experiment on separation."""

from __future__ import annotations

from collections.abc import Mapping

from transforms.evaluation.experiments.separation.metric_names import ALL, BEST_THRESHOLD, FIXED_THRESHOLD, PREFIX
from transforms.evaluation.metric_rows import MetricIndex, value_cell
from transforms.report.table import MISSING, Cell, Column, Table, row, text_columns

_TITLES: Mapping[str, str] = {
    "f1": "F1",
    "ari": "ARI",
    "recall": "recall",
    "precision": "precision",
    "stability": "stability",
}
_MEANS_ON_TERMINAL = ("f1", "ari")
_F1 = f"{PREFIX}f1"


def separation_table(index: MetricIndex) -> Table:
    """Return a row for each algorithm, by mean F1, with the best value of each column emphasized.

    A star marks a threshold that was fixed in advance. Algorithms that are given k come last and are never the best:
    they are references, not baselines.

    Raises:
        ValueError: when there are no metrics of this experiment.
    """
    slices = index.require(_F1)
    methods = {parts["method"] for parts in slices if parts["k"] == ALL}
    oracles = {method for method in methods if not _threshold(index, method)}
    ordered = sorted(methods, key=lambda method: (method in oracles, -_value(index, _F1, method, ALL), method))
    baselines = [method for method in ordered if method not in oracles] or ordered
    columns = _columns(index, sorted({int(parts["k"]) for parts in slices if parts["k"] != ALL}))
    best = {(metric, k): max(_value(index, metric, method, k) for method in baselines) for metric, k in columns}
    rows = []
    for method in ordered:
        cells = [
            value_cell(
                index.get(metric, method=method, k=k),
                emphasize=method in baselines and _value(index, metric, method, k) == best[metric, k],
            )
            for metric, k in columns
        ]
        rows.append(row(method, _threshold(index, method) or MISSING, *cells))
    notes = ("threshold: the best on these mixtures, or (with *) fixed in advance.",)
    return Table((*text_columns("method"), Column("threshold"), *columns.values()), tuple(rows), notes=notes)


def _columns(index: MetricIndex, ks: list[int]) -> dict[tuple[str, str], Column]:
    """Return the columns by metric and k: F1 and ARI of each k, then the means over all k."""
    columns = {
        (f"{PREFIX}{measure}", str(k)): Column(f"k={k} {_TITLES[measure]}", hides_intervals=True)
        for k in ks
        for measure in ("f1", "ari")
    }
    for measure, title in _TITLES.items():
        if any(parts["k"] == ALL for parts in index.slices(f"{PREFIX}{measure}")):
            columns[f"{PREFIX}{measure}", ALL] = Column(
                f"mean {title}", is_detail=measure not in _MEANS_ON_TERMINAL, hides_intervals=measure != "f1"
            )
    return columns


def _value(index: MetricIndex, metric: str, method: str, k: str) -> float:
    """Return a value as the table shows it, so that equal numbers are equally good; -1: there is none."""
    found = index.get(metric, method=method, k=k)
    return round(found.value, 3) if found else -1.0


def _threshold(index: MetricIndex, method: str) -> str:
    """Format the threshold of an algorithm; empty for one that is given k."""
    fixed, best = (index.get(metric, method=method) for metric in (FIXED_THRESHOLD, BEST_THRESHOLD))
    if fixed:
        return f"{fixed.value:g}*"
    return f"{best.value:g}" if best else ""


def threshold_table(index: MetricIndex) -> Table:
    """Return a row for each algorithm: mean F1 at each of its thresholds, with the evaluated one emphasized."""
    rows = []
    for method, curve in sorted(threshold_curves(index).items()):
        points = [f"{threshold:g}: {f1:.3f}".replace(": 0.", ": .") for threshold, f1, _ in curve]
        chosen = "".join(point for point, (_, _, is_chosen) in zip(points, curve, strict=True) if is_chosen)
        rows.append(row(method, Cell(chosen, is_emphasized=bool(chosen)), " · ".join(points)))
    return Table(
        text_columns("method", "evaluated", "threshold: mean F1"),
        tuple(rows),
        title="By threshold",
        notes=("Mean F1 over all k at each threshold that was tried.",),
        is_detail=True,
    )


def threshold_curves(index: MetricIndex) -> dict[str, list[tuple[float, float, bool]]]:
    """Return by algorithm its (threshold, mean F1 over all k, whether it is evaluated there), ascending."""
    curves: dict[str, list[tuple[float, float, bool]]] = {}
    for parts in index.slices(f"{PREFIX}sweep_f1"):
        method, threshold = parts["method"], parts["threshold"]
        value = index.get(f"{PREFIX}sweep_f1", **parts)
        if value is not None:
            is_chosen = _threshold(index, method).removesuffix("*") == threshold
            curves.setdefault(method, []).append((float(threshold), value.value, is_chosen))
    return {method: sorted(curve) for method, curve in curves.items()}
