"""The estimate of the cost of a table by a language model, printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from transforms.exploration.cost import estimate_cost

if TYPE_CHECKING:
    from pipelines.explore.job import ExploreJob

_MEASURED_SECONDS = 20.0


def print_cost(job: ExploreJob) -> None:
    """Rank some contexts, and print the time that all contexts take on this machine.

    Raises:
        ValueError: if the job has no language model.
    """
    if job.model is None:
        raise ValueError("the job has no language model")
    cost = estimate_cost(job.model, job.read_clusters(), job.transitions.context_size, _MEASURED_SECONDS)
    console = Console(highlight=False)
    console.print(f"{job.name}: {cost.contexts:,} contexts, {cost.tokens:,} tokens of prompts", markup=False)
    rate = cost.contexts / cost.seconds
    console.print(
        f"  {cost.seconds / 3600:.2f} hours on this machine, at {rate:.1f} contexts per second; "
        f"measured on {cost.measured_contexts:,} contexts",
        markup=False,
    )
