import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import HISTORIES
from tests.transforms.journeys.events import Event, events, events_with_terms, name_of, plain
from transforms.hashing import bucket_ids, stable_hash
from transforms.journeys import histories as module
from transforms.journeys.histories import (
    REMOVAL_COUNTS,
    Histories,
    HistoryBuilder,
    build_histories,
    histories_by_part,
    history_rows,
    removal_counts,
    rows_of_heavy_users,
)
from transforms.journeys.interactions import EVENTS, events_with_features_schema


@dataclasses.dataclass(frozen=True)
class Plain:
    """The history of one user."""

    events: list[Event]
    truncated: bool
    removed: int


def reference(rows: Iterable[Event], max_history: int) -> dict[str, Plain]:
    """The specification of `build_histories`, by sets and sorting."""
    rows = list(rows)
    seen = Counter(user for user, _, _ in rows)
    histories = {}
    for user in seen:
        distinct = sorted({row for row in rows if row[0] == user})
        kept = distinct[-max_history:]
        histories[user] = Plain(kept, len(distinct) > max_history, seen[user] - len(kept))
    return histories


def as_plain(found: Histories) -> dict[str, Plain]:
    rows = plain(found.events)
    users = found.user_ids.to_pylist()
    assert users == sorted(users)
    return {
        user: Plain(rows[found.offsets[i] : found.offsets[i + 1]], bool(found.truncated[i]), int(found.removed[i]))
        for i, user in enumerate(users)
    }


ROW = st.tuples(st.sampled_from(["a", "", "ä"]), st.integers(-3, 3), st.integers(0, 2))
ROWS = st.integers(0, 40).flatmap(lambda number: st.lists(ROW, min_size=number, max_size=number))
MAX_HISTORY = st.integers(1, 6)


@settings(deadline=None)
@given(ROWS, MAX_HISTORY, st.integers(1, 4))
def test_each_user_has_the_last_events_in_order_each_once(rows: list[Event], max_history: int, batches: int) -> None:
    found = build_histories([events(rows[start::batches]) for start in range(batches)], EVENTS, max_history)
    assert as_plain(found) == reference(rows, max_history)
    assert found.offsets[-1] == found.events.num_rows


@pytest.mark.parametrize("length", [63, 64, 65, 1000])
def test_long_histories(length: int) -> None:
    random = np.random.default_rng(length)
    rows = [
        (user, int(random.integers(-length, length) // 4), int(random.integers(3)))
        for user in ("v", "u", "w")
        for _ in range(length)
    ]
    rows = [rows[index] for index in random.permutation(len(rows))]
    for max_history in (length // 2, 2 * length):
        found = build_histories([events(rows)], EVENTS, max_history)
        assert as_plain(found) == reference(rows, max_history)


@settings(deadline=None)
@given(ROWS, MAX_HISTORY)
def test_events_with_features_are_sorted_equally(rows: list[Event], max_history: int) -> None:
    found = build_histories([events_with_terms(rows)], events_with_features_schema(with_vectors=False), max_history)
    numbered = build_histories([events(rows)], EVENTS, max_history)
    assert found.events == events_with_terms(plain(numbered.events))
    assert found.user_ids == numbered.user_ids
    for name in ("offsets", "truncated", "removed"):
        assert getattr(found, name).tolist() == getattr(numbered, name).tolist()


def test_by_hand() -> None:
    rows = [("u", 5, 1), ("v", 1, 0), ("u", 5, 0), ("u", 4, 2), ("u", 5, 1), ("u", 6, 2)]
    found = build_histories([events(rows)], EVENTS, 2)
    # of u's four distinct events the last two stay: at 5 with item 1, which comes after item 0, and at 6
    assert plain(found.events) == [("u", 5, 1), ("u", 6, 2), ("v", 1, 0)]
    assert found.offsets.tolist() == [0, 2, 3]
    assert found.truncated.tolist() == [True, False]
    assert found.removed.tolist() == [3, 0]
    assert removal_counts(found).to_pylist() == [{"user_id": "u", "removed": 3, "truncated": True}]
    assert removal_counts(found).schema == REMOVAL_COUNTS


def nested(
    draw: Callable, parts: list[list[pa.RecordBatch]], schema: pa.Schema, max_history: int
) -> list[pa.RecordBatch]:
    """Arranges some of the parts, puts events and tallies that are left among the others, and again."""
    for _ in range(draw(st.integers(0, 4))):
        chosen = draw(st.sets(st.integers(0, len(parts) - 1)))
        cut = build_histories([batch for index in sorted(chosen) for batch in parts[index]], schema, max_history)
        parts = [part for index, part in enumerate(parts) if index not in chosen]
        parts.insert(draw(st.integers(0, len(parts))), draw(st.permutations([cut.events, removal_counts(cut)])))
    return [batch for part in parts for batch in part]


@pytest.mark.parametrize(
    ("make", "schema"), [(events, EVENTS), (events_with_terms, events_with_features_schema(with_vectors=False))]
)
@settings(deadline=None, max_examples=150)
@given(ROWS, MAX_HISTORY, st.integers(1, 5), st.data())
def test_cutting_early_changes_nothing(
    make: Callable[[list[Event]], pa.RecordBatch],
    schema: pa.Schema,
    rows: list[Event],
    max_history: int,
    batches: int,
    data: st.DataObject,
) -> None:
    whole = build_histories([make(rows)], schema, max_history)
    parts = [[make(rows[start::batches])] for start in range(batches)]
    cut = build_histories(nested(data.draw, parts, schema, max_history), schema, max_history)
    assert cut.user_ids == whole.user_ids
    assert cut.events == whole.events
    for name in ("offsets", "truncated", "removed"):
        assert getattr(cut, name).tolist() == getattr(whole, name).tolist()


@settings(deadline=None, max_examples=150)
@given(ROWS, MAX_HISTORY, st.integers(1, 5), st.integers(1, 20), st.data())
def test_batches_are_cut_as_they_come(
    rows: list[Event], max_history: int, batches: int, held: int, data: st.DataObject
) -> None:
    whole = build_histories([events(rows)], EVENTS, max_history)
    cuts = [build_histories([events(rows[start::batches])], EVENTS, max_history) for start in range(batches)]
    slices = data.draw(st.permutations([batch for cut in cuts for batch in (cut.events, removal_counts(cut))]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "ROWS_HELD", held)
        gathering = HistoryBuilder(EVENTS, max_history)
        for batch in slices:
            gathering.add(batch)
        found = gathering.histories()
    assert (found.user_ids, found.events) == (whole.user_ids, whole.events)
    for name in ("offsets", "truncated", "removed"):
        assert getattr(found, name).tolist() == getattr(whole, name).tolist()


def test_a_tally_may_come_long_before_its_users_events(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS_HELD", 2)
    counts = pa.RecordBatch.from_pylist([{"user_id": "late", "removed": 3, "truncated": True}], REMOVAL_COUNTS)
    gathering = HistoryBuilder(EVENTS, 5)
    for batch in (counts, events([("early", time, 0) for time in range(4)]), events([("late", 9, 0)])):
        gathering.add(batch)
    found = gathering.histories()
    assert found.user_ids.to_pylist() == ["early", "late"]
    assert (found.removed.tolist(), found.truncated.tolist()) == ([0, 3], [False, True])


def test_no_more_rows_are_held_than_said(monkeypatch: pytest.MonkeyPatch) -> None:
    max_rows = 0

    def watched(batches: list[pa.RecordBatch], schema: pa.Schema, max_history: int) -> Histories:
        nonlocal max_rows
        max_rows = max(max_rows, sum(batch.num_rows for batch in batches if batch.schema == schema))
        return build_histories(batches, schema, max_history)

    monkeypatch.setattr(module, "ROWS_HELD", 50)
    monkeypatch.setattr(module, "build_histories", watched)
    whale = (events([("whale", 10 * batch + row, 0) for row in range(10)]) for batch in range(100))
    ((_, found),) = histories_by_part(whale, EVENTS, 20, parts=4)
    assert (found.events.num_rows, found.removed.tolist()) == (20, [980])
    assert max_rows <= 60  # one batch beyond


def test_users_are_brought_together_by_part() -> None:
    rows = [(f"user{number}", time, 0) for number in range(40) for time in range(2)]
    by_part = dict(histories_by_part([events(rows[::2]), events(rows[1::2])], EVENTS, 5, parts=4))
    assert list(by_part) == sorted(by_part)
    for part, found in by_part.items():
        assert set(bucket_ids(found.user_ids, 4).tolist()) == {part}
    assert sorted(event for found in by_part.values() for event in plain(found.events)) == sorted(rows)


def test_no_events() -> None:
    found = build_histories([], EVENTS, 3)
    assert (len(found.user_ids), found.events.num_rows, found.offsets.tolist()) == (0, 0, [0])
    assert removal_counts(found).num_rows == 0
    assert history_rows(found, pa.array([], pa.string())).num_rows == 0


def test_rows_of_histories() -> None:
    found = build_histories([events([("v", 3, 1), ("u", 2, 0), ("u", 1, 1), ("u", 0, 2)])], EVENTS, 2)
    rows = history_rows(found, pa.array([name_of(item) for item in found.events["item"].to_pylist()]))
    HISTORIES.check(rows)
    assert rows["user_id"].to_pylist() == ["u", "v"]
    assert rows["item_ids"].to_pylist() == [["item001", "item000"], ["item001"]]
    assert [times.cast(pa.list_(pa.int64())).to_pylist() for times in [rows["timestamps"]]] == [[[1, 2], [3]]]
    assert rows["truncated"].to_pylist() == [True, False]


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=40), st.integers(1, 10))
def test_users_with_too_many_rows_are_heavy(users: list[str], threshold: int) -> None:
    counted = Counter(users)
    expected = [counted[user] > threshold for user in users]
    assert rows_of_heavy_users(pa.array(users, pa.string()), threshold).tolist() == expected


def test_users_in_one_slot_are_counted_together() -> None:
    names = pa.array([f"user{number}" for number in range(70_000)])
    slots = stable_hash(names) & np.uint64(0xFFFF)
    twin = int(np.flatnonzero(slots == slots[0])[1])
    assert rows_of_heavy_users(pa.array(["user0", f"user{twin}", "user1"]), 1).tolist() == [True, True, False]
