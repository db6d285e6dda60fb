"""`python -m pipelines.tune`: makes a language model better at a task."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import apache_beam as beam

from pipelines.common.run import execute
from pipelines.tune.job import PROGRAM, Job, TuneOptions, plan
from transforms.progress import Progress


def build(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    # Loads compiled code, which takes longer than to tell that an option is wrong.
    from pipelines.tune.graph import build_tune

    build_tune(root, job, progress)


def tell(job: Job, seconds: float) -> None:
    """Prints what the job did."""
    from pipelines.tune.summary import print_tune

    print_tune(job, seconds)


def finish(job: Job) -> int:
    """Teaches the model; returns the exit code."""
    from pipelines.tune.training import teach

    return teach(job)


def run(argv: Sequence[str] | None = None) -> int:
    """Runs the job that a command line describes; returns the exit code."""
    given = sys.argv[1:] if argv is None else argv
    return execute(PROGRAM, given, TuneOptions, plan, build, tell, finish=finish)


if __name__ == "__main__":
    sys.exit(run())
