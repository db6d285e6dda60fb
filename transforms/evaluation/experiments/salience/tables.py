"""The experiments on salience as tables for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from transforms.evaluation.experiments.salience.scoring import SCORERS
from transforms.evaluation.table_pieces import amount, cell, figures_of, line

_SCORES = {
    "AUC": "salience_auc",
    "precision@5": "salience_precision",
    "calibration error": "salience_calibration_error",
}


def salience_table(metrics: Iterable[pa.RecordBatch]) -> str:
    """How well each scorer knows which tags were hidden: a row for each.

    Args:
        metrics: rows of `metrics`; others are not looked at.

    Raises:
        ValueError: when there are no figures of this experiment.
    """
    figures = figures_of(metrics)
    scorers = [name for name in SCORERS if ("salience_precision", name) in figures]
    if not scorers:
        raise ValueError("there are no figures of salience among the metrics")
    lines = [line(["scorer", *_SCORES]), line(["---", *["---:"] * len(_SCORES)])]
    lines += [line([name, *(cell(figures.get((metric, name))) for metric in _SCORES.values())]) for name in scorers]
    return "\n".join(lines) + "\n"


def describe_salience(metrics: Iterable[pa.RecordBatch]) -> str:
    """What salience was measured on, in a few words."""
    figures = figures_of(metrics)
    every, tested = (amount(figures, "salience_items", which) for which in ("all", "tested"))
    return (
        f"{every} items; of {tested} the tags were hidden and are tested. Small numbers are 95 % intervals, by "
        "bootstrap over items.\n"
    )
