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
from transforms.language_models.spec import GenerationSpec
from transforms.naming.assignment import NamingContext
from transforms.naming.stages import AssignNames, BuildRequests, NameFromTerms, PrepareInputs, ResolveRetries, ToPrompts
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
        batches = _generate(inputs, rows.get(GENERATIONS.name), job, job.generation, context, side_outputs, progress)
    commit_job(job, batches, side_outputs, PartWriter(job.workspace, job.parts, progress))


def _sample(journeys: beam.PCollection, users: int) -> beam.PCollection:
    """Select all journeys of some users."""
    limit = journeys | "SampleUsers" >> SampleUsers(users)
    return journeys | "SelectUsers" >> beam.Map(sampled_rows, beam.pvalue.AsSingleton(limit)).with_output_types(
        pa.RecordBatch
    )


def _generate(
    inputs: beam.PCollection,
    stored: beam.PCollection | None,
    job: NameJob,
    generation: GenerationSpec,
    context: NamingContext,
    side_outputs: SideOutputs,
    progress: Progress,
) -> dict[str, beam.PCollection]:
    """Name by a language model: one prompt per journey, and a second one for names that are taken or can be mended."""
    buckets = max(1, job.journeys.size // _BYTES_PER_BUCKET)
    checkpoint = RowCheckpoint(job.checkpoint_dir, GENERATIONS)
    generate = GenerateTexts(generation, buckets, stored, checkpoint, progress, generation.check)
    requests = inputs | "BuildRequests" >> BuildRequests(context)
    first = requests | "ToPrompts" >> ToPrompts() | "Generate" >> generate
    side_outputs.add_errors_and_counts(first.errors, first.counts)
    assigned = {
        "requests": requests,
        "generations": first.generations,
        "failures": first.failures,
    } | "AssignNames" >> AssignNames(context, job.parts)
    second = assigned.retries | "RetriesToPrompts" >> ToPrompts() | "GenerateRetries" >> generate
    side_outputs.add_errors_and_counts(second.errors, second.counts)
    names, counts = {
        "retries": assigned.retries,
        "generations": second.generations,
        "failures": second.failures,
        "assigned": assigned.names,
    } | "ResolveRetries" >> ResolveRetries(context, job.parts)
    side_outputs.counts += [assigned.counts, counts]
    return {
        GENERATIONS.name: (first.generations, second.generations) | "AllGenerations" >> beam.Flatten(),
        JOURNEY_NAMES.name: (assigned.names, names) | "AllNames" >> beam.Flatten(),
    }
