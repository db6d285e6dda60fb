"""Events and salient terms for tests, from plain Python values."""

from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from schemas import SALIENT_TERMS
from transforms.journeys.interactions import EVENTS, events_with_features_schema

Event = tuple[str, int, int]
"""User, microseconds since 1970, number of the item."""


def name_of(item: int) -> str:
    """The identity of the item with a number: sorted like the numbers, below a thousand."""
    return f"item{item:03}"


def events(rows: Iterable[Event]) -> pa.RecordBatch:
    """Rows of `EVENTS`."""
    return pa.RecordBatch.from_pylist(
        [{"user_id": user, "timestamp": time, "item": item} for user, time, item in rows], EVENTS
    )


def events_with_terms(rows: Iterable[Event]) -> pa.RecordBatch:
    """Described events without vectors; the terms of an item are its number and whether it is odd."""
    return pa.RecordBatch.from_pylist(
        [
            {
                "user_id": user,
                "timestamp": time,
                "item_id": name_of(item),
                "terms": [f"number{item}", "odd"][: 1 + item % 2],
                "saliences": [1.0, 0.5][: 1 + item % 2],
            }
            for user, time, item in rows
        ],
        events_with_features_schema(with_vectors=False),
    )


def plain(batch: pa.RecordBatch) -> list[Event]:
    """The inverse of `events`."""
    columns = (batch["user_id"], batch["timestamp"].cast(pa.int64()), batch["item"])
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def salient_terms(items: Mapping[str, Mapping[str, float]] | Sequence[Mapping[str, float]]) -> pa.RecordBatch:
    """Rows of `salient_terms`; items without a name are called by their number."""
    named = items.items() if isinstance(items, Mapping) else [(name_of(i), terms) for i, terms in enumerate(items)]
    return pa.RecordBatch.from_pylist(
        [{"item_id": item, "terms": list(terms), "saliences": list(terms.values())} for item, terms in named],
        SALIENT_TERMS.arrow,
    )
