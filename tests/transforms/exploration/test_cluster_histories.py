import datetime

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import CLUSTER_HISTORIES, TIMESTAMP
from transforms.exploration.cluster_histories import (
    EARLIEST_INTERACTIONS,
    history_rows,
    join_clusters,
    keep_earliest,
    occurrences_of,
    return_times_of,
)
from transforms.exploration.transitions import NEVER
from transforms.hashing import StringIndex

Event = tuple[str, str, int, str]
"""User, cluster, time and item."""

EVENTS = st.lists(
    st.tuples(st.sampled_from("uvw"), st.sampled_from("ABC"), st.integers(0, 5), st.sampled_from("xyz")), max_size=25
)


def batch(events: list[Event]) -> pa.RecordBatch:
    columns = list(zip(*events, strict=True)) or [(), (), (), ()]
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, EARLIEST_INTERACTIONS, strict=True)],
        schema=EARLIEST_INTERACTIONS,
    )


def read(rows: pa.RecordBatch) -> dict[str, list[tuple[str, int, int | None]]]:
    """Return the cluster, the first and the second time of each occurrence, by user."""
    times = pa.list_(pa.int64())
    columns = [rows["cluster_ids"], rows["timestamps"].cast(times), rows["second_timestamps"].cast(times)]
    return {
        user: list(zip(*own, strict=True))
        for user, *own in zip(rows["user_id"].to_pylist(), *(column.to_pylist() for column in columns), strict=True)
    }


def reference(events: list[Event]) -> dict[str, list[tuple[str, int, int | None]]]:
    found = {}
    for user in sorted({event[0] for event in events}):
        own = sorted((time, item, cluster) for other, cluster, time, item in events if other == user)
        clusters = list(dict.fromkeys(cluster for _, _, cluster in own))
        # A pair of time and item decides the order of clusters; an item is in one cluster only.
        times = {cluster: sorted({time for time, _, other in own if other == cluster}) for cluster in clusters}
        found[user] = [(cluster, times[cluster][0], (times[cluster][1:] or [None])[0]) for cluster in clusters]
    return found


def test_second_interactions_by_hand() -> None:
    events = [
        ("u", "A", 10, "x"),
        ("u", "A", 10, "y"),  # another item at the time of the first one is no return
        ("u", "A", 30, "x"),  # the same item at a later time is one
        ("u", "A", 20, "z"),  # an earlier one, with another item
        ("u", "B", 10, "w"),  # once only; before A, as its item is the lower one
        ("v", "A", 5, "x"),
    ]
    rows = history_rows([batch(events[:3]), batch(events[3:])])
    CLUSTER_HISTORIES.check(rows)
    assert read(rows) == {"u": [("B", 10, None), ("A", 10, 20)], "v": [("A", 5, None)]}
    assert return_times_of(rows).tolist() == [NEVER, 20, NEVER]
    first = occurrences_of(rows, StringIndex(pa.array(["A", "B"])))
    assert (first.clusters.tolist(), first.times.tolist()) == ([1, 0, 0], [10, 10, 5])


@settings(max_examples=200)
@given(EVENTS, st.integers(1, 5))
def test_parts_of_a_log_in_any_order_give_the_histories_of_the_whole_log(events: list[Event], parts: int) -> None:
    own_items = [(user, cluster, time, cluster + item) for user, cluster, time, item in events]
    kept = [keep_earliest(batch(own_items[part::parts])) for part in range(parts)]
    rows = history_rows(kept[::-1])
    CLUSTER_HISTORIES.check(rows)
    assert read(rows) == reference(own_items)
    assert all(part.num_rows <= 2 * 3 * 3 for part in kept)


def test_the_join_keeps_two_interactions_of_a_level() -> None:
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    days = [3, 1, 2, 1]
    rows = pa.RecordBatch.from_pydict(
        {
            "user_id": ["u"] * 4,
            "item_id": ["x", "y", "x", "lost"],
            "timestamp": pa.array([start + datetime.timedelta(days=day) for day in days], TIMESTAMP),
            "file": ["f"] * 4,
            "row": np.arange(4),
        }
    )
    item_clusters = pa.RecordBatch.from_pydict(
        {"item_id": ["x", "y"], "cluster_ids": [["0", "0.1"], ["0", "0.2"]]},
        pa.schema([("item_id", pa.string()), ("cluster_ids", pa.list_(pa.string()))]),
    )
    broad = join_clusters(rows, item_clusters, 1)
    assert broad.earliest["item_id"].to_pylist() == ["y", "x"]
    assert [time.day for time in broad.earliest["timestamp"].to_pylist()] == [2, 3]
    assert broad.errors.num_rows == 1
    fine = join_clusters(rows, item_clusters, 0).earliest
    assert fine["cluster_id"].to_pylist() == ["0.2", "0.1", "0.1"]
