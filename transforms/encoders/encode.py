"""Encoding of texts into vectors on Beam; each distinct text is encoded once, and cached."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from apache_beam.ml.inference.base import ModelHandler, RunInference
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import EMBEDDINGS
from transforms.columnar import MAX_ELEMENT_BYTES, concatenate, list_array, match_rows, run_offsets, split_by_size
from transforms.content_hash import content_hashes
from transforms.datasets.counts import Count, count
from transforms.datasets.reading import COUNTS_TAG
from transforms.encoders.interface import Encoder, EncoderSource
from transforms.encoders.text import TEXTS, texts_of_items
from transforms.progress import Progress
from transforms.shuffle import CoGroupByBucket

HASHED_TEXTS = TEXTS.append(pa.field("content_hash", pa.string(), nullable=False))
"""`TEXTS` with the cache key of the text's vector."""

REQUESTS = pa.schema(
    [
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("item_ids", pa.list_(pa.string()), nullable=False),
    ]
)
"""Distinct texts, sorted by hash, each with the sorted ids of its items."""

TEXTS_COUNTER = "texts"
"""The name of texts in the progress."""

_NEW_TAG = "new"
_EMBEDDINGS_TAG = "embeddings"
_TEXTS_PER_REQUEST = 512
_BYTES_PER_ID = 32


def vectors_schema(dimension: int) -> pa.Schema:
    """Return the schema of the output: `item_id`, and `vector` of fixed length."""
    return pa.schema(
        [
            pa.field("item_id", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
        ]
    )


def hash_texts(texts: pa.RecordBatch, fingerprint: str) -> pa.RecordBatch:
    """Convert rows of `TEXTS` to `HASHED_TEXTS`.

    Args:
        texts: rows of `TEXTS`.
        fingerprint: the fingerprint of the encoder.

    Raises:
        ValueError: when columns or types differ from `TEXTS`, or a value is null.
    """
    if texts.schema.names != TEXTS.names or texts.schema.types != TEXTS.types:
        raise ValueError(f"expected the columns\n{TEXTS}\ngot\n{texts.schema}")
    for name in TEXTS.names:
        if texts[name].null_count:
            raise ValueError(f"{name} is null in {texts[name].null_count} of {texts.num_rows} rows")
    hashes = content_hashes(texts["text"], fingerprint)
    return pa.RecordBatch.from_arrays([*texts.columns, hashes], schema=HASHED_TEXTS)


def distinct_texts(hashed: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Group rows of `HASHED_TEXTS`, in any order, by text: rows of `REQUESTS`. Duplicate items are kept."""
    rows = concatenate(hashed, HASHED_TEXTS)
    rows = rows.take(pc.sort_indices(rows, sort_keys=[("content_hash", "ascending"), ("item_id", "ascending")]))
    starts = run_offsets(rows["content_hash"].dictionary_encode().indices.to_numpy())
    firsts = pa.array(starts[:-1])
    items = list_array(starts, rows["item_id"])
    return pa.RecordBatch.from_arrays(
        [rows["content_hash"].take(firsts), rows["text"].take(firsts), items], schema=REQUESTS
    )


class CachePartition(NamedTuple):
    """Requests with and without a cached vector.

    Attributes:
        cached: rows of `REQUESTS` with a cached vector.
        vectors: rows of `embeddings`, one for each row of `cached`, in the same order.
        new: the other rows of `REQUESTS`.
    """

    cached: pa.RecordBatch
    vectors: pa.RecordBatch
    new: pa.RecordBatch


def partition_cached(requests: pa.RecordBatch, stored: Iterable[pa.RecordBatch]) -> CachePartition:
    """Look up the vectors of requests in the cache.

    Args:
        requests: rows of `REQUESTS`.
        stored: rows of `embeddings` with distinct hashes, in any order; other columns are ignored.
    """
    names = EMBEDDINGS.arrow.names
    hashes = requests["content_hash"]
    needed = (rows.select(names).filter(pc.is_in(rows["content_hash"], hashes)) for rows in stored)
    vectors = concatenate((rows.cast(EMBEDDINGS.arrow) for rows in needed), EMBEDDINGS.arrow)
    cached = match_rows(requests, vectors, "content_hash")
    new = requests.filter(pc.invert(pc.is_in(hashes, vectors["content_hash"])))
    return CachePartition(cached.left, cached.right, new)


def batch_requests(requests: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Split requests into batches for an encoder; the split depends only on the rows."""
    for start in range(0, requests.num_rows, _TEXTS_PER_REQUEST):
        yield from split_by_size(requests.slice(start, _TEXTS_PER_REQUEST))


def encode_requests(requests: pa.RecordBatch, encoder: Encoder) -> pa.RecordBatch:
    """Encode rows of `REQUESTS` to rows of `embeddings`, in the same order.

    Raises:
        SchemaError: when a vector does not have unit length.
    """
    vectors = encoder.encode(requests["text"].to_pylist())
    vector_lists = list_array(np.arange(len(vectors) + 1) * encoder.dimension, pa.array(vectors.ravel()))
    embeddings = pa.RecordBatch.from_arrays([requests["content_hash"], vector_lists], schema=EMBEDDINGS.arrow)
    EMBEDDINGS.check(embeddings)
    return embeddings


def vectors_of_items(item_ids: pa.ListArray, vectors: pa.ListArray) -> Iterator[pa.RecordBatch]:
    """Return one row of `vectors_schema` per item, in batches of about `MAX_ELEMENT_BYTES`.

    Args:
        item_ids: the items of each text.
        vectors: the vector of each text; all have the same length.

    Raises:
        ValueError: when vectors differ in length.
    """
    dimensions = pc.unique(pc.list_value_length(vectors)).to_pylist()
    if not dimensions:
        return
    if len(dimensions) > 1:
        raise ValueError(f"vectors of one encoder have different lengths: {sorted(dimensions)}")
    schema = vectors_schema(dimensions[0])
    fixed = pa.FixedSizeListArray.from_arrays(vectors.flatten(), dimensions[0])
    texts, ids = pc.list_parent_indices(item_ids), item_ids.flatten()
    rows = max(1, MAX_ELEMENT_BYTES // (4 * dimensions[0] + _BYTES_PER_ID))
    for start in range(0, len(ids), rows):
        columns = [ids.slice(start, rows), fixed.take(texts.slice(start, rows))]
        yield pa.RecordBatch.from_arrays(columns, schema=schema)


def select_embeddings(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Drop all columns but those of `embeddings`."""
    return rows.select(EMBEDDINGS.arrow.names).cast(EMBEDDINGS.arrow)


class EncoderHandler(ModelHandler[pa.RecordBatch, tuple[pa.RecordBatch, pa.RecordBatch], Encoder]):
    """The handler of an encoder for `RunInference`: rows of `REQUESTS` -> the same rows, and their `embeddings`.

    An element is a batch already, so Beam does not batch elements. The threads of a process share one encoder.

    Args:
        source: the encoder.
        progress: counts the texts whose vector is computed, each item separately.
    """

    def __init__(self, source: EncoderSource, progress: Progress) -> None:
        super().__init__()
        self.source = source
        self.progress = progress

    def load_model(self) -> Encoder:
        return self.source.load()

    def run_inference(
        self, batch: pa.RecordBatch, model: Encoder, inference_args: dict[str, Any] | None = None
    ) -> list[tuple[pa.RecordBatch, pa.RecordBatch]]:
        embeddings = encode_requests(batch, model)
        self.progress.add(TEXTS_COUNTER, len(batch["item_ids"].flatten()))
        return [(batch, embeddings)]

    def get_num_bytes(self, batch: pa.RecordBatch) -> int:
        return int(batch.nbytes)

    def get_metrics_namespace(self) -> str:
        return "EncodeTexts"

    def should_skip_batching(self) -> bool:
        return True

    def validate_inference_args(self, inference_args: dict[str, Any] | None) -> None:
        if inference_args:
            raise ValueError(f"an encoder takes no inference_args, got {sorted(inference_args)}")


class HashTexts(beam.DoFn):
    """Converts rows of `TEXTS` to `HASHED_TEXTS`. The workers, which have the encoder's files, fingerprint it."""

    def __init__(self, source: EncoderSource, progress: Progress) -> None:
        self.source = source
        self.progress = progress
        self.fingerprint = ""

    def setup(self) -> None:
        self.fingerprint = self.source.fingerprint()

    def process(self, texts: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        self.progress.expect(TEXTS_COUNTER, texts.num_rows)
        yield hash_texts(texts, self.fingerprint)


@with_output_types(pa.RecordBatch, new=pa.RecordBatch, counts=Count)
class LookupCachedEmbeddings(beam.DoFn):
    """Splits the texts of a bucket into vectors of items whose text is cached, and requests of new texts."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def process(self, bucket: tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        _, batches = bucket
        requests = distinct_texts(batches["texts"])
        cached, vectors, new = partition_cached(requests, batches.get("stored", ()))
        self.progress.add(TEXTS_COUNTER, len(cached["item_ids"].flatten()))
        yield from vectors_of_items(cached["item_ids"], vectors["vector"])
        for batch in batch_requests(new):
            yield TaggedOutput(_NEW_TAG, batch)
        yield TaggedOutput(COUNTS_TAG, count("texts_encoded", new.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("texts_reused", cached.num_rows))


@with_output_types(pa.RecordBatch, embeddings=pa.RecordBatch)
class EmitVectors(beam.DoFn):
    """Splits the result of the encoder into vectors of items and rows of `embeddings`."""

    def process(self, encoded: tuple[pa.RecordBatch, pa.RecordBatch]) -> Iterator[Any]:
        requests, embeddings = encoded
        for batch in split_by_size(embeddings):
            yield TaggedOutput(_EMBEDDINGS_TAG, batch)
        yield from vectors_of_items(requests["item_ids"], embeddings["vector"])


class Encoded(NamedTuple):
    """The collections that encoding returns.

    Attributes:
        vectors: record batches of `vectors_schema`, one row for each row of the input.
        embeddings: record batches of `embeddings`, both new and stored ones.
        counts: counts of distinct texts: `texts_encoded` and `texts_reused`.
    """

    vectors: beam.PCollection
    embeddings: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class EncodeTexts(beam.PTransform):
    """Compute the vector of each text of record batches of `TEXTS`.

    Equal texts are in the same bucket and are encoded once. The batches of the encoder depend only on the texts, the
    stored vectors and `buckets`, so the bytes are equal on machines of the same kind; with another number of buckets,
    vectors differ by rounding errors.

    Attributes:
        spec: the encoder.
        buckets: number of buckets of texts; determines memory and parallelism.
        stored: record batches of `embeddings` of earlier runs, with distinct hashes, or None.
        progress: counts the texts, and those that have a vector.
    """

    spec: EncoderSource
    buckets: int = 16
    stored: beam.PCollection | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, texts: beam.PCollection) -> Encoded:
        hashed = texts | "Hash" >> beam.ParDo(HashTexts(self.spec, self.progress)).with_output_types(pa.RecordBatch)
        batches = {"texts": hashed} if self.stored is None else {"texts": hashed, "stored": self.stored}
        looked_up = (
            batches
            | "GroupTexts" >> CoGroupByBucket("content_hash", self.buckets)
            | "LookupCached"
            >> beam.ParDo(LookupCachedEmbeddings(self.progress)).with_outputs(_NEW_TAG, COUNTS_TAG, main="vectors")
        )
        encoded = (
            looked_up[_NEW_TAG]
            | "Encode"
            >> RunInference(EncoderHandler(self.spec, self.progress)).with_output_types(
                tuple[pa.RecordBatch, pa.RecordBatch]
            )
            | "EmitVectors" >> beam.ParDo(EmitVectors()).with_outputs(_EMBEDDINGS_TAG, main="vectors")
        )
        vectors = (looked_up.vectors, encoded.vectors) | "Vectors" >> beam.Flatten()
        embeddings = encoded[_EMBEDDINGS_TAG]
        if self.stored is not None:
            stored = self.stored | "SelectStored" >> beam.Map(select_embeddings).with_output_types(pa.RecordBatch)
            embeddings = (stored, embeddings) | "StoredAndNew" >> beam.Flatten()
        return Encoded(vectors, embeddings, looked_up[COUNTS_TAG])


class EncodeBatch(beam.DoFn):
    """Items -> rows of `vectors_schema` of those with text."""

    def __init__(self, source: EncoderSource) -> None:
        self.source = source
        self.encoder: Encoder | None = None

    def setup(self) -> None:
        self.encoder = self.source.load()

    def process(self, items: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        if self.encoder is None:
            raise RuntimeError("setup was not called")
        texts = texts_of_items(items)
        vectors = self.encoder.encode(texts["text"].to_pylist())
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), self.encoder.dimension)
        rows = pa.RecordBatch.from_arrays([texts["item_id"], column], schema=vectors_schema(self.encoder.dimension))
        yield from split_by_size(rows)


@dataclasses.dataclass
class EncodeWithoutCache(beam.PTransform):
    """Compute the vector of each item with text, from record batches of `items`, without a shuffle.

    For an encoder that is faster than reading stored vectors, and whose vectors do not depend on the batch.

    Attributes:
        encoder: the encoder.

    Returns:
        Record batches of `vectors_schema`.
    """

    encoder: EncoderSource

    def expand(self, items: beam.PCollection) -> beam.PCollection:
        return items | "Encode" >> beam.ParDo(EncodeBatch(self.encoder)).with_output_types(pa.RecordBatch)


@dataclasses.dataclass
class EncodeItems(beam.PTransform):
    """Compute the vector of each item with text, from record batches of `items`.

    Attributes:
        encoder: the encoder.
        stored: record batches of `embeddings` of earlier runs, with distinct hashes, or None.
        progress: counts the texts, and those that have a vector.
    """

    encoder: EncoderSource
    stored: beam.PCollection | None = None
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, items: beam.PCollection) -> Encoded:
        texts = items | "Texts" >> beam.Map(texts_of_items).with_output_types(pa.RecordBatch)
        return texts | "EncodeTexts" >> EncodeTexts(self.encoder, stored=self.stored, progress=self.progress)
