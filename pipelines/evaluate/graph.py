"""The graph of `evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam
import pyarrow as pa

from pipelines.common.finalize import SideOutputs, commit_job
from schemas import (
    COLLECTIONS,
    EMBEDDINGS,
    GENERATIONS,
    INTERACTIONS,
    ITEMS,
    JOURNEYS,
    METRICS,
    NAMING_EXAMPLES,
)
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import PartWriter
from transforms.evaluation.algorithms import with_progress
from transforms.evaluation.experiment import ExperimentInputs, ExperimentResult
from transforms.evaluation.experiments.granularity.report import sweep_rows
from transforms.evaluation.experiments.statistics import Statistics
from transforms.evaluation.separate_collections import CollectionsOfLog, SeparateCollections
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.evaluate.job import EvaluateJob

_PARTS = 16
_READ = (COLLECTIONS, INTERACTIONS, ITEMS, JOURNEYS, METRICS, NAMING_EXAMPLES, EMBEDDINGS, GENERATIONS)


def build_evaluate(root: beam.Pipeline, job: EvaluateJob, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    writer = PartWriter(job.workspace, _PARTS, progress)
    schemas = {schema.name: schema for schema in _READ}
    read = {
        name: root | f"Read[{name}]" >> ReadRows(schemas[name], source, progress=progress)
        for name, source in job.sources.items()
    }
    rows = {name: found[0] for name, found in read.items()}
    side_outputs = SideOutputs()
    for _, *besides in read.values():
        side_outputs.add_errors_and_counts(*besides)
    measured: list[ExperimentResult] = []
    batches: dict[str, beam.PCollection] = {}

    errors = tuple(side_outputs.errors) | "ReadErrors" >> beam.Flatten()
    inputs = ExperimentInputs(root, rows, errors, progress, job.checkpoint_dir)
    if "E1" in job.experiments:
        statistics = Statistics(job.users, job.separation.mixtures.seed)
        side_outputs.metrics.append(statistics.expand(inputs).metrics)
    if "sweep" in job.experiments:
        swept = rows[METRICS.name] | "Sweep" >> beam.Map(sweep_rows).with_output_types(pa.RecordBatch)
        side_outputs.metrics.append(swept)
    if "E2" in job.experiments:
        collections = rows.get(COLLECTIONS.name)
        if collections is None:
            collections, repeated = rows[INTERACTIONS.name] | "CollectionsOfLog" >> CollectionsOfLog(rows[ITEMS.name])
            side_outputs.errors.append(repeated)
        unusable = tuple(side_outputs.errors) | "Unusable" >> beam.Flatten()
        separation = SeparateCollections(
            job.separation,
            with_progress(job.methods, progress),
            unusable,
            job.encoder,
            job.encoder_name,
            rows.get(EMBEDDINGS.name),
        )
        measured.append(collections | "E2" >> separation)

    measured += [suite.expand(inputs) for suite in job.suites]
    for found in measured:
        side_outputs.metrics.append(found.metrics)
        if found.counts is not None:
            side_outputs.counts.append(found.counts)
        if found.errors is not None:
            side_outputs.errors.append(found.errors)
        if found.embeddings is not None:
            batches[EMBEDDINGS.name] = found.embeddings
        if found.generations is not None:
            batches[GENERATIONS.name] = found.generations

    commit_job(job, batches, side_outputs, writer)
