import itertools
import math
import re
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import JOURNEYS
from tests.transforms.journeys.events import Event, events, name_of, salient_terms
from transforms.hashing import stable_hash
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue
from transforms.journeys.config import IcpcConfig
from transforms.journeys.explaining_terms import explain_journeys
from transforms.journeys.histories import build_histories
from transforms.journeys.icpc import extract_journeys
from transforms.journeys.interactions import EVENTS
from transforms.journeys.rows import journey_rows

TEA, WINE, BOTH = {"tea": 1.0, "pot": 0.5}, {"wine": 1.0}, {"tea": 0.5, "wine": 0.5}
ITEMS = [TEA, {"tea": 1.0}, WINE, {"wine": 0.5, "glass": 0.25}, {"chess": 1.0}, BOTH]


def rows_of(
    log: Sequence[Event],
    config: IcpcConfig,
    items: Sequence[dict[str, float]] = ITEMS,
    half_life_days: float | None = None,
) -> pa.RecordBatch:
    catalogue = unpack_catalogue(pack_catalogue([salient_terms(items)]))
    histories = build_histories([events(log)], EVENTS, 1000)
    numbers = histories.events["item"].to_numpy()
    journeys = extract_journeys(histories.offsets, numbers, catalogue.term_vectors, config)
    terms = explain_journeys(journeys, histories.offsets, numbers, catalogue, config)
    return journey_rows(journeys, terms, histories, numbers, catalogue, half_life_days)


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
    # Only one of two items has `pot` or `glass`.
    assert rows["terms"].to_pylist() == [["tea"], ["wine"], ["chess"], ["chess"]]
    assert rows["weights"].to_pylist() == [[1.0], [0.75], [1.0], [1.0]]
    assert microseconds(rows["first_timestamp"]) == [20, 10, -5, 7]
    assert microseconds(rows["last_timestamp"]) == [50, 30, -5, 7]


def test_of_two_equal_journeys_the_older_comes_first() -> None:
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


DAY = 86_400_000_000
BY_TOPIC = IcpcConfig(threshold=0.5, min_size=1)


def topics(rows: pa.RecordBatch) -> list[str]:
    return [terms[0] for terms in rows["terms"].to_pylist()]


def test_with_a_half_life_the_more_important_comes_first() -> None:
    # Tea: twice, 20 and 10 days before the last interaction, which is wine; chess: five times, 40 to 36 days before.
    tea, wine, chess = [("u", 80 * DAY, 0), ("u", 90 * DAY, 1)], [("u", 100 * DAY, 2)], [*range(60, 65)]
    log = [*tea, *wine, *(("u", day * DAY, 4) for day in chess)]
    assert topics(rows_of(log, BY_TOPIC)) == ["tea", "wine", "chess"]
    # Half-life 10 days: 1 for wine, 1/2 + 1/4 for tea, for chess 1/16 and a little more, five times.
    assert topics(rows_of(log, BY_TOPIC, half_life_days=10)) == ["wine", "tea", "chess"]
    # 100 days: some .93 + .87 for tea, some 5 * .77 for chess.
    assert topics(rows_of(log, BY_TOPIC, half_life_days=100)) == ["chess", "tea", "wine"]


def test_of_equal_importance_the_more_recent_comes_first() -> None:
    # All are so old beside the last interaction that they weigh nothing.
    log = [("u", 1, 4), ("u", 2, 0), ("u", 3, 4), ("u", 4, 1), ("u", 9 * DAY, 2)]
    assert topics(rows_of(log, BY_TOPIC, half_life_days=0.01)) == ["wine", "tea", "chess"]


def standings(rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """Of each row what ranks depend on; times as microseconds."""
    columns = zip(rows["user_id"].to_pylist(), microseconds(rows["timestamps"]), strict=True)
    return [{"user": user, "times": times, "last": times[-1], "number": len(times)} for user, times in columns]


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


@settings(deadline=None)
@given(LOGS, st.floats(1e-12, 1e-9))
def test_importance_is_that_of_plain_python(log: list[Event], half_life: float) -> None:
    rows = rows_of(log, IcpcConfig(0.3, "all", min_size=1), half_life_days=half_life)
    JOURNEYS.check(rows)
    now = {user: max(time for each, time, _ in log if each == user) for user in {user for user, _, _ in log}}
    unit = max(round(half_life * DAY), 1)
    found = standings(rows)
    for one in found:
        one["importance"] = math.fsum(2.0 ** ((time - now[one["user"]]) / unit) for time in one["times"])
    for one, other in itertools.pairwise(found):
        assert one["user"] <= other["user"]
        if one["user"] == other["user"]:
            assert one["importance"] > other["importance"] - 1e-9


@settings(deadline=None)
@given(LOGS)
def test_the_longest_half_life_counts_interactions_and_the_shortest_looks_at_the_last(log: list[Event]) -> None:
    config = IcpcConfig(0.3, "all", min_size=1)
    longest = [(one["user"], -one["number"], -one["last"]) for one in standings(rows_of(log, config, ITEMS, 1e300))]
    assert longest == sorted(longest)
    days = [(user, time * DAY, item) for user, time, item in log]
    shortest = [(one["user"], -one["last"]) for one in standings(rows_of(days, config, ITEMS, 1e-3))]
    assert shortest == sorted(shortest)


@settings(deadline=None)
@given(LOGS, st.integers(0, 40))
def test_a_users_ranks_depend_on_no_other_user(log: list[Event], cut: int) -> None:
    config = IcpcConfig(0.3, min_size=1)
    together = rows_of([*log, ("x", 10**15, 0)], config, half_life_days=1e-10)
    for user in {user for user, _, _ in log}:
        alone = rows_of([event for event in log[cut:] + log[:cut] if event[0] == user], config, half_life_days=1e-10)
        assert together.filter(pc.equal(together["user_id"], user)).equals(alone)
