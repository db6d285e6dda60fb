"""The graph of `evaluate`."""

from __future__ import annotations

import importlib.metadata

import apache_beam as beam

from pipelines.evaluate_job import PROGRAM, Job
from schemas import COLLECTIONS, EMBEDDINGS, ERRORS, INTERACTIONS, ITEMS, JOURNEYS, METRICS
from transforms.datasets.gate import Gate
from transforms.datasets.metrics import SumCounts, count_unusable, metric_rows
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import CommitDatasets, PartWriter, WriteDatasets
from transforms.encoders.spec import EncoderSource
from transforms.evaluation.distributions import JourneyDistributions
from transforms.evaluation.experiment import CollectionsOfLog, SeparateCollections
from transforms.evaluation.interest_experiment import JudgeConformity, JudgeInterventions
from transforms.evaluation.salience_experiment import Judged, JudgeSalience, JudgeSynonyms
from transforms.evaluation.suite import watched
from transforms.progress import Progress
from transforms.salience.model import default_model
from transforms.salience.unique_items import UniqueItems

_PARTS = 16


def build_evaluate(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    writer = PartWriter(job.workspace, _PARTS, progress)
    schemas = {schema.name: schema for schema in (COLLECTIONS, INTERACTIONS, ITEMS, JOURNEYS, EMBEDDINGS)}
    read = {
        name: root | f"Read[{name}]" >> ReadRows(schemas[name], source, progress=progress)
        for name, source in job.sources.items()
    }
    rows = {name: found[0] for name, found in read.items()}
    errors, counts = [found[1] for found in read.values()], [found[2] for found in read.values()]
    metrics: list[beam.PCollection] = []
    judged: list[Judged] = []
    batches: dict[str, beam.PCollection] = {}

    if "E1" in job.experiments:
        distributions = JourneyDistributions(job.users, job.separation.mixtures.seed)
        metrics.append(rows[JOURNEYS.name] | "E1" >> distributions)
    if "E2" in job.experiments:
        collections = rows.get(COLLECTIONS.name)
        if collections is None:
            collections, repeated = rows[INTERACTIONS.name] | "CollectionsOfLog" >> CollectionsOfLog(rows[ITEMS.name])
            errors.append(repeated)
        unusable = tuple(errors) | "Unusable" >> beam.Flatten()
        separated = collections | "E2" >> SeparateCollections(
            job.separation,
            watched(job.methods, progress),
            unusable,
            job.encoder,
            job.encoder_name,
            rows.get(EMBEDDINGS.name),
        )
        metrics.append(separated.metrics)
        errors.append(separated.errors)
        counts.append(separated.counts)
        if separated.embeddings is not None:
            batches[EMBEDDINGS.name] = separated.embeddings

    if "salience" in job.experiments:
        items, repeated, unique_counts = rows[ITEMS.name] | "UniqueItems" >> UniqueItems()
        errors.append(repeated)
        counts.append(unique_counts)
        judged.append(items | "Salience" >> _judge_salience(job, rows.get(EMBEDDINGS.name)))
    if "synonyms" in job.experiments:
        judged.append(rows[COLLECTIONS.name] | "Synonyms" >> _judge_synonyms(job, rows.get(EMBEDDINGS.name)))
    if "conformity" in job.experiments:
        rules = rows[COLLECTIONS.name] | "Conformity" >> JudgeConformity(
            job.conformity, job.encoder, job.encoder_name, rows.get(EMBEDDINGS.name)
        )
        metrics.append(rules.metrics)
        errors.append(rules.errors)
        counts.append(rules.counts)
        if rules.embeddings is not None:
            batches[EMBEDDINGS.name] = rules.embeddings
    if "intervened" in job.experiments:
        metrics.append(rows[INTERACTIONS.name] | "Intervened" >> JudgeInterventions(job.intervention))
    for found in judged:
        metrics.append(found.metrics)
        counts.append(found.counts)
        batches[EMBEDDINGS.name] = found.embeddings

    all_errors = tuple(errors) | "AllErrors" >> beam.Flatten()
    counts.append(all_errors | "CountUnusable" >> beam.FlatMap(count_unusable))
    sums = tuple(counts) | "Counts" >> SumCounts()
    metrics.append(
        sums | "AllCounts" >> beam.combiners.ToList() | "Metrics" >> beam.Map(lambda sums: metric_rows(PROGRAM, sums))
    )
    batches |= {ERRORS.name: all_errors, METRICS.name: tuple(metrics) | "AllMetrics" >> beam.Flatten()}
    own = tuple(name for name in (JOURNEYS.name, EMBEDDINGS.name) if name in job.sources)
    (
        batches
        | "WriteDatasets" >> WriteDatasets(job.outputs, writer)
        | "CommitDatasets"
        >> CommitDatasets(
            schemas=job.outputs,
            writer=writer,
            versions=job.versions,
            gate=Gate(tuple(name for name in job.sources if name not in own), job.max_error_rate, intact=own),
            counts=sums,
            configuration=job.configuration,
            code_version=importlib.metadata.version("interest-journeys"),
            inputs=job.inputs,
        )
    )


def _judge_salience(job: Job, stored: beam.PCollection | None) -> JudgeSalience:
    return JudgeSalience(
        encoder=_encoder(job),
        salience=job.separation.salience,
        learning=job.learning,
        default=default_model(job.encoder_name),
        stored=stored,
    )


def _judge_synonyms(job: Job, stored: beam.PCollection | None) -> JudgeSynonyms:
    return JudgeSynonyms(
        config=job.separation,
        encoder=_encoder(job),
        learning=job.learning,
        default=default_model(job.encoder_name),
        stored=stored,
    )


def _encoder(job: Job) -> EncoderSource:
    if job.encoder is None:
        raise ValueError(f"{', '.join(job.experiments)}: an encoder is needed")
    return job.encoder
