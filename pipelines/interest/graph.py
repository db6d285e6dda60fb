"""The graph of `interest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import INTERACTIONS, SCORED_INTERACTIONS
from transforms.datasets.writing import PartWriter
from transforms.interest.stages import AddInterest
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.interest.job import InterestJob


def build_interest(root: beam.Pipeline, job: InterestJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    scored, counts = rows[INTERACTIONS.name] | "AddInterest" >> AddInterest(job.training, job.max_pairs)
    side_outputs.counts.append(counts)
    commit_job(job, {SCORED_INTERACTIONS.name: scored}, side_outputs, writer)
