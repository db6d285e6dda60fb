"""The graph of `evaluate`."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from schemas import EMBEDDINGS, GENERATIONS
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import PartWriter
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.evaluate.job import EvaluateJob

_PARTS = 16


@dataclasses.dataclass
class _RunExperiment(beam.PTransform):
    """One experiment under its own label."""

    experiment: Experiment
    inputs: ExperimentInputs

    def expand(self, _: beam.pvalue.PBegin) -> ExperimentResult:
        return self.experiment.expand(self.inputs)


def build_evaluate(root: beam.Pipeline, job: EvaluateJob, progress: Progress) -> None:
    """Add the whole job to a pipeline.

    Raises:
        ValueError: when two experiments write the same dataset.
    """
    writer = PartWriter(job.workspace, _PARTS, progress)
    side_outputs = SideOutputs()
    rows = {}
    for name, source in job.sources.items():
        rows[name], *found = root | f"Read[{name}]" >> ReadRows(job.schemas[name], source, progress=progress)
        side_outputs.add_errors_and_counts(*found)
    errors = tuple(side_outputs.errors) | "ReadErrors" >> beam.Flatten()
    inputs = ExperimentInputs(root, rows, errors, progress, job.checkpoint_dir)
    batches: dict[str, beam.PCollection] = {}
    for experiment in job.experiments:
        result = root | f"Experiment[{experiment.name}]" >> _RunExperiment(experiment, inputs)
        side_outputs.metrics.append(result.metrics)
        side_outputs.counts += [result.counts] if result.counts is not None else []
        side_outputs.errors += [result.errors] if result.errors is not None else []
        for schema, written in ((EMBEDDINGS, result.embeddings), (GENERATIONS, result.generations)):
            if written is not None and schema.name in batches:
                raise ValueError(f"{experiment.name} and another experiment both write {schema.name}")
            if written is not None:
                batches[schema.name] = written
    commit_job(job, batches, side_outputs, writer)
