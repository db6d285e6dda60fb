"""Compilation of the kernels of an extraction, before workers need them.

Numba compiles a function at its first call with arguments of some types, and keeps the result in a cache on the disk.
A read-only array and a writable one are different types. So the functions are called here as the stages call them, on
a log of a few rows.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from schemas import INTERACTIONS, SALIENT_TERMS
from transforms.datasets.coercion import FILE, ROW
from transforms.encoders.quantized_vectors import ITEM_VECTORS, column_of
from transforms.hashing import StringIndex
from transforms.journeys.catalogue import pack_catalogue
from transforms.journeys.config import ExtractConfig
from transforms.journeys.explaining_terms import explain_journeys
from transforms.journeys.form_journeys import form_journeys
from transforms.journeys.histories import build_histories
from transforms.journeys.interactions import attach_item_features, resolve_items
from transforms.journeys.item_features import build_item_features, item_features_schema
from transforms.journeys.rows import journey_rows
from transforms.journeys.stages import encode_items
from transforms.journeys.sweep import sweep

_ITEMS = ("a", "b", "c")


def warm_up(config: ExtractConfig) -> None:
    """Compile the kernels that an extraction with this configuration needs, or load them from the cache.

    Args:
        config: its clustering, its join and whether it has a sweep determine the kernels and the types of arrays.
    """
    features = _item_features(with_vectors=config.bayesian is not None)
    interactions = _interactions()
    packed = None
    if config.join == "broadcast":
        packed = pack_catalogue([features], item_features_schema(with_vectors=config.bayesian is not None))
        events = resolve_items(interactions, StringIndex(packed["item_id"])).events
    else:
        events = attach_item_features(interactions, features).events
    histories = build_histories([events], events.schema, config.max_history)
    items, catalogue = encode_items(histories, packed, None)
    journeys = form_journeys(histories.offsets, items, catalogue, config)
    terms = explain_journeys(journeys, histories.offsets, items, catalogue, config.icpc)
    journey_rows(journeys, terms, histories, items, catalogue, config.half_life_days)
    if config.sweep is not None:
        sweep(histories.offsets, items, catalogue, config)


def _interactions() -> pa.RecordBatch:
    """Return one interaction of one user with each item, with provenance."""
    columns = {
        "user_id": pa.array(["user"] * len(_ITEMS)),
        "item_id": pa.array(_ITEMS),
        "timestamp": pa.array(range(len(_ITEMS))).cast(INTERACTIONS.arrow.field("timestamp").type),
        FILE.name: pa.array([""] * len(_ITEMS), FILE.type),
        ROW.name: pa.array(range(len(_ITEMS)), ROW.type),
    }
    return pa.RecordBatch.from_pydict(columns)


def _item_features(*, with_vectors: bool) -> pa.RecordBatch:
    """Return the features of the items: the same term and vector for all, so that they are one journey."""
    salient = pa.RecordBatch.from_pydict(
        {"item_id": _ITEMS, "terms": [["term"]] * len(_ITEMS), "saliences": [[1.0]] * len(_ITEMS)},
        schema=SALIENT_TERMS.arrow,
    )
    vectors = pa.RecordBatch.from_arrays(
        [pa.array(_ITEMS), column_of(np.ones((len(_ITEMS), 4), np.int8))], schema=ITEM_VECTORS
    )
    return build_item_features(salient["item_id"], salient, vectors if with_vectors else None)
