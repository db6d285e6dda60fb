"""Tables of the experiment on naming."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import pyarrow as pa

from transforms.evaluation.experiments.naming.predictions import PredictedNames
from transforms.evaluation.metric_rows import MetricIndex, value_cell
from transforms.report.table import MISSING, Cell, Column, Table, row, text_columns

MAX_SAMPLES = 12
"""Number of examples that are shown."""


class _Measure(NamedTuple):
    """Presentation of a measure."""

    title: str
    digits: int = 3
    has_difference: bool = False


_MEASURES: Mapping[str, _Measure] = {
    "bleu": _Measure("SacreBLEU", 1, True),
    "chrf": _Measure("chrF", 1, True),
    "bleurt": _Measure("BLEURT", 3, True),
    "similarity": _Measure("similarity", 3, True),
    "recall_at_1": _Measure("recall@1", 3, True),
    "mrr": _Measure("MRR", 3, True),
    "over_broadness": _Measure("over-broadness", 3, True),
    "mean_idf": _Measure("mean IDF", 3, True),
    "well_formed": _Measure("format"),
    "safe": _Measure("safe"),
    "uniqueness": _Measure("unique"),
    "prompt_tokens": _Measure("prompt tokens", 0),
}


def scores_table(index: MetricIndex, methods: Sequence[str]) -> Table:
    """Return a row for each method, in the given order, and a column for each measure.

    Raises:
        ValueError: when there are no metrics of this experiment.
    """
    index.require("naming_bleu")
    slices = {method: {"method": method} for method in methods}
    return _table(index, slices, {f"naming_{name}": measure for name, measure in _MEASURES.items()}, "")


def differences_table(index: MetricIndex, methods: Sequence[str]) -> Table:
    """Return a row for each method but the first: differences to the first."""
    first, *others = methods
    slices = {method: {"method": method, "baseline": first} for method in others}
    measures = {f"naming_{name}_difference": measure for name, measure in _MEASURES.items() if measure.has_difference}
    table = _table(index, slices, measures, "+")
    return dataclasses.replace(table, title=f"Differences to {first}", is_detail=True)


def _table(
    index: MetricIndex, slices: Mapping[str, Mapping[str, str]], measures: Mapping[str, _Measure], sign: str
) -> Table:
    """Return a row for each slice, by its label, and a column for each metric that has a value."""
    shown = {
        metric: measure
        for metric, measure in measures.items()
        if any(index.get(metric, **parts) for parts in slices.values())
    }
    rows = [
        row(label, *(_cell(index, metric, parts, f"{sign}.{measure.digits}f") for metric, measure in shown.items()))
        for label, parts in slices.items()
    ]
    columns = (Column(measure.title, hides_intervals=True) for measure in shown.values())
    return Table((*text_columns("method"), *columns), tuple(rows))


def _cell(index: MetricIndex, metric: str, parts: Mapping[str, str], digits: str) -> Cell:
    between = " to " if digits.startswith("+") else "–"
    return value_cell(index.get(metric, **parts), lambda value: f"{value:{digits}}", between)


def samples_table(examples: pa.RecordBatch, predictions: Mapping[str, PredictedNames]) -> Table:
    """Return the reference of each example and the name of each method.

    Args:
        examples: rows of `naming_examples`.
        predictions: names of these examples, by label of the method.
    """
    columns = {"reference": examples["name"].to_pylist()} | {label: each.names for label, each in predictions.items()}
    lines = zip(*columns.values(), strict=True)
    rows = tuple(row(*(name or MISSING for name in line)) for line in lines)
    return Table(text_columns(*columns), rows, "Examples of names")
