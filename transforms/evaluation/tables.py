"""Metrics as tables for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from transforms.evaluation.experiments.separation.metrics import ALL, BEST_THRESHOLD, FIXED_THRESHOLD
from transforms.evaluation.table_pieces import NOTHING_KNOWN, Figures, figures_of, interval, line, three_digits

_TITLES = {"f1": "F1", "ari": "ARI", "recall": "recall", "precision": "precision", "stability": "stability"}


def separation_table(metrics: Iterable[pa.RecordBatch]) -> str:
    """Experiment E2 as one table: a row for each method, by its mean F1, the best of each column in bold.

    Args:
        metrics: rows of `metrics`, as `separation_metrics` makes them; others are not looked at.

    Returns:
        A Markdown table; intervals stand small behind their figures. A star marks a threshold that was fixed before.
        Methods that were told k come last and are never the best: they are marks, not rivals.

    Raises:
        ValueError: when there are no figures of this experiment.
    """
    figures = figures_of(metrics)
    methods = {slice_.removesuffix(f"/{ALL}") for metric, slice_ in figures if metric == "e2_f1" and _is_all(slice_)}
    if not methods:
        raise ValueError("there are no figures of E2 among the metrics")
    told = {method for method in methods if not _threshold_row(figures, method)}
    ordered = sorted(
        methods, key=lambda method: (method in told, -figures["e2_f1", f"{method}/{ALL}"]["value"], method)
    )
    columns = _columns(figures)
    rivals = [method for method in ordered if method not in told] or ordered
    best = {column: max(_rounded(figures, column, method) for method in rivals) for column in columns}
    head = ["method", "threshold", *(_title(*column) for column in columns)]
    lines = [line(head), line(["---", "---:", *["---:"] * len(columns)])]
    for method in ordered:
        cells = [_cell(figures, column, method, best[column] if method in rivals else None) for column in columns]
        lines.append(line([method, _threshold(figures, method), *cells]))
    return "\n".join(lines) + "\n"


def _is_all(slice_: str) -> bool:
    return slice_.endswith(f"/{ALL}")


def _columns(figures: Figures) -> list[tuple[str, str]]:
    """(metric, slice): F1 and ARI of each k, then the means over all k."""
    slices = {slice_.rpartition("/")[2] for metric, slice_ in figures if metric == "e2_f1"}
    ks = sorted(int(name.removeprefix("k=")) for name in slices - {ALL})
    each = [(f"e2_{measure}", f"k={k}") for k in ks for measure in ("f1", "ari")]
    means = {metric for metric, slice_ in figures if _is_all(slice_)}
    return each + [(f"e2_{measure}", ALL) for measure in _TITLES if f"e2_{measure}" in means]


def _title(metric: str, slice_: str) -> str:
    return f"{'mean' if slice_ == ALL else slice_} {_TITLES[metric.removeprefix('e2_')]}"


def _rounded(figures: Figures, column: tuple[str, str], method: str) -> float:
    row = figures.get((column[0], f"{method}/{column[1]}"))
    return round(row["value"], 3) if row else -1.0


def _cell(figures: Figures, column: tuple[str, str], method: str, best: float | None) -> str:
    row = figures.get((column[0], f"{method}/{column[1]}"))
    if row is None:
        return NOTHING_KNOWN
    value = three_digits(row["value"])
    return (f"**{value}**" if _rounded(figures, column, method) == best else value) + interval(row)


def _threshold(figures: Figures, method: str) -> str:
    row = _threshold_row(figures, method)
    return f"{row['value']:g}{'*' if row['metric'] == FIXED_THRESHOLD else ''}" if row else NOTHING_KNOWN


def _threshold_row(figures: Figures, method: str) -> dict[str, Any] | None:
    return figures.get((FIXED_THRESHOLD, method)) or figures.get((BEST_THRESHOLD, method))
