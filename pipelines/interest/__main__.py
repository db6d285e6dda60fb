"""`python -m pipelines.interest`: how much of each interaction is interest, and how much is what many do anyway."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import apache_beam as beam

from pipelines.common.run import execute
from pipelines.interest.job import PROGRAM, InterestOptions, Job, plan
from transforms.progress import Progress


def build(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    # Loads compiled code, which takes longer than to tell that an option is wrong.
    from pipelines.interest.graph import build_interest

    build_interest(root, job, progress)


def tell(job: Job, seconds: float) -> None:
    """Prints what the job did."""
    from pipelines.interest.summary import print_interest

    print_interest(job.workspace, seconds)


def run(argv: Sequence[str] | None = None) -> int:
    """Runs the job that a command line describes; returns the exit code."""
    return execute(PROGRAM, sys.argv[1:] if argv is None else argv, InterestOptions, plan, build, tell)


if __name__ == "__main__":
    sys.exit(run())
