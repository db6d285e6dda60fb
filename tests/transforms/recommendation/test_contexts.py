import datetime

import numpy as np
import pyarrow as pa

from schemas import JOURNEYS
from transforms.hashing import StringIndex
from transforms.recommendation.contexts import (
    ClusterSequences,
    contexts_of,
    familiar_clusters,
    journey_sequences,
    main_clusters,
)

ITEM_IDS = StringIndex(pa.array(["a", "b", "c", "d"]))
CLUSTERS = np.array([2, 2, 0, -1], np.int32)


def journey(user: str, name: str, items: list[str], day: int) -> dict[str, object]:
    time = datetime.datetime(2024, 1, day, tzinfo=datetime.UTC)
    row: dict[str, object] = {field.name: None for field in JOURNEYS.arrow}
    row |= {"user_id": user, "journey_id": name, "rank": 1, "size": len(items), "item_ids": items}
    row |= {"timestamps": [time] * len(items), "terms": [], "weights": []}
    return row | {"first_timestamp": time, "last_timestamp": time}


def rows(*journeys: dict[str, object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(journeys), JOURNEYS.arrow)


def test_the_main_cluster_is_that_of_most_items() -> None:
    found = rows(
        journey("u", "1", ["a", "c", "b"], 1),
        journey("u", "2", ["c", "a"], 1),  # a tie: the lower code
        journey("u", "3", ["d", "x"], 1),  # neither has a cluster
    )
    assert main_clusters(found, ITEM_IDS, CLUSTERS).tolist() == [2, 0, -1]


def test_journeys_are_in_the_order_in_which_they_were_continued() -> None:
    found = rows(journey("v", "1", ["a"], 9), journey("u", "2", ["c"], 5), journey("u", "3", ["a"], 2))
    sequences = journey_sequences(found, pa.array(["t", "u", "v"]), ITEM_IDS, CLUSTERS)
    assert sequences.offsets.tolist() == [0, 0, 2, 3]
    assert sequences.clusters.tolist() == [2, 0, 2]
    assert sequences.sources.tolist() == [2, 1, 0]
    assert contexts_of(sequences, 2).tolist() == [[-1, -1], [2, 0], [-1, 2]]


def test_familiar_clusters_are_the_last_ones_with_their_last_entries() -> None:
    sequences = ClusterSequences(
        np.array([0, 5, 5, 6]),
        np.array([1, 0, 1, -1, 3, 2], np.int32),
        np.arange(10, 16, dtype=np.int64),
    )
    found = familiar_clusters(sequences, 2, None)
    assert found.clusters.tolist() == [[3, 1], [-1, -1], [2, -1]]
    assert found.sources.tolist() == [[14, 12], [-1, -1], [15, -1]]


def test_sources_of_familiar_clusters_are_those_of_journeys() -> None:
    none = np.full(4, -1, np.int64)
    sequences = ClusterSequences(np.array([0, 3, 4]), np.array([1, 0, 3, 2], np.int32), none)
    journeys = ClusterSequences(np.array([0, 3, 3]), np.array([3, 1, 3], np.int32), np.array([10, 11, 12], np.int64))
    found = familiar_clusters(sequences, 3, journeys)
    assert found.clusters.tolist() == [[3, 0, 1], [2, -1, -1]]
    assert found.sources.tolist() == [[12, -1, 11], [-1, -1, -1]]
