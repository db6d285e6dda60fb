import datetime
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import ERRORS, INTERACTIONS
from tests.transforms.journeys.events import Event, name_of, salient_terms
from transforms.datasets.coercion import with_provenance
from transforms.hashing import StringIndex
from transforms.journeys.interactions import (
    EVENTS,
    attach_item_features,
    events_with_features_schema,
    resolve_items,
)

LOCATED = with_provenance(INTERACTIONS)


def located(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    place = {"user_id": "u", "item_id": "i", "timestamp": 0, "file": "log.parquet"}
    return pa.RecordBatch.from_pylist([place | {"row": number} | row for number, row in enumerate(rows)], LOCATED)


def at(microsecond: int) -> datetime.datetime:
    return datetime.datetime(1970, 1, 1, 0, 0, 0, microsecond, datetime.UTC)


VISITS = [
    {"user_id": "v", "item_id": "b", "timestamp": 3},
    {"user_id": "u", "item_id": "lost", "timestamp": 2},
    {"user_id": "u", "item_id": "a", "timestamp": 1},
]
CATALOGUE = salient_terms({"a": {"tea": 0.5, "cup": 0.25}, "b": {}, "c": {"pot": 1.0}})
LOST = [
    {
        "dataset": "interactions",
        "file": "log.parquet",
        "row": 1,
        "reason": "item_not_in_catalogue",
        "payload": "user_id=u item_id=lost timestamp=1970-01-01 00:00:00.000002Z",
    }
]


def test_items_are_looked_up() -> None:
    events, errors = resolve_items(located(VISITS), StringIndex(CATALOGUE["item_id"]))
    assert events.schema == EVENTS
    assert events.to_pylist() == [
        {"user_id": "v", "item": 1, "timestamp": at(3)},
        {"user_id": "u", "item": 0, "timestamp": at(1)},
    ]
    assert errors.to_pylist() == LOST
    ERRORS.check(errors)


def test_events_carry_terms() -> None:
    events, errors = attach_item_features(located(VISITS), CATALOGUE)
    assert events.schema == events_with_features_schema(with_vectors=False)
    assert events.to_pylist() == [
        {"user_id": "v", "item_id": "b", "timestamp": at(3), "terms": [], "saliences": []},
        {"user_id": "u", "item_id": "a", "timestamp": at(1), "terms": ["tea", "cup"], "saliences": [0.5, 0.25]},
    ]
    assert errors.to_pylist() == LOST
    ERRORS.check(errors)


ROWS = st.lists(st.tuples(st.sampled_from("uv"), st.integers(0, 9), st.integers(0, 5)))


@settings(deadline=None)
@given(ROWS, st.sets(st.integers(0, 5)))
def test_both_joins_see_the_same_events(rows: list[Event], catalogue: set[int]) -> None:
    log = located([{"user_id": user, "timestamp": time, "item_id": name_of(item)} for user, time, item in rows])
    salient = salient_terms({name_of(item): {f"term{item}": 0.5} for item in sorted(catalogue)})
    numbered, unknown = resolve_items(log, StringIndex(salient["item_id"]))
    carrying, unattached = attach_item_features(log, salient)
    assert unknown == unattached
    assert unknown["row"].to_pylist() == [row for row, (_, _, item) in enumerate(rows) if item not in catalogue]
    assert numbered.num_rows + unknown.num_rows == len(rows)
    for name in ("user_id", "timestamp"):
        assert numbered[name] == carrying[name]
    found = salient.take(numbered["item"])
    assert found["item_id"] == carrying["item_id"]
    assert found["terms"] == carrying["terms"]
    assert found["saliences"] == carrying["saliences"]
