"""The graph of `interest`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from schemas import INTERACTIONS, SCORED_INTERACTIONS
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import PartWriter
from transforms.interest.stages import AddInterest
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.interest.job import InterestJob


def build_interest(root: beam.Pipeline, job: InterestJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    rows, *errors_and_counts = root | "ReadInteractions" >> ReadRows(
        INTERACTIONS, job.interactions, job.columns, job.timestamp_unit, progress
    )
    side_outputs.add_errors_and_counts(*errors_and_counts)
    scored, counts = rows | "AddInterest" >> AddInterest(job.training, job.max_pairs)
    side_outputs.counts.append(counts)
    commit_job(job, {SCORED_INTERACTIONS.name: scored}, side_outputs, writer)
