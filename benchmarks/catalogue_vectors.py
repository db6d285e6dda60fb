"""Vectors for a generated catalogue, similar to those of an encoder: items with common words have similar vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.generator import GeneratedLog

DIMENSIONS = 384
_ROWS = 50_000
_SEED = 0


def item_vectors(log: GeneratedLog) -> Path:
    """Return the file with the vectors of a log's items, which is created next to the items if it does not exist."""
    path = log.items.with_name(f"vectors-{DIMENSIONS}.parquet")
    if path.exists():
        return path
    hidden = path.with_suffix(".unfinished")
    schema = pa.schema([("item_id", pa.string()), ("embedding", pa.list_(pa.float32()))])
    with pq.ParquetWriter(hidden, schema) as writer:
        for rows in _batches(log.items):
            vectors = _vectors_of(rows["title"])
            ends = np.arange(len(vectors) + 1, dtype=np.int32) * DIMENSIONS
            lists = pa.ListArray.from_arrays(pa.array(ends), pa.array(vectors.ravel()))
            writer.write_batch(pa.RecordBatch.from_arrays([rows["item_id"], lists], schema=schema))
    hidden.rename(path)
    return path


def _batches(items: Path) -> list[pa.RecordBatch]:
    table = pq.read_table(items, columns=["item_id", "title"]).combine_chunks()
    return table.to_batches(max_chunksize=_ROWS)


def _vectors_of(titles: pa.StringArray) -> npt.NDArray[np.float32]:
    """Return the sum of the directions of a title's words, shape (titles, dimensions)."""
    words = pc.split_pattern(titles, " ")
    coded = words.flatten().dictionary_encode()
    directions = np.stack([_direction(word) for word in coded.dictionary.to_pylist()])
    vectors = np.zeros((len(titles), DIMENSIONS), np.float32)
    np.add.at(vectors, pc.list_parent_indices(words).to_numpy(), directions[coded.indices.to_numpy()])
    return vectors


def _direction(word: str) -> npt.NDArray[np.float32]:
    seed = [_SEED, *word.encode()]
    return np.random.default_rng(seed).normal(size=DIMENSIONS).astype(np.float32)
