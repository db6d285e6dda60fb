"""The data of a training, read into the memory of this process: histories, clusters and content of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas import CLUSTERS, INTERACTIONS, ITEM_CLUSTERS, ITEM_EMBEDDINGS, ITEMS
from transforms.columnar import concatenate
from transforms.datasets.coercion import with_provenance
from transforms.datasets.deduplicate import deduplicate
from transforms.datasets.error_rate import DataError
from transforms.datasets.filter_interactions import filter_interactions
from transforms.datasets.read_all import read_all
from transforms.encoders.quantized_vectors import ITEM_VECTORS, column_of, quantize_rows, quantize_vectors
from transforms.encoders.text import texts_of_items
from transforms.exploration.stages import clusters_of_level
from transforms.exploration.transitions import NEVER, time_before_last
from transforms.hashing import StringIndex
from transforms.progress import Progress
from transforms.recommendation.catalogue import catalogue_rows, clusters_of, content_of
from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.protocol import before
from transforms.recommendation.sequence.training import Catalogue
from transforms.recommendation.users import histories_of

if TYPE_CHECKING:
    from pipelines.train_recommender.job import TrainRecommenderJob

MAX_INTERACTIONS = 50_000_000
"""Maximum number of interactions: about 8 GB while they are read. A longer log can be filtered, or cut by time."""

MAX_ITEMS = 5_000_000
_TEXTS_PER_BATCH = 4096


class TrainingData(NamedTuple):
    """The data of a training.

    Attributes:
        item_ids: the ids of all items, ascending.
        catalogue: clusters and content of the items.
        histories: the interactions before the test period.
        read: number of interactions that were read.
        invalid: number of invalid ones.
        outside: number of interactions with items that are not in the catalogue.
    """

    item_ids: pa.StringArray
    catalogue: Catalogue
    histories: ItemHistories
    read: int
    invalid: int
    outside: int


def read_data(job: TrainRecommenderJob, progress: Progress) -> TrainingData:
    """Read the data of a training.

    Raises:
        DataError: when an input is empty, too large, or has too many invalid rows.
    """
    stored = (
        read_all(schema, source, job.options_of(schema.name), MAX_ITEMS, 0.0, progress).batches
        for schema, source in ((CLUSTERS, job.clusters), (ITEM_CLUSTERS, job.item_clusters))
    )
    clusters, item_clusters = next(stored), next(stored)
    of_level = clusters_of_level(clusters, job.level)
    rows = catalogue_rows(item_clusters, of_level, _vectors(job, progress))
    content = None if job.items is None and job.item_embeddings is None else content_of(rows)
    catalogue = Catalogue(clusters_of(rows), of_level.num_rows, None if content is None else _directions(content))
    log = read_all(
        job.schema_of(INTERACTIONS.name),
        job.interactions,
        job.options_of(INTERACTIONS.name),
        MAX_INTERACTIONS,
        job.max_error_rate,
        progress,
    )
    kept = [filter_interactions(batch, job.filter).rows for batch in log.batches]
    index = StringIndex(rows["item_id"])
    _, histories = histories_of(kept, index)
    outside = sum(int((index.lookup(batch["item_id"]) < 0).sum()) for batch in kept)
    test = time_before_last(np.sort(histories.times), job.test_fraction)
    histories = histories if test == NEVER else before(histories, test)
    if not len(histories.items):
        raise DataError("no interaction with an item of --clusters is left for training")
    return TrainingData(rows["item_id"], catalogue, histories, log.read, log.invalid, outside)


def _vectors(job: TrainRecommenderJob, progress: Progress) -> list[pa.RecordBatch]:
    """Return the vectors of items, as rows of `ITEM_VECTORS`."""
    schema, source = (ITEMS, job.items) if job.item_embeddings is None else (ITEM_EMBEDDINGS, job.item_embeddings)
    if source is None:
        return []
    read = read_all(schema, source, job.options_of(schema.name), MAX_ITEMS, job.max_error_rate, progress)
    rows = deduplicate(concatenate(read.batches, with_provenance(schema)), schema).items
    if schema is ITEM_EMBEDDINGS:
        return [quantize_rows(rows, "embedding")]
    texts = texts_of_items(rows)
    encoder = job.encoder.load()
    batches = []
    for start in range(0, texts.num_rows, _TEXTS_PER_BATCH):
        part = texts.slice(start, _TEXTS_PER_BATCH)
        vectors = quantize_vectors(encoder.encode(part["text"].to_pylist()))
        batches.append(pa.RecordBatch.from_arrays([part["item_id"], column_of(vectors)], schema=ITEM_VECTORS))
        progress.add("encoded", part.num_rows)
    return batches


def _directions(content: npt.NDArray[np.int8]) -> npt.NDArray[np.float32]:
    """Scale vectors to length 1; zeros stay zero."""
    lengths = np.sqrt((content.astype(np.int64) ** 2).sum(axis=1, keepdims=True))
    return np.ascontiguousarray(content / np.where(lengths > 0, lengths, 1.0), np.float32)
