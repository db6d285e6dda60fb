"""The experiments on salience as tables for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from transforms.evaluation.table_pieces import amount, cell, figures_of, line

_PARTS = ("all items", "changed items")


def synonyms_table(metrics: Iterable[pa.RecordBatch]) -> str:
    """What is left of each method where key words are replaced: a row for each and for all items or the changed ones.

    Args:
        metrics: rows of `metrics`; others are not looked at.

    Raises:
        ValueError: when there are no figures of this experiment.
    """
    figures = figures_of(metrics)
    slices = [slice_ for metric, slice_ in figures if metric == "synonyms_drop"]
    if not slices:
        raise ValueError("there are no figures of synonyms among the metrics")
    head = ["judged", "method", "threshold", "F1 before", "F1 after", "drop", "share of the literal drop"]
    lines = [line(head), line(["---", "---", *["---:"] * (len(head) - 2)])]
    for part in _PARTS:
        own = [name for name in slices if name.endswith(f"/{part}")]
        for name in sorted(own, key=lambda name: -figures["synonyms_drop", name]["value"]):
            method = name.removesuffix(f"/{part}")
            measured = ("synonyms_f1_before", "synonyms_f1_after", "synonyms_drop", "synonyms_share_of_drop")
            cells = [cell(figures.get((metric, name))) for metric in measured]
            lines.append(line([part, method, f"{figures['synonyms_threshold', method]['value']:g}", *cells]))
    return "\n".join(lines) + "\n"


def describe_synonyms(metrics: Iterable[pa.RecordBatch]) -> str:
    """What synonyms were measured on, in a few words."""
    figures = figures_of(metrics)
    amounts = {name: amount(figures, f"synonyms_{name}", "") for name in ("collections", "words", "items", "changed")}
    return (
        f"{amounts['collections']} collections that have one of {amounts['words']} key words, with {amounts['items']} "
        f"items; in {amounts['changed']} of them it was replaced. Each method at the threshold that is best before. "
        "Small numbers are 95 % intervals, by bootstrap over mixtures.\n"
    )
