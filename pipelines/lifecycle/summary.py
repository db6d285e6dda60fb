"""The summary of a run of `lifecycle`, read from what it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from pipelines.common.recorded_options import command_of
from pipelines.common.run_metrics import print_counts, read_metrics
from schemas import JOURNEYS, LIFECYCLES
from transforms.datasets.files import resolve_source
from transforms.datasets.reading import ParquetReader

if TYPE_CHECKING:
    from pipelines.lifecycle.job import LifecycleJob

_COUNTS = (("users", "users"), ("journeys", "journeys"))
_AVERAGED = ("confidence", "drift")
_SLICED = (("stages", "journeys_by_stage"), ("recurrence", "journeys_by_recurrence"))


def print_lifecycle(job: LifecycleJob, seconds: float) -> None:
    """Print the numbers of journeys by stage and recurrence, means of the dataset, and the next command."""
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    for title, metric in _SLICED:
        texts = [f"{part} {number:,.0f}" for (name, part), number in sorted(values.items()) if name == metric]
        if texts:
            console.print(f"  {title}: {', '.join(texts)}", markup=False)
    for name, mean in _means(FileSystems.join(job.workspace, LIFECYCLES.name)).items():
        console.print(f"  mean {name}: {mean:.2f}", markup=False)
    if job.features is None:
        console.print("  confidence: none, as it was fitted to journeys by the packaged encoder, not by other vectors")
    names = ", ".join(schema.name for schema in job.outputs)
    console.print(f"Written to {job.workspace}: {names}", soft_wrap=True, markup=False)
    console.print("Show it on a page:")
    console.print(f"  {command_of('report', *_workspaces(job))}", soft_wrap=True, markup=False)


def _workspaces(job: LifecycleJob) -> list[str]:
    """Return the options by which the page finds the lifecycles, and the journeys of another workspace."""
    journeys = job.journeys.path.removesuffix(f"/{JOURNEYS.name}")
    if journeys == job.workspace:
        return [f"--workspace={journeys}"]
    return [f"--workspace={journeys}", f"--lifecycles={job.workspace}"]


def _means(folder: str) -> dict[str, float]:
    """Return the means of the columns that are not null."""
    found: dict[str, list[np.ndarray]] = {name: [] for name in _AVERAGED}
    for file in resolve_source(folder).files:
        with ParquetReader(file.path) as reader:
            for row_group in range(len(reader.row_group_sizes())):
                for batch in reader.batches(row_group, list(_AVERAGED)):
                    for name, values in found.items():
                        values.append(batch[name].drop_null().to_numpy().astype(np.float64))
    joined = {name: np.concatenate([np.zeros(0), *values]) for name, values in found.items()}
    return {name: float(values.mean()) for name, values in joined.items() if len(values)}
