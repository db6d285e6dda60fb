"""Reading all inputs of a job."""

from __future__ import annotations

from collections.abc import Mapping

import apache_beam as beam

from pipelines.common.finalize import SideOutputs
from pipelines.common.job import Job
from schemas import CACHES, INPUTS, INTERACTIONS, OUTPUTS, DatasetSchema
from transforms.datasets.coercion import TimestampUnit
from transforms.datasets.reading import ReadRows
from transforms.progress import Progress

_SCHEMAS = {schema.name: schema for schema in (*INPUTS, *OUTPUTS, *CACHES)}


def read_inputs(
    root: beam.Pipeline,
    job: Job,
    side_outputs: SideOutputs,
    progress: Progress,
    columns: Mapping[str, Mapping[str, str]] | None = None,
    log_schema: DatasetSchema = INTERACTIONS,
    timestamp_unit: TimestampUnit = "auto",
) -> dict[str, beam.PCollection]:
    """Add a reading step for each source of a job.

    Args:
        root: the pipeline.
        job: the job.
        side_outputs: receives the errors and counts of the steps.
        progress: receives the number of rows read.
        columns: names of columns by dataset, where they differ from those of its schema.
        log_schema: the schema of `interactions`, which may require further columns.
        timestamp_unit: unit of numeric timestamps in `interactions`.

    Returns:
        Record batches by name of the dataset.
    """
    rows = {}
    schemas = _SCHEMAS | {INTERACTIONS.name: log_schema}
    for name, source in job.sources.items():
        renamed = dict((columns or {}).get(name, {}))
        rows[name], errors, counts = root | f"Read[{name}]" >> ReadRows(
            schemas[name], source, renamed, timestamp_unit if name == INTERACTIONS.name else "auto", progress
        )
        side_outputs.add_errors_and_counts(errors, counts)
    return rows
