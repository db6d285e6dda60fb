"""The graph of `extract`."""

from __future__ import annotations

from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.extract.job import ExtractJob
from schemas import (
    EMBEDDINGS,
    HISTORIES,
    ITEM_EMBEDDINGS,
    ITEMS,
    SALIENT_TERMS,
    DatasetSchema,
)
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.files import Source
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import PartWriter
from transforms.encoders.encode import Encoded, EncodeItems
from transforms.encoders.interface import EncoderSource
from transforms.journeys.item_features import BuildItemFeatures
from transforms.journeys.quantized_vectors import quantize_rows
from transforms.journeys.stages import ExtractJourneys
from transforms.journeys.sweep import sweep_metrics
from transforms.progress import Progress
from transforms.salience.learned_terms import LearnedSalientTerms
from transforms.salience.model import default_model
from transforms.salience.salient_terms import SalientTerms

_BYTES_PER_BUCKET = 1 << 20


class _Catalogue(NamedTuple):
    """What is known of the items. Everything is a collection.

    Attributes:
        described: record batches of described items.
        embeddings: record batches of `embeddings`, those that were stored among them; None without an encoder.
    """

    described: beam.PCollection
    embeddings: beam.PCollection | None


def build_extract(root: beam.Pipeline, job: ExtractJob, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    side_outputs = SideOutputs()
    log_schema = job.extraction.interactions.required_schema()
    rows, *besides = root | "ReadInteractions" >> ReadRows(
        log_schema, job.interactions, job.columns, job.timestamp_unit, progress
    )
    side_outputs.add_errors_and_counts(*besides)
    known = _read_catalogue(root, job, progress, side_outputs)
    stored = None
    if job.previous:
        stored, *besides = root | "ReadPrevious" >> ReadRows(HISTORIES, job.previous, progress=progress)
        side_outputs.add_errors_and_counts(*besides)
    extracted = rows | "ExtractJourneys" >> ExtractJourneys(known.described, stored, job.extraction, writer)
    side_outputs.add_errors_and_counts(extracted.errors, extracted.counts)
    if extracted.swept is not None:
        side_outputs.metrics.append(
            extracted.swept | "SweepMetrics" >> beam.Map(sweep_metrics, job.name, job.extraction)
        )
    batches = {SALIENT_TERMS.name: extracted.salient}
    if known.embeddings is not None:
        batches[EMBEDDINGS.name] = known.embeddings
    commit_job(job, batches, side_outputs, writer, (extracted.parts,))


def _read_catalogue(root: beam.Pipeline, job: ExtractJob, progress: Progress, side_outputs: SideOutputs) -> _Catalogue:
    buckets = max(4, job.items.size // _BYTES_PER_BUCKET)
    items = _read_unique(root, ITEMS, job.items, job.item_columns, progress, side_outputs, buckets)
    encoded = _encode(root, items, job.encoder, job.embeddings, progress, side_outputs) if job.encoder else None
    vectors = None
    if encoded is not None:
        vectors = encoded.vectors | "CompactMade" >> beam.Map(quantize_rows, "vector").with_output_types(pa.RecordBatch)
    if job.item_embeddings:
        given = _read_unique(root, ITEM_EMBEDDINGS, job.item_embeddings, job.embedding_columns, progress, side_outputs)
        vectors = given | "CompactGiven" >> beam.Map(quantize_rows, "embedding").with_output_types(pa.RecordBatch)
    if job.salient_terms:
        salient = _read_unique(root, SALIENT_TERMS, job.salient_terms, {}, progress, side_outputs)
    elif job.encoder is not None and encoded is not None and job.scorer == "learned":
        model = default_model(str(job.encoder))
        salient, _, _, term_counts = items | "LearnedSalientTerms" >> LearnedSalientTerms(
            encoded.vectors, job.salience, model=model, buckets=buckets
        )
        side_outputs.counts.append(term_counts)
    else:
        salient, term_counts = items | "SalientTerms" >> SalientTerms(job.salience, buckets)
        side_outputs.counts.append(term_counts)
    described = salient
    if vectors is not None or job.salient_terms:
        described = items | "DescribeItems" >> BuildItemFeatures(salient, vectors, buckets)
    return _Catalogue(described, encoded.embeddings if encoded else None)


def _encode(
    root: beam.Pipeline,
    items: beam.PCollection,
    encoder: EncoderSource,
    embeddings: Source | None,
    progress: Progress,
    side_outputs: SideOutputs,
) -> Encoded:
    """The vectors of items; those of texts that were encoded before are read."""
    stored = None
    if embeddings:
        stored, *besides = root | "ReadEmbeddings" >> ReadRows(EMBEDDINGS, embeddings, progress=progress)
        side_outputs.add_errors_and_counts(*besides)
    encoded = items | "EncodeItems" >> EncodeItems(encoder, stored)
    side_outputs.counts.append(encoded.counts)
    return encoded


def _read_unique(
    root: beam.Pipeline,
    schema: DatasetSchema,
    source: Source,
    columns: dict[str, str],
    progress: Progress,
    side_outputs: SideOutputs,
    buckets: int = 16,
) -> beam.PCollection:
    """Rows of a dataset about items, one for each item."""
    located, *besides = root | f"Read[{schema.name}]" >> ReadRows(schema, source, columns, progress=progress)
    rows, *more = located | f"Deduplicate[{schema.name}]" >> Deduplicate(buckets, schema)
    side_outputs.add_errors_and_counts(*besides)
    side_outputs.add_errors_and_counts(*more)
    return rows
