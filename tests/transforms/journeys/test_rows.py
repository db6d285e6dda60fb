import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import JOURNEYS
from tests.transforms.journeys.events import Event, events, name_of, salient_terms
from transforms.columnar import stable_hash
from transforms.journeys.catalogue import catalogue, pack
from transforms.journeys.config import IcpcConfig
from transforms.journeys.histories import arrange
from transforms.journeys.icpc import extract_journeys
from transforms.journeys.interactions import EVENTS
from transforms.journeys.rows import journey_rows

TEA, WINE, BOTH = {"tea": 1.0, "pot": 0.5}, {"wine": 1.0}, {"tea": 0.5, "wine": 0.5}
ITEMS = [TEA, {"tea": 1.0}, WINE, {"wine": 0.5, "glass": 0.25}, {"chess": 1.0}, BOTH]


def rows_of(log: Sequence[Event], config: IcpcConfig, items: Sequence[dict[str, float]] = ITEMS) -> pa.RecordBatch:
    known = catalogue(pack([salient_terms(items)]))
    histories = arrange([events(log)], EVENTS, 1000)
    numbers = histories.events["item"].to_numpy()
    return journey_rows(extract_journeys(histories.offsets, numbers, known.vectors, config), histories, numbers, known)


def microseconds(times: Any) -> list[Any]:
    kind = pa.list_(pa.int64()) if pa.types.is_list(times.type) else pa.int64()
    return times.cast(kind).to_pylist()


def test_by_hand() -> None:
    log = [("v", 7, 4), ("u", 10, 2), ("u", 20, 0), ("u", 30, 3), ("u", 40, 1), ("u", 50, 0), ("u", -5, 4)]
    rows = rows_of(log, IcpcConfig(threshold=0.5, min_size=1))
    JOURNEYS.check(rows)
    # u's tea and wine have two items each; tea was followed last. Chess has one.
    assert rows["user_id"].to_pylist() == ["u", "u", "u", "v"]
    assert rows["rank"].to_pylist() == [1, 2, 3, 1]
    assert rows["size"].to_pylist() == [2, 2, 1, 1]
    assert rows["item_ids"].to_pylist() == [
        ["item000", "item001", "item000"],
        ["item002", "item003"],
        ["item004"],
        ["item004"],
    ]
    assert microseconds(rows["timestamps"]) == [[20, 40, 50], [10, 30], [-5], [7]]
    assert rows["terms"].to_pylist() == [["tea", "pot"], ["wine", "glass"], ["chess"], ["chess"]]
    thirds = pa.scalar(1 / 3, pa.float32()).as_py()
    assert rows["weights"].to_pylist() == [[1.0, thirds], [0.75, 0.125], [1.0], [1.0]]
    assert microseconds(rows["first_timestamp"]) == [20, 10, -5, 7]
    assert microseconds(rows["last_timestamp"]) == [50, 30, -5, 7]


def test_of_two_alike_the_older_comes_first() -> None:
    rows = rows_of([("u", 1, 5), ("u", 1, 4)], IcpcConfig(threshold=0.9, min_size=1))
    assert rows["item_ids"].to_pylist() == [["item004"], ["item005"]]
    later = rows_of([("u", 1, 4), ("u", 2, 5)], IcpcConfig(threshold=0.9, min_size=1))
    assert later["item_ids"].to_pylist() == [["item005"], ["item004"]]


def test_ties_go_to_the_journey_that_was_opened_first() -> None:
    # Item 5 ends both journeys at the same time; both have two items.
    rows = rows_of([("u", 1, 2), ("u", 2, 1), ("u", 3, 5)], IcpcConfig(threshold=0.5, assign="all", min_size=2))
    assert rows["item_ids"].to_pylist() == [["item002", "item005"], ["item001", "item005"]]


def test_terms_of_one_weight_are_in_their_own_order() -> None:
    items = [{"pot": 0.5, "cup": 0.5, "tea": 0.75, "ale": 0.5}]
    rows = rows_of([("u", 1, 0)], IcpcConfig(min_size=1, journey_terms=3), items)
    assert rows["terms"].to_pylist() == [["tea", "ale", "cup"]]


def test_identity_is_the_interaction_that_opened_it() -> None:
    log = [("u", 1, 0), ("u", 2, 1), ("u", 3, 2), ("u", 4, 3)]
    config = IcpcConfig(threshold=0.5, min_size=1)
    tea, wine = (row["journey_id"] for row in rows_of(log[:3], config).to_pylist())
    after = {row["terms"][0]: row["journey_id"] for row in rows_of(log, config).to_pylist()}
    assert after == {"tea": tea, "wine": wine}
    (expected,) = stable_hash(pa.array(["u\x1fitem000\x1f1"]))
    assert tea == f"{expected:016x}"
    other_user, other_time, other_item = (
        rows_of([event], config)["journey_id"][0].as_py() for event in [("v", 1, 0), ("u", 2, 0), ("u", 1, 1)]
    )
    assert len({tea, wine, other_user, other_time, other_item}) == 5


def test_identities_are_written_down_for_good() -> None:
    rows = rows_of([("u", 1, 0), ("v", 1, 0)], IcpcConfig(min_size=1))
    assert rows["journey_id"].to_pylist() == ["6b2591fea0b57bfa", "5c5a5027cef341b7"]


def test_no_journeys() -> None:
    for log in ([], [("u", 1, 0)]):
        rows = rows_of(log, IcpcConfig(min_size=2))
        assert rows.num_rows == 0
        JOURNEYS.check(rows)


LOGS = st.lists(st.tuples(st.sampled_from("uvw"), st.integers(-9, 9), st.integers(0, 5)), max_size=40)


@settings(deadline=None)
@given(LOGS, st.sampled_from(["best", "all"]), st.integers(1, 2))
def test_rows_keep_what_the_schema_says(log: list[Event], assign: Any, min_size: int) -> None:
    rows = rows_of(log, IcpcConfig(0.3, assign, min_size))
    JOURNEYS.check(rows)
    table = rows.to_pylist()
    assert [(row["user_id"], row["rank"]) for row in table] == sorted((row["user_id"], row["rank"]) for row in table)
    assert len({(row["user_id"], row["journey_id"]) for row in table}) == len(table)
    for user in {row["user_id"] for row in table}:
        own = [row for row in table if row["user_id"] == user]
        assert [row["rank"] for row in own] == list(range(1, len(own) + 1))
        standing = [(-row["size"], -row["last_timestamp"].timestamp()) for row in own]
        assert standing == sorted(standing)
    for row in table:
        assert re.fullmatch("[0-9a-f]{16}", row["journey_id"])
        assert row["timestamps"] == sorted(row["timestamps"])
        assert (row["first_timestamp"], row["last_timestamp"]) == (row["timestamps"][0], row["timestamps"][-1])
        assert row["size"] == len(set(row["item_ids"]))
        assert row["weights"] == sorted(row["weights"], reverse=True)
        times = pa.array(row["timestamps"]).cast(pa.timestamp("us")).cast(pa.int64()).to_pylist()
        consumed = {(row["user_id"], time, item) for time, item in zip(times, row["item_ids"], strict=True)}
        assert consumed <= {(user, time, name_of(item)) for user, time, item in log}
