"""The graph of `interest`."""

from __future__ import annotations

import apache_beam as beam

from pipelines.ending import Told, write_and_commit
from pipelines.interest_job import PROGRAM, Job
from schemas import INTERACTIONS, INTERACTIONS_WITH_INTEREST
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import PartWriter
from transforms.interest.stages import AddInterest
from transforms.progress import Progress


def build_interest(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    told = Told()
    rows, *besides = root | "ReadInteractions" >> ReadRows(
        INTERACTIONS, job.interactions, job.columns, job.timestamp_unit, progress
    )
    told.add(*besides)
    scored, counts = rows | "AddInterest" >> AddInterest(job.learning, job.most_pairs)
    told.counts.append(counts)
    write_and_commit(PROGRAM, job, {INTERACTIONS_WITH_INTEREST.name: scored}, told, writer)
