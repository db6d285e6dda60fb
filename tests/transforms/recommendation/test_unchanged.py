import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import JOURNEYS, RECOMMENDATIONS
from transforms.hashing import StringIndex
from transforms.recommendation.histories import ItemHistories
from transforms.recommendation.unchanged import history_hashes, keep_rows
from transforms.recommendation.users import LOG, histories_of

IDS = pa.array(["a", "b", "c"])
START = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
Log = list[tuple[str, str, int]]


def batch(rows: Log) -> pa.RecordBatch:
    described = [
        {"user_id": user, "item_id": item, "timestamp": START + datetime.timedelta(days=day)}
        for user, item, day in rows
    ]
    return pa.RecordBatch.from_pylist(described, LOG)


def hashes(rows: Log, journeys: pa.RecordBatch | None = None) -> dict[str, int]:
    users, histories = histories_of([batch(rows)], StringIndex(IDS))
    return dict(zip(users.to_pylist(), history_hashes(histories, IDS, users, journeys).tolist(), strict=True))


def journey(user: str = "u", name: str = "0", day: int = 1, items: tuple[str, ...] = ("a", "b")) -> dict[str, Any]:
    return {
        "user_id": user,
        "journey_id": name,
        "rank": 1,
        "item_ids": list(items),
        "last_timestamp": START + datetime.timedelta(days=day),
    }


def journeys(*described: dict[str, Any]) -> pa.RecordBatch:
    columns = [JOURNEYS.arrow.field(name) for name in ("user_id", "journey_id", "rank", "item_ids", "last_timestamp")]
    return pa.RecordBatch.from_pylist(list(described), pa.schema(columns))


CONSUMED: Log = [("u", "a", 1), ("u", "b", 2), ("v", "a", 1), ("v", "b", 2)]


def test_users_of_the_same_interactions_have_the_same_hash_and_their_ids_do_not_count() -> None:
    found = hashes(CONSUMED)
    assert found["u"] == found["v"]
    assert hashes(CONSUMED[::-1]) == found
    assert hashes([*CONSUMED, ("u", "a", 1)]) == found  # a repeated row counts once, as in histories
    assert hashes([*CONSUMED, ("u", "no such item", 9)]) == found


@pytest.mark.parametrize(
    "changed",
    [
        [("u", "a", 1)],
        [("u", "a", 1), ("u", "b", 2), ("u", "c", 3)],
        [("u", "a", 1), ("u", "b", 2), ("u", "b", 3)],
        [("u", "a", 1), ("u", "c", 2)],
        [("u", "a", 1), ("u", "b", 3)],
        [("u", "b", 1), ("u", "a", 2)],
        [("u", "a", -1), ("u", "b", 2)],
        [("u", "no such item", 1)],
    ],
)
def test_another_item_time_or_number_is_another_hash(changed: Log) -> None:
    assert hashes(changed)["u"] != hashes(CONSUMED)["u"]


@given(st.lists(st.tuples(st.sampled_from("uvw"), st.sampled_from("abcx"), st.integers(-2, 2)), max_size=10))
def test_hashes_are_equal_where_sets_of_interactions_are(rows: Log) -> None:
    own = {user: {(item, day) for name, item, day in rows if name == user and item != "x"} for user, _, _ in rows}
    found = hashes(rows)
    for user, consumed in own.items():
        for other in own:
            assert (found[user] == found[other]) == (consumed == own[other])


@pytest.mark.parametrize(
    "changed",
    [
        [],
        [journey(), journey(name="1")],
        [journey(name="1")],
        [journey(day=2)],
        [journey(items=("a", "c"))],
        [journey(items=("a",))],
        [journey(items=("a", "b", "b"))],
    ],
)
def test_other_journeys_are_another_hash(changed: list[dict[str, Any]]) -> None:
    before, after = (hashes(CONSUMED, journeys(*rows)) for rows in ([journey()], changed))
    assert before["u"] != after["u"]
    assert before["v"] == after["v"]


def test_journeys_of_others_and_no_journeys_do_not_count() -> None:
    found = hashes(CONSUMED)
    assert hashes(CONSUMED, journeys()) == found
    assert hashes(CONSUMED, journeys(journey(user="nobody"))) == found
    both = journeys(journey(), journey(name="1"))
    assert hashes(CONSUMED, both) == hashes(CONSUMED, journeys(journey(name="1"), journey()))


def test_no_users_have_no_hashes() -> None:
    empty = ItemHistories(np.zeros(1, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))
    assert history_hashes(empty, IDS, pa.array([], pa.string()), journeys()).tolist() == []
    empty = ItemHistories(np.zeros(2, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))
    assert history_hashes(empty, pa.array([], pa.string()), pa.array(["u"]), None).dtype == np.int64


def test_rows_are_kept_where_the_hash_is_the_same() -> None:
    described = [("gone", 1), ("u", 5), ("u", 5), ("v", 6), ("w", 7)]
    rows = pa.RecordBatch.from_pylist(
        [
            dict.fromkeys(("item_id", "cluster_id", "policy", "context"), "x")
            | {"user_id": user, "rank": rank, "score": 0.0, "history_hash": stored}
            for rank, (user, stored) in enumerate(described, 1)
        ],
        RECOMMENDATIONS.arrow,
    )
    kept = keep_rows(rows, pa.array(["new", "u", "v", "w"]), np.array([1, 5, -6, 7]))
    assert kept.rows["rank"].to_pylist() == [2, 3, 5]
    assert kept.is_kept.tolist() == [False, True, False, True]
    assert kept.left_out == 1
    nothing = keep_rows(rows.slice(0, 0), pa.array(["u"]), np.array([5]))
    assert nothing.is_kept.tolist() == [False]
    assert (nothing.rows.num_rows, nothing.left_out) == (0, 0)
    assert keep_rows(rows, pa.array([], pa.string()), np.zeros(0, np.int64)).left_out == 4
