"""The graph of `interest`."""

from __future__ import annotations

import importlib.metadata

import apache_beam as beam

from pipelines.interest_job import OUTPUTS, PROGRAM, Job
from schemas import ERRORS, INTERACTIONS, INTERACTIONS_WITH_INTEREST, METRICS
from transforms.datasets.gate import Gate
from transforms.datasets.metrics import SumCounts, count_unusable, metric_rows
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import CommitDatasets, PartWriter, WriteDatasets
from transforms.interest.stages import AddInterest
from transforms.progress import Progress


def build_interest(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    rows, errors, read_counts = root | "ReadInteractions" >> ReadRows(
        INTERACTIONS, job.interactions, job.columns, job.timestamp_unit, progress
    )
    scored, own_counts = rows | "AddInterest" >> AddInterest(job.learning, job.most_pairs)
    unusable = errors | "CountUnusable" >> beam.FlatMap(count_unusable)
    counts = (read_counts, own_counts, unusable) | "Counts" >> SumCounts()
    metrics = (
        counts | "AllCounts" >> beam.combiners.ToList() | "Metrics" >> beam.Map(lambda sums: metric_rows(PROGRAM, sums))
    )
    batches = {INTERACTIONS_WITH_INTEREST.name: scored, ERRORS.name: errors, METRICS.name: metrics}
    (
        batches
        | "WriteDatasets" >> WriteDatasets(OUTPUTS, writer)
        | "CommitDatasets"
        >> CommitDatasets(
            schemas=OUTPUTS,
            writer=writer,
            versions=job.versions,
            gate=Gate((INTERACTIONS.name,), job.max_error_rate),
            counts=counts,
            configuration=job.configuration,
            code_version=importlib.metadata.version("interest-journeys"),
            inputs=job.inputs,
        )
    )
