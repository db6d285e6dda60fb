"""Graph of the job `name`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam
import pyarrow as pa

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import GENERATIONS, ITEMS, JOURNEY_NAMES, JOURNEYS
from transforms.boilerplate.stages import RemoveBoilerplate
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.row_checkpoint import RowCheckpoint
from transforms.datasets.sample_items import SampleTexts
from transforms.datasets.writing import PartWriter
from transforms.journeys.sample import SampleUsers, sampled_rows
from transforms.language_models.generate import GenerateTexts
from transforms.naming.assignment import NamingContext
from transforms.naming.name_by_model import NameByModel
from transforms.naming.stages import NameFromTerms, PrepareInputs
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.name.job import NameJob

_BYTES_PER_BUCKET = 4 << 20
"""Bytes of journeys per bucket of prompts: few buckets allow full batches of prompts of similar length."""


def build_name(root: beam.Pipeline, job: NameJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    items, errors, counts = rows[ITEMS.name] | "Deduplicate" >> Deduplicate(job.parts)
    side_outputs.add_errors_and_counts(errors, counts)
    sample = items | "SampleTexts" >> SampleTexts()
    items, counts = items | "RemoveBoilerplate" >> RemoveBoilerplate(sample)
    side_outputs.counts.append(counts)
    journeys = rows[JOURNEYS.name] if job.users is None else _sample(rows[JOURNEYS.name], job.users)
    inputs, counts = {JOURNEYS.name: journeys, ITEMS.name: items} | "PrepareInputs" >> PrepareInputs(
        job.naming, job.parts
    )
    side_outputs.counts.append(counts)
    context = NamingContext(job.naming, job.model, job.safety, job.selector)
    if job.generation is None:
        names, counts = inputs | "NameFromTerms" >> NameFromTerms(context, job.parts)
        side_outputs.counts.append(counts)
        batches = {JOURNEY_NAMES.name: names}
    else:
        prompt_buckets = max(1, job.journeys.size // _BYTES_PER_BUCKET)
        checkpoint = RowCheckpoint(job.checkpoint_dir, GENERATIONS)
        stored = rows.get(GENERATIONS.name)
        generate = GenerateTexts(job.generation, prompt_buckets, stored, checkpoint, progress, job.generation.check)
        named = inputs | "NameByModel" >> NameByModel(context, generate, job.parts)
        side_outputs.add_errors_and_counts(named.errors, named.counts)
        side_outputs.counts.append(named.name_counts)
        batches = {GENERATIONS.name: named.generations, JOURNEY_NAMES.name: named.names}
    commit_job(job, batches, side_outputs, PartWriter(job.workspace, job.parts, progress))


def _sample(journeys: beam.PCollection, users: int) -> beam.PCollection:
    """Select all journeys of some users."""
    limit = journeys | "SampleUsers" >> SampleUsers(users)
    return journeys | "SelectUsers" >> beam.Map(sampled_rows, beam.pvalue.AsSingleton(limit)).with_output_types(
        pa.RecordBatch
    )
