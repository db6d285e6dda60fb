"""Finalization of a job: sum up counts, write metrics and errors, and commit all datasets at once."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping

import apache_beam as beam

from pipelines.common.job import Job
from pipelines.common.recorded_options import to_flags, without_paths
from schemas import (
    CLUSTERS,
    EMBEDDINGS,
    ERRORS,
    GENERATIONS,
    HISTORIES,
    ITEMS,
    JOURNEYS,
    METRICS,
    NAMING_EXAMPLES,
    RECOMMENDATIONS,
)
from transforms.datasets.counts import SumCounts, count_errors, metric_rows
from transforms.datasets.dominant_users import without_other_users
from transforms.datasets.empty_outputs import EmptyOutputsCheck
from transforms.datasets.error_rate import UNKNOWN_ITEM, ErrorRateCheck
from transforms.datasets.interaction_filter import FILTER_REASONS
from transforms.datasets.writing import CommitDatasets, PartWriter, WriteDatasets

_INTERNAL = frozenset(
    schema.name
    for schema in (
        *(HISTORIES, JOURNEYS, NAMING_EXAMPLES, EMBEDDINGS, GENERATIONS, CLUSTERS, METRICS),
        RECOMMENDATIONS,
    )
)
"""Datasets that only these jobs write; a single invalid row in one of them fails the job that reads it."""


class SideOutputs:
    """The side outputs of the steps of a graph, collected until the job is finalized.

    Attributes:
        errors: collections of record batches of `errors`.
        counts: collections of counts.
        metrics: collections of record batches of `metrics`.
    """

    def __init__(self) -> None:
        self.errors: list[beam.PCollection] = []
        self.counts: list[beam.PCollection] = []
        self.metrics: list[beam.PCollection] = []

    def add_errors_and_counts(self, errors: beam.PCollection, counts: beam.PCollection) -> None:
        """Add the errors and counts of one step."""
        self.errors.append(errors)
        self.counts.append(counts)


def commit_job(
    job: Job,
    batches: Mapping[str, beam.PCollection],
    side_outputs: SideOutputs,
    writer: PartWriter,
    written: tuple[beam.PCollection, ...] = (),
) -> None:
    """Add the last steps of a job to its graph.

    Args:
        job: the job to commit.
        batches: record batches by dataset, without `errors` and `metrics`.
        side_outputs: errors, counts and metrics of all steps.
        writer: the writer of the job's parts.
        written: parts that other steps have written already, as (name of the dataset, part).
    """
    errors = tuple(side_outputs.errors) | "AllErrors" >> beam.Flatten()
    error_counts = errors | "CountErrors" >> beam.FlatMap(count_errors)
    sums = (*side_outputs.counts, error_counts) | "Counts" >> SumCounts()
    counted = (
        sums
        | "AllCounts" >> beam.combiners.ToList()
        | "Metrics" >> beam.Map(lambda sums: metric_rows(job.name, without_other_users(sums)))
    )
    metrics = (*side_outputs.metrics, counted) | "AllMetrics" >> beam.Flatten()
    rows = {**batches, ERRORS.name: errors, METRICS.name: metrics}
    shuffled = tuple(schema for schema in job.outputs if schema.name in rows)
    parts = rows | "WriteDatasets" >> WriteDatasets(shuffled, writer)
    (
        (parts, *written)
        | "AllParts" >> beam.Flatten()
        | "CommitDatasets"
        >> CommitDatasets(
            schemas=job.outputs,
            writer=writer,
            versions=dict(job.expected_versions),
            error_rates=_error_rate_check(job),
            empty_outputs=_empty_outputs_check(job),
            counts=sums,
            configuration=job.recorded_configuration,
            code_version=importlib.metadata.version("interest-journeys"),
            inputs=job.lineage,
        )
    )


def _error_rate_check(job: Job) -> ErrorRateCheck:
    return ErrorRateCheck(
        tuple(name for name in job.sources if name not in _INTERNAL),
        job.max_error_rate,
        must_be_intact=tuple(name for name in job.sources if name in _INTERNAL),
        inference=job.inference_datasets,
        consequences={ITEMS.name: UNKNOWN_ITEM},
        sizes={name: source.size for name, source in job.sources.items()},
    )


def _empty_outputs_check(job: Job) -> EmptyOutputsCheck:
    if job.allow_empty:
        return EmptyOutputsCheck()
    filters = () if HISTORIES.name in job.sources else FILTER_REASONS
    given = tuple(to_flags(without_paths(job.options)))
    return EmptyOutputsCheck(job.results, job.required_counts, filters, given)
