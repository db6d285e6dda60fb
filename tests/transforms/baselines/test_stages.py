import datetime
from collections.abc import Sequence
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pytest

from schemas import HISTORIES, JOURNEYS
from tests.transforms.baselines.vectors import grouped
from tests.transforms.beam_testing import create, run_graph
from transforms.baselines.config import BaselineConfig
from transforms.baselines.rows import ITEM_VECTORS, matrix_of, number_by_first
from transforms.baselines.stages import BaselineJourneys, personal_journeys
from transforms.columnar import concatenate
from transforms.datasets.coercion import with_provenance
from transforms.journeys.config import IcpcConfig
from transforms.journeys.grouping import journeys_of_labels
from transforms.journeys.icpc import TermVectors

NOON = datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)
GROUPS = [number % 4 for number in range(40)]
VECTORS = pa.RecordBatch.from_pylist(
    [{"item_id": f"item{number:02}", "vector": row.tolist()} for number, row in enumerate(grouped(GROUPS))],
    ITEM_VECTORS,
)


def histories(items_of: dict[str, Sequence[int]]) -> pa.RecordBatch:
    """Histories with one interaction an hour; 99 is an item that nobody knows."""
    rows = [
        {
            "user_id": user,
            "item_ids": [f"item{item:02}" for item in items],
            "timestamps": [NOON + datetime.timedelta(hours=hour) for hour in range(len(items))],
            "truncated": False,
            "file": "f",
            "row": number,
        }
        for number, (user, items) in enumerate(items_of.items())
    ]
    batch = pa.RecordBatch.from_pylist(rows, with_provenance(HISTORIES))
    HISTORIES.check(batch.select(HISTORIES.arrow.names).cast(HISTORIES.arrow))
    return batch


def made_histories() -> pa.RecordBatch:
    random = np.random.default_rng(3)
    return histories({f"user{user:02}": random.integers(40, size=30).tolist() for user in range(20)})


def run(
    rows: list[pa.RecordBatch], config: BaselineConfig, vectors: list[pa.RecordBatch] | None
) -> list[dict[str, Any]]:
    def build(pipeline: beam.Pipeline) -> dict[str, Any]:
        known = None if vectors is None else create(pipeline, "Vectors", vectors)
        return {"rows": create(pipeline, "Histories", rows) | BaselineJourneys(known, config)}

    found = concatenate(run_graph(build)["rows"], JOURNEYS.arrow)
    JOURNEYS.check(found)
    found = found.sort_by([(name, "ascending") for name in JOURNEYS.sort_by])
    return found.to_pylist()


def expected_journeys(rows: pa.RecordBatch, min_size: int) -> dict[str, list[list[str]]]:
    """Of each user the items of one group, the largest journey first; ties as the schema says."""
    expected: dict[str, list[list[str]]] = {}
    for row in rows.to_pylist():
        groups: dict[int, list[tuple[int, str]]] = {}
        for hour, item in enumerate(row["item_ids"]):
            if item != "item99":
                groups.setdefault(GROUPS[int(item[4:])], []).append((hour, item))
        large = [group for group in groups.values() if len({item for _, item in group}) >= min_size]
        large.sort(key=lambda group: (-len({item for _, item in group}), -group[-1][0], group[0][0]))
        if large:
            expected[row["user_id"]] = [[item for _, item in group] for group in large]
    return expected


def by_user(rows: list[dict[str, Any]]) -> dict[str, list[list[str]]]:
    found: dict[str, list[list[str]]] = {}
    for row in rows:
        found.setdefault(row["user_id"], []).append(row["item_ids"])
        assert row["rank"] == len(found[row["user_id"]])
        assert row["terms"] == row["weights"] == []
    return found


@pytest.mark.parametrize(
    "config",
    [
        BaselineConfig("ward", threshold=1.4),
        BaselineConfig("agglomerative", threshold=0.5, min_size=5),
    ],
    ids=lambda config: config.method,
)
def test_journeys_are_the_groups_of_a_users_items_however_they_come(config: BaselineConfig) -> None:
    rows = pa.concat_batches([made_histories(), histories({"aa": [1, 99, 5, 99, 1, 9], "zz": []})])
    found = run([rows.slice(15), rows.slice(0, 15)], config, [VECTORS.slice(20), VECTORS.slice(0, 20)])
    assert by_user(found) == expected_journeys(rows, config.min_size)
    assert found == run([rows], config, [VECTORS])


def test_journeys_by_behaviour_need_no_vectors() -> None:
    rows = histories({f"user{user:02}": range(user % 4, 40, 4) for user in range(24)})
    config = BaselineConfig("co_occurrence", clusters=4)
    found = run([rows.slice(9), rows.slice(0, 9)], config, None)
    assert by_user(found) == expected_journeys(rows, config.min_size)


@pytest.mark.parametrize("method", ["average", "density", "one_pass"])
def test_the_other_methods_find_journeys_too(method: Any) -> None:
    rows = histories({"user": [*range(40), 3, 99]})
    found = personal_journeys(rows, VECTORS, BaselineConfig(method, threshold=0.5))
    JOURNEYS.check(found)
    assert sorted(found["size"].to_pylist()) == [10, 10, 10, 10]
    assert by_user(found.to_pylist()) == expected_journeys(rows, 3)


def test_labels_become_journeys() -> None:
    offsets = np.array([0, 5, 5, 9])
    items, labels = np.array([4, 5, 4, 6, 7, 4, 5, 6, 4]), np.array([8, 2, 8, 8, -1, 2, 2, 2, 8])
    numbered = number_by_first(offsets, labels)
    assert numbered.tolist() == [0, 1, 0, 0, -1, 0, 0, 0, 1]
    terms = TermVectors(np.arange(9), np.arange(8, dtype=np.int32) // 2, np.full(8, 0.5, np.float32), 4)
    found = journeys_of_labels(offsets, items.astype(np.int32), numbered, terms, IcpcConfig(min_size=2))
    assert found.users.tolist() == [0, 2]
    assert found.sizes.tolist() == [2, 3]
    assert found.members.tolist() == [0, 2, 3, 5, 6, 7]
    assert found.member_offsets.tolist() == [0, 3, 6]
    # Items 4 and 5 have term 2, items 6 and 7 term 3; item 4 comes twice in the first journey and speaks once.
    assert found.term_offsets.tolist() == [0, 2, 4]
    assert found.terms.tolist() == [2, 3, 2, 3]
    assert found.weights.tolist() == [0.25, 0.25, pytest.approx(1 / 3), pytest.approx(1 / 6)]
    everything = journeys_of_labels(offsets, items.astype(np.int32), numbered, terms, IcpcConfig(min_size=1))
    assert everything.users.tolist() == [0, 0, 2, 2]
    assert everything.members.tolist() == [0, 2, 3, 1, 5, 6, 7, 8]
    assert number_by_first(offsets, np.full(9, -1)).tolist() == [-1] * 9


def test_vectors_are_of_one_length() -> None:
    rows = pa.RecordBatch.from_pylist(
        [{"item_id": "a", "vector": [1.0]}, {"item_id": "b", "vector": [1.0, 2.0]}], ITEM_VECTORS
    )
    with pytest.raises(ValueError, match=r"vectors must be of one length, got \[1, 2\]"):
        matrix_of(rows)
    assert matrix_of(rows.slice(1)).tolist() == [[1, 2]]
    assert matrix_of(rows.slice(0, 0)).shape == (0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "method must be one of"),
        ({"threshold": 0.0}, "threshold must be positive, got 0"),
        ({"min_cluster_size": 1}, "min_cluster_size must be at least 2, got 1"),
        ({"clusters": 0}, "clusters must be at least 1, got 0"),
        ({"dimensions": 0}, "dimensions must be at least 1"),
        ({"min_size": 0}, "min_size must be at least 1"),
    ],
)
def test_wrong_options_are_named(options: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        BaselineConfig(**options)


def test_vectors_are_given_where_they_are_needed() -> None:
    with pytest.raises(ValueError, match="for all methods but co_occurrence, got 'ward'"):
        BaselineJourneys(None, BaselineConfig("ward"))
