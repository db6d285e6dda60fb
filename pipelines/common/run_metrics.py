"""The metrics that a run committed: read again, and printed."""

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


def read_metrics(job_name: str, workspace: str) -> MetricValues:
    """Read the metrics of a job from a workspace."""
    metrics = read_dataset(METRICS, resolve_source(FileSystems.join(workspace, METRICS.name)))
    return {(row["metric"], row["slice"]): row["value"] for row in metrics.to_pylist() if row["pipeline"] == job_name}


def print_counts(
    console: Console,
    job_name: str,
    seconds: float,
    values: Mapping[tuple[str, str], float],
    counts: Iterable[tuple[str, str]],
) -> None:
    """Print the wall time of a job, and counts, one per line.

    Args:
        console: the console to print on.
        job_name: name of the job.
        seconds: wall time.
        values: metrics, as `read_metrics` returns them.
        counts: (label, metric); metrics that are not among the values are left out.
    """
    console.print(f"{job_name}: {seconds:.1f} s", markup=False)
    for name, metric in counts:
        if (metric, "") in values:
            console.print(f"  {name}: {values[metric, '']:,.0f}", markup=False)
