"""The graph of `extract`."""

from __future__ import annotations

import importlib.metadata
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa

from pipelines.extract_job import PROGRAM, Job
from schemas import (
    EMBEDDINGS,
    ERRORS,
    HISTORIES,
    ITEM_EMBEDDINGS,
    ITEMS,
    METRICS,
    SALIENT_TERMS,
    DatasetSchema,
)
from transforms.datasets.files import Source
from transforms.datasets.gate import Gate
from transforms.datasets.metrics import SumCounts, count_unusable, metric_rows
from transforms.datasets.reading import ReadRows
from transforms.datasets.writing import CommitDatasets, PartWriter, WriteDatasets
from transforms.encoders.encode import EncodeTexts, embeddings_alone
from transforms.encoders.text import texts_of_items
from transforms.journeys.described_items import DescribeItems
from transforms.journeys.stages import ExtractJourneys
from transforms.journeys.sweep import sweep_metrics
from transforms.journeys.vectors import compact_rows
from transforms.progress import Progress
from transforms.salience.salient_terms import SalientTerms
from transforms.salience.unique_items import UniqueItems

_BYTES_PER_BUCKET = 1 << 20
_OWN = frozenset({HISTORIES.name, EMBEDDINGS.name})
"""What this project wrote, and reads again."""


class _Catalogue(NamedTuple):
    """What is known of the items, and what is to be told of how it came about. Everything is a collection.

    Attributes:
        described: record batches of described items.
        embeddings: record batches of `embeddings`, those that were stored among them; None without an encoder.
        errors: some of record batches of `errors`.
        counts: some of counts.
    """

    described: beam.PCollection
    embeddings: beam.PCollection | None
    errors: tuple[beam.PCollection, ...]
    counts: tuple[beam.PCollection, ...]


class _Vectors(NamedTuple):
    """As `_Catalogue`, for `vectors`: record batches of `ITEM_VECTORS`."""

    vectors: beam.PCollection
    embeddings: beam.PCollection | None
    errors: tuple[beam.PCollection, ...]
    counts: tuple[beam.PCollection, ...]


def build_extract(root: beam.Pipeline, job: Job, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    writer = PartWriter(job.workspace, job.parts, progress)
    log_schema = job.extraction.interactions.required_schema()
    rows, row_errors, row_counts = root | "ReadInteractions" >> ReadRows(
        log_schema, job.interactions, job.columns, job.timestamp_unit, progress
    )
    known = _read_catalogue(root, job, progress)
    stored, stored_errors, stored_counts = None, [], []
    if job.previous:
        stored, *rest = root | "ReadPrevious" >> ReadRows(HISTORIES, job.previous, progress=progress)
        stored_errors, stored_counts = rest[:1], rest[1:]
    extracted = rows | "ExtractJourneys" >> ExtractJourneys(known.described, stored, job.extraction, writer)

    errors = (row_errors, extracted.errors, *known.errors, *stored_errors) | "AllErrors" >> beam.Flatten()
    unusable = errors | "CountUnusable" >> beam.FlatMap(count_unusable)
    counts = (row_counts, extracted.counts, unusable, *known.counts, *stored_counts) | "Counts" >> SumCounts()
    metrics = (
        counts | "AllCounts" >> beam.combiners.ToList() | "Metrics" >> beam.Map(lambda sums: metric_rows(PROGRAM, sums))
    )
    if extracted.swept is not None:
        told = extracted.swept | "SweepMetrics" >> beam.Map(sweep_metrics, PROGRAM, job.extraction)
        metrics = (metrics, told) | "AllMetrics" >> beam.Flatten()
    batches = {SALIENT_TERMS.name: extracted.salient, METRICS.name: metrics, ERRORS.name: errors}
    if known.embeddings is not None:
        batches[EMBEDDINGS.name] = known.embeddings
    shuffled = tuple(schema for schema in job.outputs if schema.name in batches)
    parts = batches | "WriteDatasets" >> WriteDatasets(shuffled, writer)
    (
        (parts, extracted.parts)
        | "Parts" >> beam.Flatten()
        | "CommitDatasets"
        >> CommitDatasets(
            schemas=job.outputs,
            writer=writer,
            versions=job.versions,
            gate=Gate(
                tuple(name for name in job.sources if name not in _OWN), job.max_error_rate, intact=tuple(sorted(_OWN))
            ),
            counts=counts,
            configuration=job.configuration,
            code_version=importlib.metadata.version("interest-journeys"),
            inputs=job.inputs,
        )
    )


def _read_catalogue(root: beam.Pipeline, job: Job, progress: Progress) -> _Catalogue:
    buckets = max(4, job.items.size // _BYTES_PER_BUCKET)
    located, *told = root | "ReadItems" >> ReadRows(ITEMS, job.items, job.item_columns, progress=progress)
    items, *more = located | "UniqueItems" >> UniqueItems(buckets)
    errors, counts = (told[0], more[0]), (told[1], more[1])
    if job.salient_terms:
        salient, salient_errors, salient_counts = _read_unique(root, SALIENT_TERMS, job.salient_terms, {}, progress)
        errors = (*errors, *salient_errors)
    else:
        salient, term_counts = items | "SalientTerms" >> SalientTerms(job.salience, buckets)
        salient_counts = (term_counts,)
    counts = (*counts, *salient_counts)
    found = _read_vectors(root, items, job, progress)
    if found is None and not job.salient_terms:
        return _Catalogue(salient, None, errors, counts)
    described = items | "DescribeItems" >> DescribeItems(salient, found.vectors if found else None, buckets)
    if found is None:
        return _Catalogue(described, None, errors, counts)
    return _Catalogue(described, found.embeddings, (*errors, *found.errors), (*counts, *found.counts))


def _read_vectors(root: beam.Pipeline, items: beam.PCollection, job: Job, progress: Progress) -> _Vectors | None:
    """The vectors of items, given or made; None where journeys are formed by terms."""
    if job.item_embeddings:
        given, errors, counts = _read_unique(
            root, ITEM_EMBEDDINGS, job.item_embeddings, job.embedding_columns, progress
        )
        compact = given | "Compact" >> beam.Map(compact_rows, "embedding").with_output_types(pa.RecordBatch)
        return _Vectors(compact, None, errors, counts)
    if job.encoder is None:
        return None
    stored, told = None, ()
    if job.embeddings:
        stored, *told = root | "ReadEmbeddings" >> ReadRows(EMBEDDINGS, job.embeddings, progress=progress)
    texts = items | "Texts" >> beam.Map(texts_of_items).with_output_types(pa.RecordBatch)
    encoded = texts | "EncodeTexts" >> EncodeTexts(job.encoder, stored=stored)
    embeddings = encoded.embeddings
    if stored is not None:
        alone = stored | "StoredAlone" >> beam.Map(embeddings_alone).with_output_types(pa.RecordBatch)
        embeddings = (alone, embeddings) | "OldAndNew" >> beam.Flatten()
    compact = encoded.vectors | "Compact" >> beam.Map(compact_rows, "vector").with_output_types(pa.RecordBatch)
    return _Vectors(compact, embeddings, tuple(told[:1]), (encoded.counts, *told[1:]))


def _read_unique(
    root: beam.Pipeline, schema: DatasetSchema, source: Source, columns: dict[str, str], progress: Progress
) -> tuple[beam.PCollection, tuple[beam.PCollection, ...], tuple[beam.PCollection, ...]]:
    """Rows of a dataset about items, one for each item; errors; counts."""
    located, *told = root | f"Read[{schema.name}]" >> ReadRows(schema, source, columns, progress=progress)
    rows, *more = located | f"Unique[{schema.name}]" >> UniqueItems(schema=schema)
    return rows, (told[0], more[0]), (told[1], more[1])
