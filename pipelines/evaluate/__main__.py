"""`python -m pipelines.evaluate`: how well journeys are found and named, as experiments with figures and intervals."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import apache_beam as beam

from pipelines.common.run import Step, execute
from pipelines.evaluate.job import PROGRAM, EvaluateOptions, Job, plan
from transforms.progress import Progress


def build(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    # Loads compiled code, which takes longer than to tell that an option is wrong.
    from pipelines.evaluate.graph import build_evaluate

    build_evaluate(root, job, progress)


def tell(job: Job, seconds: float) -> None:
    """Prints what came of it. Answers that were kept for the case that it is killed are committed, and go."""
    from pipelines.evaluate.summary import print_evaluation
    from transforms.language_models.checkpoint import GenerationCheckpoint

    if job.asks:
        GenerationCheckpoint(job.checkpoint_dir).clear()
    print_evaluation(job, seconds)


def steps(job: Job) -> dict[str, Step]:
    """What is shown while it runs."""
    if job.asks:
        return {"questions": Step("questions answered")}
    if not job.methods:
        return {}
    from transforms.evaluation.suite import STEP, histories_to_take_apart

    mixtures = job.separation.mixtures
    count = mixtures.mixtures_per_k * len(mixtures.ks)
    return {
        STEP: Step("mixtures tried", histories_to_take_apart(job.methods, count, stability=job.separation.stability))
    }


def run(argv: Sequence[str] | None = None) -> int:
    """Runs the job that a command line describes; returns the exit code."""
    return execute(PROGRAM, sys.argv[1:] if argv is None else argv, EvaluateOptions, plan, build, tell, steps)


if __name__ == "__main__":
    sys.exit(run())
