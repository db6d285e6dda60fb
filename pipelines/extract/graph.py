"""The graph of `extract`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import apache_beam as beam
import pyarrow as pa

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import (
    EMBEDDINGS,
    HISTORIES,
    INTERACTIONS,
    ITEM_EMBEDDINGS,
    ITEMS,
    SALIENT_TERMS,
    DatasetSchema,
)
from transforms.boilerplate.stages import RemoveBoilerplate
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.sample_items import SampleTexts
from transforms.datasets.writing import PartWriter
from transforms.encoders.encode import EncodeItems, EncodeWithoutCache
from transforms.encoders.quantized_vectors import quantize_rows
from transforms.journeys.item_features import BuildItemFeatures
from transforms.journeys.stages import ExtractJourneys
from transforms.journeys.sweep import sweep_metrics
from transforms.progress import Progress
from transforms.salience.learned_terms import LearnedSalientTerms
from transforms.salience.model import default_model
from transforms.salience.salient_terms import SalientTerms

if TYPE_CHECKING:
    from pipelines.extract.job import ExtractJob

_BYTES_PER_BUCKET = 1 << 20
_MIN_BUCKETS = 4
_BUCKETS_OF_GIVEN = 16


class _Catalogue(NamedTuple):
    """The catalogue as collections.

    Attributes:
        features: record batches of item features.
        embeddings: record batches of `embeddings`, reused ones included; None if vectors are not stored.
    """

    features: beam.PCollection
    embeddings: beam.PCollection | None


def build_extract(root: beam.Pipeline, job: ExtractJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    catalogue = _build_catalogue(rows, job, side_outputs, progress)
    extracted = rows[INTERACTIONS.name] | "ExtractJourneys" >> ExtractJourneys(
        catalogue.features, rows.get(HISTORIES.name), job.extraction, writer
    )
    side_outputs.add_errors_and_counts(extracted.errors, extracted.counts)
    if extracted.sweep_counts is not None:
        side_outputs.metrics.append(
            extracted.sweep_counts | "SweepMetrics" >> beam.Map(sweep_metrics, job.name, job.extraction)
        )
    batches = {SALIENT_TERMS.name: extracted.salient}
    if catalogue.embeddings is not None:
        batches[EMBEDDINGS.name] = catalogue.embeddings
    commit_job(job, batches, side_outputs, writer, (extracted.parts,))


def _build_catalogue(
    rows: Mapping[str, beam.PCollection], job: ExtractJob, side_outputs: SideOutputs, progress: Progress
) -> _Catalogue:
    """Compute or read salient terms and vectors of the items, and join them."""
    buckets = max(_MIN_BUCKETS, job.items.size // _BYTES_PER_BUCKET)
    items = _deduplicate(rows, ITEMS, side_outputs, buckets)
    sample = items | "SampleTexts" >> SampleTexts()
    items, counts = items | "RemoveBoilerplate" >> RemoveBoilerplate(sample)
    side_outputs.counts.append(counts)
    embeddings = encoded = vectors = None
    if job.encoder is not None and job.encoder.is_packaged:
        encoded = items | "EncodeItems" >> EncodeWithoutCache(job.encoder)
    elif job.encoder is not None:
        encode = EncodeItems(job.encoder, rows.get(EMBEDDINGS.name), progress)
        encoded, embeddings, counts = items | "EncodeItems" >> encode
        side_outputs.counts.append(counts)
    if encoded is not None:
        vectors = encoded | "QuantizeEncoded" >> _quantize("vector")
    if job.item_embeddings is not None:
        given = _deduplicate(rows, ITEM_EMBEDDINGS, side_outputs)
        vectors = given | "QuantizeGiven" >> _quantize("embedding")
    if job.salient_terms is not None:
        salient = _deduplicate(rows, SALIENT_TERMS, side_outputs)
    elif job.scorer == "learned" and encoded is not None:
        model = default_model(str(job.encoder))
        salient, _, _, counts = items | "LearnedSalientTerms" >> LearnedSalientTerms(
            encoded, job.salience, model=model, buckets=buckets
        )
        side_outputs.counts.append(counts)
    else:
        salient, counts = items | "SalientTerms" >> SalientTerms(
            job.salience, buckets, sample=sample if job.detects_languages else None
        )
        side_outputs.counts.append(counts)
    features = salient
    if vectors is not None or job.salient_terms is not None:
        features = items | "BuildItemFeatures" >> BuildItemFeatures(salient, vectors, buckets)
    return _Catalogue(features, embeddings)


def _quantize(column: str) -> beam.PTransform:
    return beam.Map(quantize_rows, column).with_output_types(pa.RecordBatch)


def _deduplicate(
    rows: Mapping[str, beam.PCollection],
    schema: DatasetSchema,
    side_outputs: SideOutputs,
    buckets: int = _BUCKETS_OF_GIVEN,
) -> beam.PCollection:
    """Keep one row per item of a dataset; the others are errors."""
    unique, errors, counts = rows[schema.name] | f"Deduplicate[{schema.name}]" >> Deduplicate(buckets, schema)
    side_outputs.add_errors_and_counts(errors, counts)
    return unique
