"""The figures that a run committed, read again and printed for its screen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from schemas import METRICS
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import read_dataset

MetricValues: TypeAlias = dict[tuple[str, str], float]
"""Values of `metrics`, by metric and slice."""


def read_metrics(program: str, workspace: str) -> MetricValues:
    """The figures of a program, from the metrics of a workspace."""
    metrics = read_dataset(METRICS, resolve_source(FileSystems.join(workspace, METRICS.name)))
    return {(row["metric"], row["slice"]): row["value"] for row in metrics.to_pylist() if row["pipeline"] == program}


def print_counts(
    console: Console,
    program: str,
    seconds: float,
    values: Mapping[tuple[str, str], float],
    counts: Iterable[tuple[str, str]],
) -> None:
    """Prints how long a program took, and whole numbers of things, one a line.

    Args:
        console: where.
        program: how the job is called.
        seconds: how long it took.
        values: as `read_metrics` gives them.
        counts: (what it is called on the screen, metric); metrics that are not among the figures are left out.
    """
    console.print(f"{program}: {seconds:.1f} s", markup=False)
    for name, metric in counts:
        if (metric, "") in values:
            console.print(f"  {name}: {values[metric, '']:,.0f}", markup=False)
