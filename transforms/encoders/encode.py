"""Texts of items -> their vectors, on Beam: each distinct text is encoded once, and never again."""

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

from schemas import EMBEDDINGS
from transforms.columnar import MAX_ELEMENT_BYTES, CoGroupByBucket, concatenate, run_offsets, split_by_size
from transforms.content_hash import content_hashes
from transforms.datasets.counts import count
from transforms.datasets.reading import COUNTS_TAG
from transforms.encoders.interface import Encoder, EncoderSource
from transforms.encoders.text import TEXTS, texts_of_items

HASHED_TEXTS = TEXTS.append(pa.field("content_hash", pa.string(), nullable=False))
"""The same, with the key under which the text's vector is stored."""

REQUESTS = pa.schema(
    [
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("item_ids", pa.list_(pa.string()), nullable=False),
    ]
)
"""Distinct texts, sorted by hash, each with the items that have it, sorted."""

_NEW_TAG = "new"
_EMBEDDINGS_TAG = "embeddings"
_TEXTS_PER_REQUEST = 512
_BYTES_PER_ID = 32


def vectors_schema(dimension: int) -> pa.Schema:
    """The columns of what comes out: `item_id`, and `vector` of so many numbers."""
    return pa.schema(
        [
            pa.field("item_id", pa.string(), nullable=False),
            pa.field("vector", pa.list_(pa.float32(), dimension), nullable=False),
        ]
    )


def hash_texts(texts: pa.RecordBatch, fingerprint: str) -> pa.RecordBatch:
    """Rows of `TEXTS` with the hash of encoder and text, as `HASHED_TEXTS`.

    Raises:
        ValueError: when columns or types differ from `TEXTS`, or something is null.
    """
    if texts.schema.names != TEXTS.names or texts.schema.types != TEXTS.types:
        raise ValueError(f"expected the columns\n{TEXTS}\ngot\n{texts.schema}")
    for name in TEXTS.names:
        if texts[name].null_count:
            raise ValueError(f"{name} is null in {texts[name].null_count} of {texts.num_rows} rows")
    hashes = content_hashes(texts["text"], fingerprint)
    return pa.RecordBatch.from_arrays([*texts.columns, hashes], schema=HASHED_TEXTS)


def distinct_texts(hashed: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Rows of `HASHED_TEXTS` in any order -> `REQUESTS`; an item that comes twice is there twice."""
    rows = concatenate(hashed, HASHED_TEXTS)
    rows = rows.take(pc.sort_indices(rows, sort_keys=[("content_hash", "ascending"), ("item_id", "ascending")]))
    ends = run_offsets(rows["content_hash"].dictionary_encode().indices.to_numpy())
    firsts = pa.array(ends[:-1])
    items = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), rows["item_id"])
    return pa.RecordBatch.from_arrays(
        [rows["content_hash"].take(firsts), rows["text"].take(firsts), items], schema=REQUESTS
    )


class CachePartition(NamedTuple):
    """Requests by whether their vector is stored.

    Attributes:
        known: rows of `REQUESTS`.
        vectors: rows of `embeddings`, one for each of `known`, in the same order.
        new: rows of `REQUESTS`.
    """

    known: pa.RecordBatch
    vectors: pa.RecordBatch
    new: pa.RecordBatch


def partition_cached(requests: pa.RecordBatch, stored: Iterable[pa.RecordBatch]) -> CachePartition:
    """Looks requests up among stored vectors, each of which is there once.

    Args:
        requests: rows of `REQUESTS`.
        stored: rows of `embeddings`, in any order, perhaps with further columns.
    """
    names = EMBEDDINGS.arrow.names
    asked = requests["content_hash"]
    needed = (rows.select(names).filter(pc.is_in(rows["content_hash"], asked)) for rows in stored)
    vectors = concatenate((rows.cast(EMBEDDINGS.arrow) for rows in needed), EMBEDDINGS.arrow)
    places = pc.index_in(asked, vectors["content_hash"])
    known = pc.is_valid(places)
    return CachePartition(requests.filter(known), vectors.take(places.drop_null()), requests.filter(pc.invert(known)))


def batch_requests(requests: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Pieces for an encoder: cut at the same places whenever the rows are the same."""
    for start in range(0, requests.num_rows, _TEXTS_PER_REQUEST):
        yield from split_by_size(requests.slice(start, _TEXTS_PER_REQUEST))


def encode_requests(requests: pa.RecordBatch, encoder: Encoder) -> pa.RecordBatch:
    """Rows of `embeddings` for rows of `REQUESTS`, in the same order.

    Raises:
        SchemaError: when a vector has not the length 1.
    """
    vectors = encoder.encode(requests["text"].to_pylist())
    ends = np.arange(len(vectors) + 1, dtype=np.int32) * np.int32(encoder.dimension)
    lists = pa.ListArray.from_arrays(ends, pa.array(vectors.ravel()))
    embeddings = pa.RecordBatch.from_arrays([requests["content_hash"], lists], schema=EMBEDDINGS.arrow)
    EMBEDDINGS.check(embeddings)
    return embeddings


def vectors_of_items(item_ids: pa.ListArray, vectors: pa.ListArray) -> Iterator[pa.RecordBatch]:
    """One row for each item, as `vectors_schema` says, in pieces of about `MAX_ELEMENT_BYTES`.

    Args:
        item_ids: the items of each text.
        vectors: the vector of each text, of one length.

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
        piece = [ids.slice(start, rows), fixed.take(texts.slice(start, rows))]
        yield pa.RecordBatch.from_arrays(piece, schema=schema)


def select_embeddings(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Rows of `embeddings` without further columns."""
    return rows.select(EMBEDDINGS.arrow.names).cast(EMBEDDINGS.arrow)


class EncoderHandler(ModelHandler[pa.RecordBatch, tuple[pa.RecordBatch, pa.RecordBatch], Encoder]):
    """What `RunInference` needs to know of an encoder: rows of `REQUESTS` -> the same rows, and their `embeddings`.

    An element is a batch already, so Beam makes none. A process loads one encoder, which its threads share.

    Args:
        source: where a worker gets the encoder from.
    """

    def __init__(self, source: EncoderSource) -> None:
        super().__init__()
        self.source = source

    def load_model(self) -> Encoder:
        return self.source.load()

    def run_inference(
        self, batch: pa.RecordBatch, model: Encoder, inference_args: dict[str, Any] | None = None
    ) -> list[tuple[pa.RecordBatch, pa.RecordBatch]]:
        return [(batch, encode_requests(batch, model))]

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
    """Rows of `TEXTS` -> rows of `HASHED_TEXTS`. The encoder's files are read where its workers have them."""

    def __init__(self, source: EncoderSource) -> None:
        self.source = source
        self.fingerprint = ""

    def setup(self) -> None:
        self.fingerprint = self.source.fingerprint()

    def process(self, texts: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        yield hash_texts(texts, self.fingerprint)


class LookupCachedEmbeddings(beam.DoFn):
    """All texts and stored vectors of a bucket -> vectors of items that are known; requests for the others, beside."""

    def process(self, bucket: tuple[int, Mapping[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        _, batches = bucket
        requests = distinct_texts(batches["texts"])
        known, vectors, new = partition_cached(requests, batches.get("stored", ()))
        yield from vectors_of_items(known["item_ids"], vectors["vector"])
        for piece in batch_requests(new):
            yield TaggedOutput(_NEW_TAG, piece)
        yield TaggedOutput(COUNTS_TAG, count("texts_encoded", new.num_rows))
        yield TaggedOutput(COUNTS_TAG, count("texts_reused", known.num_rows))


class EmitVectors(beam.DoFn):
    """Requests and their embeddings -> vectors of items; the embeddings, beside."""

    def process(self, encoded: tuple[pa.RecordBatch, pa.RecordBatch]) -> Iterator[Any]:
        requests, embeddings = encoded
        for piece in split_by_size(embeddings):
            yield TaggedOutput(_EMBEDDINGS_TAG, piece)
        yield from vectors_of_items(requests["item_ids"], embeddings["vector"])


class Encoded(NamedTuple):
    """What encoding gives, each a collection.

    Attributes:
        vectors: record batches of (`item_id`, `vector`), a row for each row that was given, as `vectors_schema` says.
        embeddings: record batches of `embeddings`: what was encoded now, and what was stored.
        counts: counts: `texts_encoded` and `texts_reused`, distinct texts.
    """

    vectors: beam.PCollection
    embeddings: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class EncodeTexts(beam.PTransform):
    """Record batches of `TEXTS` -> the vector of each item's text.

    Equal texts meet in a bucket and are encoded once. What goes through the encoder together follows from the texts,
    what is stored and `buckets` alone, so that these give the same bytes on machines of one kind; with other buckets
    vectors differ by float noise.

    Attributes:
        spec: the encoder.
        buckets: how many pieces the texts are cut into; decides memory and parallelism.
        stored: record batches of `embeddings` from earlier runs, each hash once; None: none.
    """

    spec: EncoderSource
    buckets: int = 16
    stored: beam.PCollection | None = None

    def expand(self, texts: beam.PCollection) -> Encoded:
        hashed = texts | "Hash" >> beam.ParDo(HashTexts(self.spec)).with_output_types(pa.RecordBatch)
        batches = {"texts": hashed} if self.stored is None else {"texts": hashed, "stored": self.stored}
        found = (
            batches
            | "GroupTexts" >> CoGroupByBucket("content_hash", self.buckets)
            | "LookUp" >> beam.ParDo(LookupCachedEmbeddings()).with_outputs(_NEW_TAG, COUNTS_TAG, main="vectors")
        )
        routed = (
            found[_NEW_TAG]
            | "Encode"
            >> RunInference(EncoderHandler(self.spec)).with_output_types(tuple[pa.RecordBatch, pa.RecordBatch])
            | "Route" >> beam.ParDo(EmitVectors()).with_outputs(_EMBEDDINGS_TAG, main="vectors")
        )
        # Tagged outputs have no type of their own, and would be pickled: each slice with all that it was cut from.
        for batches_of_rows in (found[_NEW_TAG], found.vectors, routed.vectors, routed[_EMBEDDINGS_TAG]):
            batches_of_rows.element_type = pa.RecordBatch
        vectors = (found.vectors, routed.vectors) | "Vectors" >> beam.Flatten()
        embeddings = routed[_EMBEDDINGS_TAG]
        if self.stored is not None:
            alone = self.stored | "StoredAlone" >> beam.Map(select_embeddings).with_output_types(pa.RecordBatch)
            embeddings = (alone, embeddings) | "OldAndNew" >> beam.Flatten()
        return Encoded(vectors, embeddings, found[COUNTS_TAG])


@dataclasses.dataclass
class EncodeItems(beam.PTransform):
    """Record batches of `items` -> the vector of each item that has a text.

    Attributes:
        encoder: what makes vectors.
        stored: record batches of `embeddings` from earlier runs, each hash once; None: none.
    """

    encoder: EncoderSource
    stored: beam.PCollection | None = None

    def expand(self, items: beam.PCollection) -> Encoded:
        texts = items | "Texts" >> beam.Map(texts_of_items).with_output_types(pa.RecordBatch)
        return texts | "EncodeTexts" >> EncodeTexts(self.encoder, stored=self.stored)
