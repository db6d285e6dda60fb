"""What a run of `evaluate` found, as one page for people, in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from schemas import METRICS
from transforms.columnar import concatenate
from transforms.evaluation.experiment import Experiment
from transforms.evaluation.experiments.granularity.report import (
    about_sweep,
    granularity_table,
    min_size_table,
    read_sweep,
)
from transforms.evaluation.experiments.separation.metrics import BEST_THRESHOLD, FIXED_THRESHOLD
from transforms.evaluation.experiments.statistics import Statistics
from transforms.evaluation.tables import separation_table
from transforms.report.markdown import render_table
from transforms.report.table import Table

_AT = "/threshold="

_ABOUT_SCORES = (
    "- F1 is that of B-cubed, ARI the adjusted Rand index; means are over the means of each k. Recall and precision "
    "are shares of the items of a collection, and of a journey, that lie together; one journey of all has recall 1. "
    "Small numbers are 95 % intervals, by bootstrap over mixtures."
)
_ABOUT_THRESHOLDS = (
    "- Each method at one threshold: a star marks one that was fixed before; the others are the best in mean F1 on "
    "these very mixtures, which flatters. A method that is told k is no rival but a mark."
)
_CURVES = "journeys a user, items a journey, interactions in journeys and separation"
_ABOUT_CURVES = "Mean F1 over all k at each threshold that was tried; bold: the one in the table above.\n"


def evaluation_page(
    metrics: Iterable[pa.RecordBatch],
    configuration: Mapping[str, Any],
    suites: Sequence[Experiment],
    picture: str | None = None,
    samples: Iterable[Table] = (),
) -> str:
    """The page: for each experiment that ran what was measured on what, and its tables.

    Args:
        metrics: rows of `metrics`, as `evaluate` wrote them.
        configuration: that of the run, from the manifest of the metrics.
        suites: the other experiments that ran.
        picture: where the curves of a sweep are, as seen from the page; None: they were not drawn.
        samples: tables of examples.
    """
    rows = concatenate(metrics, METRICS.arrow)
    counts = {row["metric"]: round(row["value"]) for row in rows.to_pylist() if row["slice"] == ""}
    sections = ["# Evaluation\n"]
    if "E1" in configuration["experiments"]:
        statistics = Statistics(configuration["users"], configuration["mixtures"]["seed"])
        sections += ["## E1: the journeys of users\n", *(f"{line}\n" for line in statistics.describe([rows]))]
        sections += [render_table(table) for table in statistics.tables([rows])]
    if "E2" in configuration["experiments"]:
        sections += ["## E2: collections mixed, and taken apart again\n", _about_mixtures(counts, configuration)]
        sections += [separation_table([rows]), "### By threshold\n", _ABOUT_CURVES, sweep_table([rows])]
    if "sweep" in configuration["experiments"]:
        sections += _sweep_sections(rows, picture)
    for suite in suites:
        sections += [f"## {suite.title}\n", *(f"{line}\n" for line in suite.describe([rows]))]
        for table in suite.tables([rows]):
            sections += [*([f"### {table.title}\n"] if table.title else []), render_table(table)]
    for table in samples:
        sections += [f"### {table.title}\n", render_table(table)]
    return "\n".join(sections)


def _sweep_sections(rows: pa.RecordBatch, picture: str | None) -> list[str]:
    sweep = read_sweep([rows])
    curves = [f"![{_CURVES}, by threshold and minimum size]({picture})\n"] if picture else []
    sections = ["## Sweep: how wide journeys are\n", about_sweep(sweep), *curves]
    sections += [f"### At the minimum size {sweep.min_size}\n", granularity_table(sweep)]
    return [*sections, "### Journeys a user by minimum size\n", min_size_table(sweep)]


def _about_mixtures(counts: Mapping[str, int], configuration: Mapping[str, Any]) -> str:
    mixtures = configuration["mixtures"]
    left_out = mixtures["max_collections_of_source"]
    drawn = (
        f"{mixtures['mixtures_per_k']} times each {_listed(mixtures['collections_per_mixture'])} "
        "collections without a common item, from "
        f"{_amount(counts, 'collections')} collections of {_amount(counts, 'sources')} sources; "
        f"{_amount(counts, 'items_mixed')} of {_amount(counts, 'items')} items"
    )
    items = (
        f"{mixtures['min_collection_items']} to {mixtures['max_collection_items']} "
        "of each collection, smaller ones not used, in random order; "
        f"proportions: {mixtures['proportions']}; seed {mixtures['seed']}"
    )
    lines = [f"- Mixed: {drawn}.", f"- Items: {items}."]
    if left_out is not None:
        lines.append(f"- Left out: {_amount(counts, 'collections_left_out')} of sources with more than {left_out:,}.")
    lines += [f"- Vectors: {configuration['encoder'] or 'none'}.", _ABOUT_SCORES, _ABOUT_THRESHOLDS]
    return "\n".join(lines) + "\n"


def _amount(counts: Mapping[str, int], metric: str) -> str:
    return f"{counts.get(metric, 0):,}"


def _listed(ks: Iterable[int]) -> str:
    names = [str(k) for k in ks]
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]


def sweep_table(metrics: Iterable[pa.RecordBatch]) -> str:
    """The curves of experiment E2: a row for each method, F1 at each of its thresholds.

    Args:
        metrics: rows of `metrics`, as `separation_metrics` and `sweep_metrics` make them; others are not looked at.
    """
    lines = ["| method | threshold: mean F1 |", "| --- | --- |"]
    for method, curve in sorted(sweep_curves(metrics).items()):
        points = [f"{threshold:g}: {f1:.3f}".replace(": 0.", ": .") for threshold, f1, _ in curve]
        told = [f"**{point}**" if chosen else point for point, (_, _, chosen) in zip(points, curve, strict=True)]
        lines.append(f"| {method} | {' · '.join(told)} |")
    return "\n".join(lines) + "\n"


def sweep_curves(metrics: Iterable[pa.RecordBatch]) -> dict[str, list[tuple[float, float, bool]]]:
    """By method its (threshold, mean F1 over all k, whether it is the one that the method is judged at), ascending."""
    rows = concatenate(metrics, METRICS.arrow).to_pylist()
    chosen = {row["slice"]: row["value"] for row in rows if row["metric"] in (BEST_THRESHOLD, FIXED_THRESHOLD)}
    curves: dict[str, list[tuple[float, float, bool]]] = {}
    for row in rows:
        if row["metric"] == "e2_sweep_f1":
            method, _, threshold = row["slice"].partition(_AT)
            is_chosen = f"{chosen.get(method, 0.0):g}" == threshold
            curves.setdefault(method, []).append((float(threshold), row["value"], is_chosen))
    return {method: sorted(curve) for method, curve in curves.items()}


class Cell(NamedTuple):
    """A cell of one of the tables.

    Attributes:
        text: what it says.
        ends: both ends of its interval; empty where there is none.
        is_best: whether no other of its column is better.
    """

    text: str
    ends: str
    is_best: bool


def cells_of(table: str) -> list[list[Cell]]:
    """The cells of a Markdown table, head first: for those who draw it otherwise."""
    lines = [line for line in table.splitlines() if not line.startswith("| ---")]
    return [[_cell(text) for text in line.removeprefix("| ").removesuffix(" |").split(" | ")] for line in lines]


def _cell(markdown: str) -> Cell:
    text, _, ends = markdown.partition(" <sub>")
    bare = text.removeprefix("**").removesuffix("**")
    return Cell(bare, ends.removesuffix("</sub>"), bare != text)
