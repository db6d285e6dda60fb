"""Reading all inputs of a job."""

from __future__ import annotations

import apache_beam as beam

from pipelines.common.finalize import SideOutputs
from pipelines.common.job import Job
from transforms.datasets.reading import ReadRows
from transforms.progress import Progress


def read_inputs(
    root: beam.Pipeline,
    job: Job,
    side_outputs: SideOutputs,
    progress: Progress,
) -> dict[str, beam.PCollection]:
    """Add a reading step for each source of a job.

    Args:
        root: the pipeline.
        job: the job.
        side_outputs: receives the errors and counts of the steps.
        progress: receives the number of rows read.

    Returns:
        Record batches by name of the dataset.
    """
    rows = {}
    for name, source in job.sources.items():
        rows[name], errors, counts = root | f"Read[{name}]" >> ReadRows(
            job.schema_of(name), source, job.options_of(name), progress
        )
        side_outputs.add_errors_and_counts(errors, counts)
    return rows
