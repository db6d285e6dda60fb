"""Interactions of users as events, and examples of features as record batches."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import INTENTS, TIMESTAMP
from transforms.columnar import concatenate
from transforms.hashing import StringIndex, stable_hash
from transforms.intents.exploration_models import ExplorationModel
from transforms.intents.features import FEATURES, UNKNOWN, Events, Examples, Features, Rows
from transforms.intents.features import INTENTS as INTENT_NAMES
from transforms.recommendation.histories import Integers
from transforms.recommendation.users import LOG, histories_of

EVENTS = pa.schema(
    [
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("item_id", pa.string(), nullable=False),
        pa.field("timestamp", TIMESTAMP, nullable=False),
        pa.field("dwell_seconds", pa.float64()),
    ]
)
"""The columns of interactions that are used."""

_FEATURES = pa.field("features", pa.list_(pa.float32(), len(FEATURES)), nullable=False)
EXAMPLES = pa.schema(
    [
        pa.field("time", pa.int64(), nullable=False),
        pa.field("user", pa.uint64(), nullable=False),
        pa.field("place", pa.int64(), nullable=False),
        _FEATURES,
        pa.field("labels", pa.list_(pa.int8(), len(INTENT_NAMES)), nullable=False),
    ]
)
"""An example: its time in microseconds, the hash of its user, its place in the history, features and labels."""

SERVING = pa.schema([pa.field("user_id", pa.string(), nullable=False), _FEATURES])
"""The features of a user at the serving time."""


class UserEvents(NamedTuple):
    """The events of some users.

    Attributes:
        ids: the ids of the users, ascending.
        events: their events, in this order.
    """

    ids: pa.StringArray
    events: Events


def events_of(batches: Iterable[pa.RecordBatch], catalogue: pa.RecordBatch, index: StringIndex) -> UserEvents:
    """Convert interactions to events.

    Args:
        batches: rows of `EVENTS` with all interactions of some users, in any order. Of equal rows, the longest dwell
            time counts.
        catalogue: rows of `INTENT_CATALOGUE`; other items are left out.
        index: the index of its items.
    """
    rows = concatenate((rows.select(EVENTS.names).cast(EVENTS) for rows in batches), EVENTS)
    keys = ["user_id", "timestamp", "item_id"]
    grouped = pa.Table.from_batches([rows]).group_by(keys).aggregate([("dwell_seconds", "max")])
    in_catalogue = grouped.filter(pa.array(index.lookup(grouped["item_id"].combine_chunks()) >= 0))
    ordered = in_catalogue.sort_by([(key, "ascending") for key in keys]).combine_chunks()
    ids, histories = histories_of([ordered.select(LOG.names).cast(LOG).to_batches()[0]] if len(ordered) else [], index)
    clusters, creators = (catalogue[name].to_numpy()[histories.items] for name in ("cluster", "creator"))
    dwell = ordered["dwell_seconds_max"].to_numpy().astype(np.float64)
    return UserEvents(ids, Events(histories, clusters, creators, dwell))


def example_rows(users: UserEvents, examples: Examples, limit: int) -> pa.RecordBatch:
    """Select the examples of users, at most `limit` of each, evenly spaced, as rows of `EXAMPLES`."""
    histories = users.events.histories
    owners = np.repeat(np.arange(histories.user_count), np.diff(histories.offsets))
    candidates = np.flatnonzero(examples.has_past)
    lengths = np.bincount(owners[candidates], minlength=histories.user_count)
    firsts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    places = np.arange(len(candidates)) - firsts[owners[candidates]]
    counts = np.maximum(lengths[owners[candidates]], 1)
    is_kept = (places + 1) * limit // counts > places * limit // counts
    chosen = candidates[is_kept | (counts <= limit)]
    hashes = stable_hash(users.ids)[owners[chosen]]
    arrays = [
        pa.array(histories.times[chosen]),
        pa.array(hashes),
        pa.array(chosen - histories.offsets[owners[chosen]]),
        _lists(examples.features[chosen], _FEATURES.type),
        _lists(examples.labels[chosen], EXAMPLES.field("labels").type),
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=EXAMPLES)


def serving_rows(ids: pa.StringArray, features: Features) -> pa.RecordBatch:
    """Return the features of users at the serving time as rows of `SERVING`."""
    return pa.RecordBatch.from_arrays([ids, _lists(features, _FEATURES.type)], schema=SERVING)


def _lists(matrix: npt.NDArray[np.generic], kind: pa.FixedSizeListType) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(matrix.ravel()), type=kind)


def examples_in_order(batches: Iterable[pa.RecordBatch]) -> tuple[Rows, Integers]:
    """Return examples by time, and their times; the order does not depend on that of the batches.

    Args:
        batches: rows of `EXAMPLES`.
    """
    rows = concatenate(batches, EXAMPLES)
    rows = rows.take(pc.sort_indices(rows, [(name, "ascending") for name in ("time", "user", "place")]))
    features = rows["features"].flatten().to_numpy().reshape(-1, len(FEATURES))
    labels = rows["labels"].flatten().to_numpy().reshape(-1, len(INTENT_NAMES))
    return Rows(features, labels), rows["time"].to_numpy()


def intent_rows(serving: pa.RecordBatch, model: ExplorationModel, name: str, has_creators: bool) -> pa.RecordBatch:
    """Compute rows of `intents`.

    Args:
        serving: rows of `SERVING`.
        model: the model.
        name: its name.
        has_creators: whether any item has a creator; otherwise their probability is null.
    """
    features = serving["features"].flatten().to_numpy().reshape(-1, len(FEATURES))
    predicted = model.predict(features).astype(np.float32)
    clusters, creators, items = (pa.array(column) for column in predicted.T)
    if not has_creators:
        creators = pa.nulls(len(serving), pa.float32())
    arrays = [serving["user_id"], clusters, creators, items, pa.repeat(name, len(serving))]
    return pa.RecordBatch.from_arrays(arrays, schema=INTENTS.arrow)


def has_creators(catalogue: pa.RecordBatch) -> bool:
    """Whether any item of rows of `INTENT_CATALOGUE` has a creator."""
    return bool((catalogue["creator"].to_numpy() != UNKNOWN).any())
