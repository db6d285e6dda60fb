"""The graph of `extract`."""

from __future__ import annotations

import importlib.metadata

import apache_beam as beam

from pipelines.extract_job import PROGRAM, Job
from schemas import ERRORS, HISTORIES, INTERACTIONS, ITEMS, JOURNEYS, METRICS, SALIENT_TERMS
from transforms.datasets.gate import Gate
from transforms.datasets.metrics import SumCounts, count_unusable, metric_rows
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import CommitDatasets, PartWriter, WriteDatasets
from transforms.journeys.stages import ExtractJourneys
from transforms.progress import Progress
from transforms.salience.salient_terms import SalientTerms
from transforms.salience.unique_items import UniqueItems

_OUTPUTS = (SALIENT_TERMS, HISTORIES, ERRORS, METRICS, JOURNEYS)
_BYTES_PER_BUCKET = 1 << 20


def build_extract(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    log_schema = job.extraction.interactions.required_schema()
    rows, row_errors, row_counts = root | "ReadInteractions" >> ReadRows(
        log_schema, job.interactions, job.columns, job.timestamp_unit, progress
    )
    located_items, item_errors, item_counts = root | "ReadItems" >> ReadRows(
        ITEMS, job.items, job.item_columns, progress=progress
    )
    buckets = max(4, job.items.size // _BYTES_PER_BUCKET)
    items, repeated, unique_counts = located_items | "UniqueItems" >> UniqueItems(buckets)
    salient, term_counts = items | "SalientTerms" >> SalientTerms(job.salience, buckets)
    stored, stored_errors, stored_counts = None, [], []
    if job.previous:
        stored, *rest = root | "ReadPrevious" >> ReadRows(HISTORIES, job.previous, progress=progress)
        stored_errors, stored_counts = rest[:1], rest[1:]
    extracted = rows | "ExtractJourneys" >> ExtractJourneys(salient, stored, job.extraction, writer)

    errors = (row_errors, item_errors, repeated, extracted.errors, *stored_errors) | "AllErrors" >> beam.Flatten()
    unusable = errors | "CountUnusable" >> beam.FlatMap(count_unusable)
    counts = (
        row_counts,
        item_counts,
        unique_counts,
        term_counts,
        extracted.counts,
        unusable,
        *stored_counts,
    ) | "Counts" >> SumCounts()
    metrics = (
        counts | "AllCounts" >> beam.combiners.ToList() | "Metrics" >> beam.Map(lambda sums: metric_rows(PROGRAM, sums))
    )
    batches = {SALIENT_TERMS.name: extracted.salient, METRICS.name: metrics, ERRORS.name: errors}
    parts = batches | "WriteDatasets" >> WriteDatasets((SALIENT_TERMS, METRICS, ERRORS), writer)
    (
        (parts, extracted.parts)
        | "Parts" >> beam.Flatten()
        | "CommitDatasets"
        >> CommitDatasets(
            schemas=_OUTPUTS,
            writer=writer,
            versions=job.versions,
            gate=Gate((INTERACTIONS.name, ITEMS.name), job.max_error_rate, intact=(HISTORIES.name,)),
            counts=counts,
            configuration=job.configuration,
            code_version=importlib.metadata.version("interest-journeys"),
            inputs=job.inputs,
        )
    )
