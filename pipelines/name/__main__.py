"""`python -m pipelines.name`: a readable name for each journey."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

import apache_beam as beam

from pipelines.common.run import Step, execute
from pipelines.name.job import PROGRAM, Job, NameOptions, plan
from transforms.progress import Progress


def build(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    # Loads compiled code, which takes longer than to tell that an option is wrong.
    from pipelines.name.graph import build_name

    build_name(root, job, progress)


def tell(job: Job, seconds: float) -> None:
    """Prints what the job did. What it kept for the case that it is killed is committed, and goes."""
    from pipelines.name.summary import print_name
    from transforms.language_models.checkpoint import GenerationCheckpoint

    if job.asked is not None:
        GenerationCheckpoint(job.checkpoint_dir).clear()
    print_name(job, seconds)


def steps(job: Job) -> Mapping[str, Step]:
    """What is shown while it runs."""
    return {} if job.asked is None else {"questions": Step("questions answered")}


def run(argv: Sequence[str] | None = None) -> int:
    """Runs the job that a command line describes; returns the exit code."""
    return execute(PROGRAM, sys.argv[1:] if argv is None else argv, NameOptions, plan, build, tell, steps)


if __name__ == "__main__":
    sys.exit(run())
