"""`python -m pipelines.extract`: interactions and items in, journeys out."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import apache_beam as beam

from pipelines.common.run import Step, execute
from pipelines.extract.job import PROGRAM, ExtractOptions, Job, plan
from schemas import CACHES, OUTPUTS
from transforms.progress import Progress


def build(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    # Loads compiled code, which takes longer than to tell that an option is wrong.
    from pipelines.extract.graph import build_extract

    build_extract(root, job, progress)


def tell(job: Job, seconds: float) -> None:
    """Prints what the job did."""
    from pipelines.extract.summary import print_summary  # as slow to import as the graph is

    written = [schema.name for schema in (*OUTPUTS, *CACHES) if schema in job.outputs]
    print_summary(PROGRAM, job.workspace, written, seconds)


def steps(_: Job) -> dict[str, Step]:
    """What is shown while it runs."""
    return {"users": Step("users done")}


def run(argv: Sequence[str] | None = None) -> int:
    """Runs the job that a command line describes; returns the exit code."""
    return execute(PROGRAM, sys.argv[1:] if argv is None else argv, ExtractOptions, plan, build, tell, steps)


if __name__ == "__main__":
    sys.exit(run())
