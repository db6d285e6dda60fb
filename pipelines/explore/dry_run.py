"""The estimate of the cost of a table by a language model, printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from transforms.exploration.cost import estimate_cost
from transforms.model_files import ModelUnavailableError

if TYPE_CHECKING:
    from pipelines.explore.job import ExploreJob

_MEASURED_SECONDS = 20.0


def print_cost(job: ExploreJob) -> int:
    """Rank some contexts, and print the time that all contexts take on this machine; return the exit code.

    Raises:
        ValueError: if the job has no language model.
    """
    if job.model is None:
        raise ValueError("the job has no language model")
    console = Console(highlight=False)
    try:
        cost = estimate_cost(job.model, job.read_clusters(), job.transitions.context_size, _MEASURED_SECONDS)
    except (ModelUnavailableError, ValueError) as error:
        console.print(f"{job.name} failed: {error}", soft_wrap=True, markup=False)
        return 1
    console.print(f"{job.name}: {cost.contexts:,} contexts, {cost.tokens:,} tokens of prompts", markup=False)
    rate = cost.contexts / cost.seconds
    console.print(
        f"  {cost.seconds / 3600:.2f} hours on this machine, at {rate:.1f} contexts per second; "
        f"measured on {cost.measured_contexts:,} contexts",
        soft_wrap=True,
        markup=False,
    )
    return 0
