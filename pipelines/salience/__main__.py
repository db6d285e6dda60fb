"""`python -m pipelines.salience`: which terms characterise each item, by a model that is learnt from the catalogue."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import apache_beam as beam

from pipelines.common.run import execute
from pipelines.salience.job import PROGRAM, Job, SalienceOptions, plan
from transforms.progress import Progress


def build(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    # Loads compiled code, which takes longer than to tell that an option is wrong.
    from pipelines.salience.graph import build_salience

    build_salience(root, job, progress)


def tell(job: Job, seconds: float) -> None:
    """Prints what the job did."""
    from pipelines.salience.summary import print_salience

    print_salience(job.workspace, seconds)


def run(argv: Sequence[str] | None = None) -> int:
    """Runs the job that a command line describes; returns the exit code."""
    return execute(PROGRAM, sys.argv[1:] if argv is None else argv, SalienceOptions, plan, build, tell)


if __name__ == "__main__":
    sys.exit(run())
