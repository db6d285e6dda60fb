"""The vectors of the content of a catalogue: by an encoder, or the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import apache_beam as beam
import pyarrow as pa

from pipelines.common.finalize import SideOutputs
from schemas import EMBEDDINGS, ITEM_EMBEDDINGS
from transforms.datasets.deduplicate import Deduplicate
from transforms.encoders.encode import EncodeItems, EncodeWithoutCache
from transforms.encoders.interface import EncoderSource
from transforms.encoders.quantized_vectors import quantize_rows
from transforms.progress import Progress


class ContentVectors(NamedTuple):
    """The vectors of items.

    Attributes:
        vectors: record batches of `ITEM_VECTORS`.
        embeddings: record batches of `embeddings`, stored ones among them; None: no encoder whose vectors are stored.
    """

    vectors: beam.PCollection
    embeddings: beam.PCollection | None


def content_vectors(
    rows: Mapping[str, beam.PCollection],
    items: beam.PCollection,
    encoder: EncoderSource,
    side_outputs: SideOutputs,
    buckets: int,
    progress: Progress,
) -> ContentVectors:
    """Add the computation of vectors to a graph.

    Args:
        rows: the inputs of the job; with `item_embeddings`, these are the vectors.
        items: record batches of `items`, each item once.
        encoder: the encoder, if there are no `item_embeddings`.
        side_outputs: receives errors and counts.
        buckets: number of groups into which items are hashed.
        progress: counts the texts that have a vector.
    """
    embeddings = None
    if ITEM_EMBEDDINGS.name in rows:
        vectors, *errors_and_counts = rows[ITEM_EMBEDDINGS.name] | "DeduplicateVectors" >> Deduplicate(
            buckets, ITEM_EMBEDDINGS
        )
        side_outputs.add_errors_and_counts(*errors_and_counts)
        column = "embedding"
    elif encoder.is_packaged:
        vectors, column = items | "EncodeItems" >> EncodeWithoutCache(encoder), "vector"
    else:
        encode = EncodeItems(encoder, rows.get(EMBEDDINGS.name), progress)
        vectors, embeddings, counts = items | "EncodeItems" >> encode
        side_outputs.counts.append(counts)
        column = "vector"
    quantized = vectors | "Quantize" >> beam.Map(quantize_rows, column).with_output_types(pa.RecordBatch)
    return ContentVectors(quantized, embeddings)
