"""The summary of a run of `transitions`, read from the metrics that it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from pipelines.common.recorded_options import command_of
from pipelines.common.run_metrics import print_counts, read_metrics
from schemas import CLUSTERS
from schemas.metric_slice import format_slice
from schemas.splits import SPLITS

if TYPE_CHECKING:
    from pipelines.transitions.job import TransitionsJob

_COUNTS = (
    ("interactions read", "interactions_read"),
    ("users", "users"),
    ("first interactions with a cluster", "first_interactions"),
    ("transitions of too few users, dropped", "transitions_dropped"),
)


def print_transitions(job: TransitionsJob, seconds: float) -> None:
    """Print the counts of a run, and the next command."""
    console = Console(highlight=False)
    values = read_metrics(job.name, job.workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    for split in SPLITS:
        number = values.get(("transitions", format_slice({"split": split})), 0)
        console.print(f"  distinct transitions, {split}: {number:,.0f}", markup=False)
    names = ", ".join(schema.name for schema in job.outputs)
    console.print(f"Written to {job.workspace}: {names}", soft_wrap=True, markup=False)
    console.print("Rank the next clusters for every context:")
    tree = job.clusters.path.removesuffix(f"/{CLUSTERS.name}")
    given = () if tree == job.workspace.rstrip("/") else (f"--clusters={tree}",)
    console.print(f"  {command_of('explore', f'--workspace={job.workspace}', *given)}", soft_wrap=True, markup=False)
