"""The graph of `salience`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import apache_beam as beam
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.common.finalize import SideOutputs, commit_job
from pipelines.common.read_inputs import read_inputs
from schemas import COLLECTIONS, EMBEDDINGS, INTERACTIONS, ITEMS, SALIENCE_MODEL, SALIENT_TERMS
from transforms.columnar import split_by_size
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.reading import read_dataset
from transforms.datasets.writing import PartWriter
from transforms.encoders.encode import EncodeItems
from transforms.progress import Progress
from transforms.salience.labels import items_of_collections
from transforms.salience.learned_terms import LearnedSalientTerms, smallest_hashes
from transforms.salience.model import SalienceModel, default_model, from_rows
from transforms.shuffle import ApplyGlobally

if TYPE_CHECKING:
    from pipelines.salience.job import SalienceJob

_PARTS = 16
_BYTES_PER_BUCKET = 1 << 20
_MIN_BUCKETS, _MAX_BUCKETS = 4, 64
"""Limited, as the contexts of all terms are summed in each bucket before they are shuffled."""


def build_salience(root: beam.Pipeline, job: SalienceJob, progress: Progress) -> None:
    """Add the graph of the job to a pipeline."""
    writer = PartWriter(job.workspace, _PARTS, progress)
    side_outputs = SideOutputs()
    rows = read_inputs(root, job, side_outputs, progress)
    size = sum(source.size for source in (job.items, job.collections) if source)
    buckets = min(max(size // _BYTES_PER_BUCKET, _MIN_BUCKETS), _MAX_BUCKETS)
    if job.items is not None:
        items, *errors_and_counts = rows[ITEMS.name] | "Deduplicate" >> Deduplicate(buckets)
        side_outputs.add_errors_and_counts(*errors_and_counts)
    else:
        limits = (job.min_collections_per_source, job.training.max_items)
        sampled = ApplyGlobally(_items_of_large_sources, limits)
        items = rows[COLLECTIONS.name] | "ItemsOfCollections" >> sampled
        items = items | "SplitItems" >> beam.FlatMap(split_by_size).with_output_types(pa.RecordBatch)
        items = items | "SpreadItems" >> beam.Reshuffle()
    encoded = items | "EncodeItems" >> EncodeItems(job.encoder, rows.get(EMBEDDINGS.name), progress)
    learned = items | "LearnedSalientTerms" >> LearnedSalientTerms(
        vectors=encoded.vectors,
        config=job.salience,
        learning=job.training,
        model=_fixed_model(job),
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


def _fixed_model(job: SalienceJob) -> SalienceModel | None:
    if job.stored_model is not None:
        return from_rows(read_dataset(SALIENCE_MODEL, job.stored_model).to_batches())
    return None if job.trains else default_model(str(job.encoder))


def _items_of_large_sources(
    collections: Iterable[pa.RecordBatch], min_collections: int, max_items: int
) -> pa.RecordBatch:
    return smallest_hashes([items_of_collections(_of_large_sources(list(collections), min_collections))], max_items)


def _of_large_sources(collections: list[pa.RecordBatch], min_collections: int) -> Iterator[pa.RecordBatch]:
    """Yield the collections of sources that have at least `min_collections`."""
    sources = pa.table({"source": pa.chunked_array([rows["source"] for rows in collections], pa.string())})
    sizes = sources.group_by("source").aggregate([([], "count_all")])
    large = sizes.filter(pc.greater_equal(sizes["count_all"], min_collections))["source"].combine_chunks()
    for rows in collections:
        yield rows.filter(pc.is_in(rows["source"], large))
