"""The graph of `salience`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.salience.job import SalienceJob
from schemas import COLLECTIONS, EMBEDDINGS, INTERACTIONS, ITEMS, SALIENCE_MODEL, SALIENT_TERMS
from transforms.columnar import ApplyGlobally, split_by_size
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.reading import ReadRows, read_dataset
from transforms.datasets.writing import PartWriter
from transforms.encoders.encode import EncodeItems
from transforms.progress import Progress
from transforms.salience.labels import items_of_collections
from transforms.salience.learned_terms import LearnedSalientTerms, smallest_hashes
from transforms.salience.model import SalienceModel, default_model, from_rows

_PARTS = 16
_BYTES_PER_BUCKET = 1 << 20
_FEWEST_BUCKETS, _MOST_BUCKETS = 4, 64
"""The contexts of all terms are summed up in each bucket before they are shuffled."""


def build_salience(root: beam.Pipeline, job: SalienceJob, progress: Progress) -> None:
    """Adds the whole job to a pipeline."""
    writer = PartWriter(job.workspace, _PARTS, progress)
    schemas = {schema.name: schema for schema in (ITEMS, COLLECTIONS, INTERACTIONS, EMBEDDINGS)}
    renamed = {ITEMS.name: job.item_columns, INTERACTIONS.name: job.columns}
    read = {
        name: root | f"Read[{name}]" >> ReadRows(schemas[name], source, renamed.get(name, {}), progress=progress)
        for name, source in job.sources.items()
    }
    rows = {name: found[0] for name, found in read.items()}
    side_outputs = SideOutputs()
    for _, *besides in read.values():
        side_outputs.add_errors_and_counts(*besides)
    size = sum(source.size for source in (job.items, job.collections) if source)
    buckets = min(max(size // _BYTES_PER_BUCKET, _FEWEST_BUCKETS), _MOST_BUCKETS)
    if job.items is not None:
        items, *besides = rows[ITEMS.name] | "Deduplicate" >> Deduplicate(buckets)
        side_outputs.add_errors_and_counts(*besides)
    else:
        limits = (job.min_collections_of_source, job.learning.max_items)
        listed = ApplyGlobally(_items_of_large_sources, limits)
        items = rows[COLLECTIONS.name] | "ItemsOfCollections" >> listed
        items = items | "CutItems" >> beam.FlatMap(split_by_size).with_output_types(pa.RecordBatch)
        items = items | "SpreadItems" >> beam.Reshuffle()
    encoded = items | "EncodeItems" >> EncodeItems(job.encoder, rows.get(EMBEDDINGS.name))
    learned = items | "LearnedSalientTerms" >> LearnedSalientTerms(
        vectors=encoded.vectors,
        config=job.salience,
        learning=job.learning,
        model=_given_model(job),
        interactions=rows.get(INTERACTIONS.name),
        buckets=buckets,
        fallback_model=default_model(str(job.encoder)),
    )
    side_outputs.counts += [encoded.counts, learned.counts]
    side_outputs.metrics.append(learned.metrics)
    batches = {
        EMBEDDINGS.name: encoded.embeddings,
        SALIENCE_MODEL.name: learned.model,
        SALIENT_TERMS.name: learned.salient,
    }
    commit_job(job, batches, side_outputs, writer)


def _given_model(job: SalienceJob) -> SalienceModel | None:
    if job.stored_model is not None:
        return from_rows(read_dataset(SALIENCE_MODEL, job.stored_model).to_batches())
    return None if job.learns else default_model(str(job.encoder))


def _items_of_large_sources(collections: Iterable[pa.RecordBatch], fewest: int, most: int) -> pa.RecordBatch:
    return smallest_hashes([items_of_collections(_large_sources(list(collections), fewest))], most)


def _large_sources(collections: list[pa.RecordBatch], fewest: int) -> Iterator[pa.RecordBatch]:
    """The collections of sources that have at least so many of them."""
    sources = pa.table({"source": pa.chunked_array([rows["source"] for rows in collections], pa.string())})
    sizes = sources.group_by("source").aggregate([([], "count_all")]).to_pylist()
    large = pa.array([row["source"] for row in sizes if row["count_all"] >= fewest], pa.string())
    for rows in collections:
        yield rows.filter(pc.is_in(rows["source"], large))
