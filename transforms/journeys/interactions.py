"""Filters on interactions, and their join with the catalogue."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas import INTERACTIONS, TIMESTAMP
from transforms.datasets.coercion import FILE, ROW, error_rows
from transforms.datasets.error_rate import UNKNOWN_ITEM
from transforms.encoders.quantized_vectors import VECTOR
from transforms.hashing import StringIndex
from transforms.journeys.item_features import item_features_schema

EVENTS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item", pa.int32(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
    ]
)
"""An interaction whose item is in the catalogue: `item` is its index there."""


def events_with_features_schema(*, with_vectors: bool) -> pa.Schema:
    """Return the schema of events that carry the features of their items, for catalogues too large to be broadcast.

    The columns are `user_id`, `item_id`, `timestamp` and the other columns of item features.
    """
    described = item_features_schema(with_vectors=with_vectors)
    item_id, *others = described
    return pa.schema([EVENTS.field("user_id"), item_id, EVENTS.field("timestamp"), *others])


class JoinResult(NamedTuple):
    """Interactions whose items are in the catalogue, and the others as rows of `errors`."""

    events: pa.RecordBatch
    errors: pa.RecordBatch


def resolve_items(rows: pa.RecordBatch, item_ids: StringIndex) -> JoinResult:
    """Replace items by their indices in the catalogue.

    Args:
        rows: interactions with `file` and `row`.
        item_ids: the catalogue's items.

    Returns:
        Rows of `EVENTS`, and errors for items that are not in the catalogue.
    """
    numbers = item_ids.lookup(rows["item_id"])
    found = numbers >= 0
    unknown = unknown_items(rows.filter(pa.array(~found)))
    if unknown.num_rows:
        rows, numbers = rows.filter(pa.array(found)), numbers[found]
    events = pa.RecordBatch.from_arrays([rows["user_id"], pa.array(numbers), rows["timestamp"]], schema=EVENTS)
    return JoinResult(events, unknown)


def attach_item_features(rows: pa.RecordBatch, features: pa.RecordBatch) -> JoinResult:
    """Join interactions with the features of their items.

    Args:
        rows: interactions with `file` and `row`.
        features: item features; items of `rows` that are not among them are not in the catalogue.

    Returns:
        Rows of `events_with_features_schema`, and errors for items that are not in the catalogue.
    """
    numbers = pc.index_in(rows["item_id"], features["item_id"])
    found = rows.filter(numbers.is_valid())
    matched = features.take(numbers.drop_null())
    schema = events_with_features_schema(with_vectors=VECTOR.name in features.schema.names)
    columns = [(found if name in EVENTS.names or name == "item_id" else matched)[name] for name in schema.names]
    events = pa.RecordBatch.from_arrays(columns, schema=schema)
    return JoinResult(events, unknown_items(rows.filter(numbers.is_null())))


def unknown_items(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows of `errors` for interactions whose item is not in the catalogue."""
    return error_rows(
        INTERACTIONS.name,
        rows[FILE.name],
        rows[ROW.name],
        UNKNOWN_ITEM,
        rows.select(["user_id", "item_id", "timestamp"]),
    )
