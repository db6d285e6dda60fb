"""The summary of a run of `interest`, read from the metrics that it committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from pipelines.common.recorded_options import command_of
from pipelines.common.run_metrics import print_counts, read_metrics
from schemas import SCORED_INTERACTIONS

if TYPE_CHECKING:
    from pipelines.interest.job import InterestJob

_BAR = 30
_COUNTS = (("interactions read", "interactions_read"), ("users", "users"), ("items", "items"))


def print_interest(job: InterestJob, seconds: float) -> None:
    """Print the metrics of a run, the interactions by their interest, and how to use them."""
    console, workspace = Console(highlight=False), job.workspace
    values = read_metrics(job.name, workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    deciles = {slice_: number for (metric, slice_), number in values.items() if metric == "interactions_by_interest"}
    console.print("interactions by interest", markup=False)
    for decile, number in sorted(deciles.items()):
        bar = "█" * round(_BAR * number / max(deciles.values()))
        console.print(f"  {decile}  {number:>12,.0f}  {number / sum(deciles.values()):4.0%}  {bar}", markup=False)
    folder = FileSystems.join(workspace, SCORED_INTERACTIONS.name)
    console.print(f"Written to {workspace}: {SCORED_INTERACTIONS.name}, metrics, errors", markup=False)
    console.print("Extract journeys without interactions that are mostly conformity:")
    console.print(
        f"  {command_of('extract', f'--interactions={folder}', '--min_interest=0.7', '--items=ITEMS')}",
        soft_wrap=True,
        markup=False,
    )
