"""Mixtures of collections, their catalogue, and features of the items of mixtures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import COLLECTIONS, ITEMS, SALIENT_TERMS
from transforms.columnar import concatenate
from transforms.datasets.coercion import with_provenance
from transforms.encoders.text import item_text
from transforms.evaluation.config import MixtureConfig
from transforms.evaluation.methods import Corpus
from transforms.evaluation.mixtures import build_mixtures
from transforms.evaluation.noise import add_noise
from transforms.evaluation.numbered_collections import item_texts, number_items
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue


class Mixed(NamedTuple):
    """Mixtures of collections.

    Attributes:
        catalogue: rows of `items`: all items of the collections, by `item_id`.
        items: those of the mixtures, in the same order: row i is item number i of the mixtures.
        mixtures: rows of `MIXTURES`.
        noisy: rows of `MIXTURES` of the same mixtures with noise, by the fraction of noise.
        sources: number of sources of the collections.
    """

    catalogue: pa.RecordBatch
    items: pa.RecordBatch
    mixtures: pa.RecordBatch
    noisy: Mapping[float, pa.RecordBatch]
    sources: int


def limit_sources(collections: pa.RecordBatch, max_collections: int | None) -> pa.RecordBatch:
    """Select the collections of sources with at most `max_collections`; None: all collections."""
    if max_collections is None or not collections.num_rows:
        return collections
    sources = collections["source"].dictionary_encode().indices.to_numpy()
    return collections.filter(pa.array(np.bincount(sources)[sources] <= max_collections))


def mix_collections(collections: pa.RecordBatch, config: MixtureConfig, noise_fractions: Sequence[float] = ()) -> Mixed:
    """Mix collections, and keep the items of all collections.

    Args:
        collections: rows of `collections`, in any order.
        config: numbers and sizes.
        noise_fractions: fractions of noise, as for `add_noise`.

    Raises:
        ValueError: as for `build_mixtures` and `add_noise`.
    """
    mixtures = add_noise(build_mixtures(collections, config), collections, noise_fractions, config.seed)
    whole = number_items([collections]).items
    # Both are sorted by text, so the items of the mixtures are in the order of their numbers.
    mixed = pc.is_in(item_texts(whole), item_texts(mixtures.items))
    sources = pc.count_distinct(collections["source"]).as_py()
    return Mixed(whole, whole.filter(mixed), mixtures.rows, mixtures.noisy, sources)


def concatenate_collections(batches: Iterable[pa.RecordBatch]) -> pa.RecordBatch:
    """Concatenate rows of `collections`, and drop further columns."""
    names = COLLECTIONS.arrow.names
    return concatenate([rows.select(names).cast(COLLECTIONS.arrow) for rows in batches], COLLECTIONS.arrow)


def items_with_provenance(items: pa.RecordBatch, origin: str) -> pa.RecordBatch:
    """Add provenance to rows of `items`, as if they had been read from a file named `origin`."""
    provenance = [
        pa.array([origin] * items.num_rows, pa.string()).dictionary_encode(),
        pa.array(np.arange(items.num_rows)),
    ]
    columns = [items[column.name] for column in ITEMS.columns]
    schema = with_provenance(ITEMS)
    return pa.RecordBatch.from_arrays(
        [column.cast(field.type) for column, field in zip([*columns, *provenance], schema, strict=True)], schema=schema
    )


def build_corpus(
    items: Iterable[pa.RecordBatch],
    terms: Mapping[str, Iterable[pa.RecordBatch]],
    vectors: Mapping[str, Iterable[pa.RecordBatch]],
) -> Corpus:
    """Build the features of the items of mixtures; row i is the item of the i-th smallest id.

    Args:
        items: rows of `items`.
        terms: rows of `salient_terms` of these items and perhaps others, by the name of the scorer.
        vectors: rows of (`item_id`, `vector`) of these items and perhaps others, by the name of the encoder.

    Raises:
        ValueError: when an item has no terms or vector, or more than one.
    """
    rows = concatenate(items, ITEMS.arrow)
    rows = rows.take(pc.sort_indices(rows["item_id"]))
    ids = rows["item_id"]
    packed = {name: pack_catalogue(_only(batches, ids)) for name, batches in terms.items()}
    for name, found in packed.items():
        _check_ids(name, found["item_id"], ids)
    return Corpus(
        texts=tuple(item_text(rows).to_pylist()),
        terms={name: unpack_catalogue(found).term_vectors for name, found in packed.items()},
        vectors={name: _matrix(name, batches, ids) for name, batches in vectors.items()},
    )


def _only(batches: Iterable[pa.RecordBatch], ids: pa.StringArray) -> Iterable[pa.RecordBatch]:
    for rows in batches:
        yield rows.select(SALIENT_TERMS.arrow.names).filter(pc.is_in(rows["item_id"], ids))


def _matrix(name: str, batches: Iterable[pa.RecordBatch], ids: pa.StringArray) -> npt.NDArray[np.float32]:
    selected = [rows.filter(pc.is_in(rows["item_id"], ids)) for rows in batches]
    found = pa.concat_arrays([pa.array([], pa.string()), *(rows["item_id"] for rows in selected)])
    order = pc.sort_indices(found)
    _check_ids(name, found.take(order), ids)
    if not selected:
        return np.zeros((0, 0), np.float32)
    values: npt.NDArray[np.float32] = np.concatenate([rows["vector"].flatten().to_numpy() for rows in selected])
    return values.reshape(len(ids), -1)[order.to_numpy()]


def _check_ids(name: str, found: pa.StringArray, ids: pa.StringArray) -> None:
    if not found.equals(ids):
        raise ValueError(f"{name}: each of the {len(ids)} items of the mixtures must occur once, got {len(found)}")
