"""Rows of events and examples: duplicates, items outside the tree, the number of examples of a user, creators."""

import numpy as np
import pyarrow as pa
import pytest

from schemas import INTENTS
from transforms.hashing import StringIndex
from transforms.intents.catalogue import INTENT_CATALOGUE, ITEM_CREATORS, creators_of
from transforms.intents.config import IntentConfig
from transforms.intents.exploration_models import BaseRate
from transforms.intents.features import FEATURES, compute_examples
from transforms.intents.rows import (
    EVENTS,
    UserEvents,
    events_of,
    example_rows,
    examples_in_order,
    has_creators,
    intent_rows,
    serving_rows,
)

CATALOGUE = pa.RecordBatch.from_pydict(
    {"item_id": ["a", "b", "c"], "cluster": [0, 1, -1], "creator": [-1, 0, 0]}, INTENT_CATALOGUE
)
FRACTIONS = np.array([1 / 3, 1 / 3])


def log(*rows: tuple[str, str, int, float | None]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([dict(zip(EVENTS.names, row, strict=True)) for row in rows], EVENTS)


def events(*batches: pa.RecordBatch) -> UserEvents:
    return events_of(batches, CATALOGUE, StringIndex(CATALOGUE["item_id"]))


def test_events_of_users() -> None:
    rows = [("v", "b", 5, None), ("u", "c", 9, 2.0), ("u", "a", 3, None), ("u", "a", 3, 4.0), ("u", "z", 4, None)]
    found = events(log(*rows[:2]), log(*rows[2:]))
    assert found.ids.to_pylist() == ["u", "v"]
    assert found.events.histories.offsets.tolist() == [0, 2, 3]
    assert found.events.histories.items.tolist() == [0, 2, 1]
    assert found.events.clusters.tolist() == [0, -1, 1]
    assert found.events.creators.tolist() == [-1, 0, 0]
    assert found.events.dwell.tolist()[:2] == [4.0, 2.0]
    assert np.isnan(found.events.dwell[2])
    assert events().ids.to_pylist() == []
    assert events(log(("u", "z", 4, None))).ids.to_pylist() == []


def test_examples_are_evenly_spaced_and_in_order() -> None:
    users = events(
        log(*(("u", "ab"[place % 2], place, None) for place in range(11)), ("v", "a", 5, None), ("v", "b", 6, None))
    )
    examples = compute_examples(users.events, FRACTIONS, 20, IntentConfig())
    assert example_rows(users, examples, 100)["place"].to_pylist() == [*range(1, 11), 1]
    few = example_rows(users, examples, 5)
    assert few["place"].to_pylist() == [2, 4, 6, 8, 10, 1]
    rows, times = examples_in_order([few.slice(3), few.slice(0, 3)])
    again, _ = examples_in_order([few])
    assert times.tolist() == [2, 4, 6, 6, 8, 10]
    assert np.array_equal(rows.features, again.features)
    assert np.array_equal(rows.labels, again.labels)
    assert rows.labels[:, 0].tolist() == [0, 0, 1, 0, 0, 0] or rows.labels[:, 0].tolist() == [0, 0, 0, 1, 0, 0]
    empty, no_times = examples_in_order([])
    assert empty.features.shape == (0, len(FEATURES))
    assert not len(no_times)


@pytest.mark.parametrize("with_creators", [True, False])
def test_rows_of_intents(with_creators: bool) -> None:
    serving = serving_rows(pa.array(["u", "v"]), np.zeros((2, len(FEATURES)), np.float32))
    found = intent_rows(serving, BaseRate(np.array([0.25, 0.5, 0.75])), "base_rate", with_creators)
    assert found.schema == INTENTS.arrow
    assert found.to_pylist()[1] == {
        "user_id": "v",
        "cluster_probability": 0.25,
        "creator_probability": 0.5 if with_creators else None,
        "item_probability": 0.75,
        "model": "base_rate",
    }
    assert intent_rows(serving.slice(0, 0), BaseRate(np.zeros(3)), "base_rate", with_creators).num_rows == 0


def test_creators() -> None:
    assert has_creators(CATALOGUE)
    assert not has_creators(CATALOGUE.slice(0, 1))
    rows = pa.record_batch({"item_id": ["a", "b", "c"], "title": ["", "", ""], "creator": ["x", " ", None]})
    assert creators_of(rows) == pa.RecordBatch.from_pydict(
        {"item_id": ["a", "b", "c"], "creator": ["x", None, None]}, ITEM_CREATORS
    )
