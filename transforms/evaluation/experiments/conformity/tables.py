"""The experiments on interest and conformity as tables for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from transforms.evaluation.experiments.conformity.scoring import NOTHING, RULES, SCENARIOS
from transforms.evaluation.table_pieces import NOTHING_KNOWN, amount, cell, figures_of, line

_TAKEN = {"planted": "planted taken out", "others": "others taken out", "meant": "popular but meant taken out"}


def conformity_table(metrics: Iterable[pa.RecordBatch]) -> str:
    """What is left of each method: a row for what popular items are, the method and the rule.

    Args:
        metrics: rows of `metrics`; others are not looked at.

    Raises:
        ValueError: when there are no figures of this experiment.
    """
    figures = figures_of(metrics)
    names = {slice_.rpartition("/")[0] for metric, slice_ in figures if metric == "conformity_f1"}
    if not names:
        raise ValueError("there are no figures of conformity among the metrics")
    head = ["popular items", "method", "taken out by", "threshold", "F1", "gain"]
    lines = [line(head), line(["---", "---", "---", *["---:"] * 3])]
    for world in SCENARIOS:
        for name in sorted(name for name in names if name.startswith(f"{world}/")):
            method = name.removeprefix(f"{world}/")
            for rule in RULES:
                threshold = figures.get(("conformity_threshold", f"{name}/{rule}"))
                told = f"{threshold['value']:g}" if threshold else NOTHING_KNOWN
                measured = [figures.get((f"conformity_{each}", f"{name}/{rule}")) for each in ("f1", "f1_difference")]
                lines.append(line([world, method, rule, told, *map(cell, measured)]))
    return "\n".join(lines) + "\n"


def removal_table(metrics: Iterable[pa.RecordBatch]) -> str:
    """What rules take out: a row for what popular items are and the rule.

    Args:
        metrics: rows of `metrics`; others are not looked at.
    """
    figures = figures_of(metrics)
    lines = [line(["popular items", "taken out by", *_TAKEN.values()]), line(["---", "---", *["---:"] * 3])]
    for world in SCENARIOS:
        for rule in RULES:
            cells = [figures.get((f"conformity_{kind}_out", f"{world}/{rule}")) for kind in _TAKEN]
            if any(cells):
                lines.append(line([world, rule, *map(cell, cells)]))
    return "\n".join(lines) + "\n"


def describe_conformity(metrics: Iterable[pa.RecordBatch]) -> str:
    """What rules were measured on, in a few words."""
    figures = figures_of(metrics)
    told = [
        f"{world}: {amount(figures, 'conformity_planted', world)} of "
        f"{amount(figures, 'conformity_interactions', world)} interactions are planted"
        for world in SCENARIOS
    ]
    differences = [
        f"{slice_.rpartition('/')[0].replace('/', ', ')}: {cell(row)}"
        for (metric, slice_), row in figures.items()
        if metric == "conformity_f1_difference" and " - " in slice_.rpartition("/")[2]
    ]
    return (
        f"{amount(figures, 'conformity_mixtures', SCENARIOS[0])} mixtures. Popular items are {'; '.join(told)}. "
        "Thresholds of rules are chosen on one half of the mixtures, figures are of the other. Gain: over "
        f"{NOTHING}. Small numbers are 95 % intervals, by bootstrap over mixtures. F1 by interest above that by "
        f"popularity: {'; '.join(differences)}.\n"
    )
