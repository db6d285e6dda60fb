"""The experiment on names as tables for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from transforms.evaluation.experiments.naming.scoring import PREFIX
from transforms.evaluation.table_pieces import NOTHING_KNOWN, Figures, amount, figures_of, line


class _Column(NamedTuple):
    """How a measure is shown."""

    title: str
    digits: int = 3


_COLUMNS: Mapping[str, _Column] = {
    "bleu": _Column("SacreBLEU", 1),
    "chrf": _Column("chrF", 1),
    "bleurt": _Column("BLEURT"),
    "similarity": _Column("similarity"),
    "recall_at_1": _Column("recall@1"),
    "mrr": _Column("MRR"),
    "over_broadness": _Column("over-broadness"),
    "interestingness": _Column("interestingness"),
    "well_formed": _Column("format"),
    "safe": _Column("safe"),
    "distinct": _Column("distinct"),
    "prompt_tokens": _Column("prompt tokens", 0),
}
_DIFFERENCES = ("bleu", "chrf", "bleurt", "similarity", "recall_at_1", "mrr", "over_broadness", "interestingness")
"""What is shown of differences."""


def names_table(metrics: Iterable[pa.RecordBatch], ways: Sequence[str]) -> str:
    """How good the names of each way are: a row for each, in the order that is given.

    Args:
        metrics: rows of `metrics`, as `score_methods` makes them; others are not looked at.
        ways: labels of ways.

    Raises:
        ValueError: when there are no figures of this experiment.
    """
    return _table(figures_of(metrics), {way: way for way in ways}, {name: name for name in _COLUMNS})


def differences_table(metrics: Iterable[pa.RecordBatch], ways: Sequence[str]) -> str:
    """What each way has more than the first: a row for each of the others, in the order that is given.

    Args:
        metrics: rows of `metrics`, as `score_methods` makes them; others are not looked at.
        ways: labels of ways, at least two.

    Raises:
        ValueError: when there are no figures of this experiment.
    """
    first, *others = ways
    slices = {way: f"{way} - {first}" for way in others}
    return _table(figures_of(metrics), slices, {f"{name}_difference": name for name in _DIFFERENCES}, "+")


def describe_naming(metrics: Iterable[pa.RecordBatch], configuration: Mapping[str, Any]) -> str:
    """What names were measured on, and how.

    Args:
        metrics: rows of `metrics`.
        configuration: `names` in that of the run, as `NamingExperimentConfig.described` gives it.
    """
    figures = figures_of(metrics)
    judged, held_out, sources = (
        amount(figures, name, "") for name in ("naming_examples_judged", "naming_examples_held_out", "naming_sources")
    )
    signatures = configuration["signatures"]
    return (
        f"- Examples: {judged} of {held_out} that were held out, of {sources} sources.\n"
        "- Scored is what each way says itself, cleaned as `name` cleans it: what `name` would not take is counted "
        "under format, and scored all the same; nothing is put in its place. An answer that is missing is an empty "
        "name.\n"
        f"- SacreBLEU: {signatures['bleu']}; chrF: {signatures['chrf']}.\n"
        "- Similarity: cosine with the name that people gave. Recall@1 and MRR: the journey is looked for among all "
        "that are judged, by the cosine of the name with the mean of its titles; ties are against the name. "
        "Over-broadness: share of the other journeys that the name fits at least as well as its own.\n"
        "- Interestingness is a proxy, for which nobody was asked: how rare the words of a name are among journeys.\n"
        "- Prompt tokens: what a model reads for one name, with what is the same for all.\n"
        f"- Small numbers are 95 % intervals, by bootstrap over examples with seed {configuration['seed']}.\n"
    )


def _table(figures: Figures, slices: Mapping[str, str], measures: Mapping[str, str], sign: str = "") -> str:
    """A row for each slice, a column for each measure that there is a figure of.

    Args:
        figures: rows of `metrics`.
        slices: of the rows, by what these are called.
        measures: of the columns, by the metric without its prefix.
        sign: how numbers are formatted besides.
    """
    columns = {
        f"{PREFIX}{metric}": _COLUMNS[measure]
        for metric, measure in measures.items()
        if any((f"{PREFIX}{metric}", slice_) in figures for slice_ in slices.values())
    }
    if not columns:
        raise ValueError("there are no figures of names among the metrics")
    lines = [line(["way", *(column.title for column in columns.values())]), line(["---", *["---:"] * len(columns)])]
    for way, slice_ in slices.items():
        cells = [_cell(figures.get((metric, slice_)), f"{sign}.{column.digits}f") for metric, column in columns.items()]
        lines.append(line([way, *cells]))
    return "\n".join(lines) + "\n"


def _cell(row: Mapping[str, Any] | None, digits: str) -> str:
    if row is None:
        return NOTHING_KNOWN
    ends = [f"{row[end]:{digits}}" for end in ("low", "high")]
    between = " to " if digits.startswith("+") else "–"
    return f"{row['value']:{digits}} <sub>{between.join(ends)}</sub>"
