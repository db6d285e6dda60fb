"""What every job does at its end: counts what was unusable, writes metrics and errors beside its rows, and commits."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from typing import Any, Protocol

import apache_beam as beam

from schemas import (
    EMBEDDINGS,
    ERRORS,
    GENERATIONS,
    HISTORIES,
    JOURNEYS,
    METRICS,
    NAMING_EXAMPLES,
    DatasetSchema,
)
from transforms.datasets.counts import SumCounts, count_errors, metric_rows
from transforms.datasets.error_rate import ErrorRateCheck
from transforms.datasets.files import Source
from transforms.datasets.writing import CommitDatasets, PartWriter, WriteDatasets

_OWN = frozenset(schema.name for schema in (HISTORIES, JOURNEYS, NAMING_EXAMPLES, EMBEDDINGS, GENERATIONS, METRICS))
"""What only this project writes, so that not one row of it may be unusable."""


class Committed(Protocol):
    """What is asked of a job to commit what it wrote."""

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        """The datasets that it writes, in the order in which they are committed."""

    @property
    def versions(self) -> dict[str, str | None]:
        """Which versions of them are there now, to be replaced."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """What it reads, by the name of the dataset."""

    @property
    def inputs(self) -> dict[str, Any]:
        """The same, as manifests tell it."""

    @property
    def configuration(self) -> dict[str, Any]:
        """What else decides the content of the datasets."""

    @property
    def max_error_rate(self) -> float:
        """Largest share of unusable rows of an input."""


class SideOutputs:
    """What the steps of a graph tell besides rows; lists of collections.

    Attributes:
        errors: of record batches of `errors`.
        counts: of counts.
        metrics: of record batches of `metrics`.
    """

    def __init__(self) -> None:
        self.errors: list[beam.PCollection] = []
        self.counts: list[beam.PCollection] = []
        self.metrics: list[beam.PCollection] = []

    def add_errors_and_counts(self, errors: beam.PCollection, counts: beam.PCollection) -> None:
        """Remembers what one step tells."""
        self.errors.append(errors)
        self.counts.append(counts)


def commit_job(
    program: str,
    job: Committed,
    batches: Mapping[str, beam.PCollection],
    side_outputs: SideOutputs,
    writer: PartWriter,
    written: tuple[beam.PCollection, ...] = (),
    inference_datasets: tuple[str, ...] = (),
) -> None:
    """Adds the end of a job to its graph.

    Args:
        program: how the job is called in `metrics`.
        job: what is committed.
        batches: record batches, by the name of the dataset; not those of `errors` and `metrics`.
        side_outputs: what was told on the way.
        writer: of the job's parts.
        written: parts of datasets that are written already, as (name of the dataset, part).
        inference_datasets: names of what was put to a model, whose failures count as unusable rows.
    """
    errors = tuple(side_outputs.errors) | "AllErrors" >> beam.Flatten()
    unusable = errors | "CountErrors" >> beam.FlatMap(count_errors)
    sums = (*side_outputs.counts, unusable) | "Counts" >> SumCounts()
    counted = (
        sums | "AllCounts" >> beam.combiners.ToList() | "Metrics" >> beam.Map(lambda sums: metric_rows(program, sums))
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
            versions=job.versions,
            gate=ErrorRateCheck(
                tuple(name for name in job.sources if name not in _OWN),
                job.max_error_rate,
                must_be_intact=tuple(name for name in job.sources if name in _OWN),
                inference_datasets=inference_datasets,
            ),
            counts=sums,
            configuration=job.configuration,
            code_version=importlib.metadata.version("interest-journeys"),
            inputs=job.inputs,
        )
    )
