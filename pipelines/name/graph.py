"""The graph of `name`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apache_beam as beam

from pipelines.common.finalize import SideOutputs, commit_job
from schemas import GENERATIONS, ITEMS, JOURNEY_NAMES, JOURNEYS
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import PartWriter
from transforms.language_models.checkpoint import GenerationCheckpoint
from transforms.language_models.generate import GenerateTexts
from transforms.language_models.spec import GenerationSpec
from transforms.naming.assignment import NamingContext
from transforms.naming.stages import AssignNames, BuildRequests, NameFromTerms, PrepareInputs, ResolveRetries, ToPrompts
from transforms.progress import Progress

if TYPE_CHECKING:
    from pipelines.name.job import NameJob

_BYTES_PER_BUCKET = 4 << 20
"""Of journeys, for what a model is asked: few buckets make full batches of questions of nearly one length."""


def build_name(root: beam.Pipeline, job: NameJob, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    side_outputs = SideOutputs()
    schemas = {schema.name: schema for schema in (ITEMS, JOURNEYS, GENERATIONS)}
    renamed = {ITEMS.name: job.item_columns}
    rows = {}
    for name, source in job.sources.items():
        rows[name], *besides = root | f"Read[{name}]" >> ReadRows(
            schemas[name], source, renamed.get(name, {}), progress=progress
        )
        side_outputs.add_errors_and_counts(*besides)
    items, *besides = rows[ITEMS.name] | "Deduplicate" >> Deduplicate(job.parts)
    side_outputs.add_errors_and_counts(*besides)
    ready, counts = {JOURNEYS.name: rows[JOURNEYS.name], ITEMS.name: items} | "ReadyToName" >> PrepareInputs(
        job.naming, job.parts
    )
    side_outputs.counts.append(counts)
    context = NamingContext(job.naming, job.model, job.safety, job.selector)
    if job.asked is None:
        names, counts = ready | "SalientNames" >> NameFromTerms(context, job.parts)
        side_outputs.counts.append(counts)
        batches = {JOURNEY_NAMES.name: names}
    else:
        batches = _ask(ready, rows.get(GENERATIONS.name), job, job.asked, context, side_outputs, progress)
    commit_job(job, batches, side_outputs, PartWriter(job.workspace, job.parts, progress))


def _ask(
    ready: beam.PCollection,
    stored: beam.PCollection | None,
    job: NameJob,
    asked: GenerationSpec,
    context: NamingContext,
    side_outputs: SideOutputs,
    progress: Progress,
) -> dict[str, beam.PCollection]:
    """The names that a model gives, and its answers: each journey is asked about once, and some again."""
    buckets = max(1, job.journeys.size // _BYTES_PER_BUCKET)
    generate = GenerateTexts(asked, buckets, stored, GenerationCheckpoint(job.checkpoint_dir), progress)
    first = ready | "AskFirst" >> BuildRequests(context)
    answers = first | "FirstQuestions" >> ToPrompts() | "FirstAnswers" >> generate
    side_outputs.add_errors_and_counts(answers.errors, answers.counts)
    decided = {"requests": first, "texts": answers.generations} | "FirstRound" >> AssignNames(context, job.parts)
    more = decided.retries | "SecondQuestions" >> ToPrompts() | "SecondAnswers" >> generate
    side_outputs.add_errors_and_counts(more.errors, more.counts)
    names, counts = {
        "retries": decided.retries,
        "texts": more.generations,
        "assigned": decided.names,
    } | "SecondRound" >> ResolveRetries(context, job.parts)
    side_outputs.counts += [decided.counts, counts]
    return {
        GENERATIONS.name: (answers.generations, more.generations) | "AllAnswers" >> beam.Flatten(),
        JOURNEY_NAMES.name: (decided.names, names) | "AllNames" >> beam.Flatten(),
    }
