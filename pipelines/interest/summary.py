"""What a run of `interest` did, in one screen, read from the metrics that it committed."""

from __future__ import annotations

from apache_beam.io.filesystems import FileSystems
from rich.console import Console

from pipelines.common.run_metrics import print_counts, read_metrics
from pipelines.interest.job import InterestJob
from schemas import SCORED_INTERACTIONS

_BAR = 30
_COUNTS = (("interactions read", "interactions_read"), ("users", "users"), ("items", "items"))


def print_interest(job: InterestJob, seconds: float) -> None:
    """Prints the figures of a run, how many interactions have how much interest, and what to do with them."""
    console, workspace = Console(highlight=False), job.workspace
    values = read_metrics(job.name, workspace)
    print_counts(console, job.name, seconds, values, _COUNTS)
    tenths = {slice_: number for (metric, slice_), number in values.items() if metric == "interactions_by_interest"}
    console.print("interactions by interest", markup=False)
    for tenth, number in sorted(tenths.items()):
        bar = "█" * round(_BAR * number / max(tenths.values()))
        console.print(f"  {tenth}  {number:>12,.0f}  {number / sum(tenths.values()):4.0%}  {bar}", markup=False)
    folder = FileSystems.join(workspace, SCORED_INTERACTIONS.name)
    console.print(f"Written to {workspace}: {SCORED_INTERACTIONS.name}, metrics, errors", markup=False)
    console.print(
        f"Take out what is mostly conformity: extract --interactions={folder} --min_interest=0.7 --items=...",
        soft_wrap=True,
        markup=False,
    )
