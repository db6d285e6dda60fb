"""Extraction as a graph against plain Python: sets for histories, the reference for journeys."""

import dataclasses
import datetime
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.plain_terms import plain_terms
from schemas import ERRORS, HISTORIES, INTERACTIONS, JOURNEYS, SALIENT_TERMS, DatasetSchema
from tests.transforms.beam_testing import create, run_graph
from tests.transforms.journeys.events import Event, events, name_of, plain, salient_terms
from tests.transforms.journeys.reference import icpc
from transforms.columnar import concatenate
from transforms.datasets.coercion import with_provenance
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.datasets.manifest import Part
from transforms.datasets.writing import PartWriter
from transforms.hashing import bucket_ids, stable_hash
from transforms.journeys.catalogue import pack_catalogue, unpack_catalogue
from transforms.journeys.config import ExtractConfig, IcpcConfig, SweepConfig
from transforms.journeys.histories import REMOVAL_COUNTS, build_histories
from transforms.journeys.icpc import extract_journeys
from transforms.journeys.interactions import EVENTS
from transforms.journeys.sample import sample_hashes
from transforms.journeys.stages import (
    ExtractJourneys,
    GroupByUser,
    RouteEvents,
    count_extracted,
    encode_items,
    stored_events,
)
from transforms.journeys.sweep import choose_threshold, sum_counts, sweep

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
UNKNOWN = 50
PARTS = 12
WHALE, COLLECTOR = "whale", "collector"
RARE = "only the collector's"


def make_items() -> list[dict[str, float]]:
    """Items on eight themes, with terms that themes share; some without terms, two with a term of their own."""
    random = np.random.default_rng(1)
    items: list[dict[str, float]] = []
    for number in range(UNKNOWN):
        names = [f"theme{number % 8}", f"word{random.integers(12):02}", f"word{random.integers(12):02}"]
        items.append({name: float(np.float32(random.uniform(0.1, 1))) for name in names[: number % 7]})
    items[48] = items[49] = {RARE: 0.75, "theme1": 0.5}
    return items


def make_log() -> list[Event]:
    """Interactions of 30 users, one of whom has very many, with repeats, ties in time and unknown items."""
    random = np.random.default_rng(2)
    log = [
        (f"user{random.integers(30):02}", int(random.integers(200)), int(random.integers(UNKNOWN - 2)))
        for _ in range(700)
    ]
    log += [(WHALE, int(random.integers(1000)), int(random.integers(UNKNOWN - 2))) for _ in range(400)]
    log += [(COLLECTOR, time, 48 + time % 2) for time in range(3)] + [(COLLECTOR, 9, 41), (COLLECTOR, 8, 33)]
    log += [(f"user{number:02}", number, UNKNOWN + number) for number in range(5)]
    log += log[::10]
    return [log[index] for index in random.permutation(len(log))]


ITEMS = make_items()
LOG = make_log()
ICPC = IcpcConfig(threshold=0.4, min_size=2, journey_terms=4)
JOINS: list[Any] = ["broadcast", "shuffle"]


def interactions(log: Sequence[Event], batches: int = 6) -> list[pa.RecordBatch]:
    rows = [
        {"user_id": user, "item_id": name_of(item), "timestamp": time, "file": "log", "row": number}
        | {"event": "buy" if number % 3 else "view"}
        for number, (user, time, item) in enumerate(log)
    ]
    schema = with_provenance(INTERACTIONS)
    return [pa.RecordBatch.from_pylist(rows[start::batches], schema) for start in range(batches)]


def table(batches: Iterable[pa.RecordBatch], schema: DatasetSchema) -> pa.RecordBatch:
    """All rows, checked and sorted as they would be written."""
    rows = concatenate(batches, schema.arrow)
    schema.check(rows)
    return rows.sort_by([(name, "ascending") for name in schema.sort_by])


@dataclasses.dataclass
class Result:
    journeys: pa.RecordBatch
    histories: pa.RecordBatch
    salient: pa.RecordBatch
    errors: pa.RecordBatch
    counts: Counter
    parts: list[tuple[str, Part]]
    sweep_counts: list[pa.RecordBatch]


def extract(
    log: Sequence[Event], config: ExtractConfig, stored: pa.RecordBatch | None = None, *, batches: int = 6
) -> Result:
    salient = salient_terms(ITEMS)
    with tempfile.TemporaryDirectory() as workspace:

        def build(pipeline: Any) -> dict[str, Any]:
            extraction = ExtractJourneys(
                create(pipeline, "Salient", [salient.slice(0, 20), salient.slice(20)]),
                None if stored is None else create(pipeline, "Stored", [stored]),
                config,
                PartWriter(workspace, PARTS),
            )
            extracted = (create(pipeline, "Rows", interactions(log, batches)) | extraction)._asdict()
            return {name: collection for name, collection in extracted.items() if collection is not None}

        found = run_graph(build)
        written = {
            schema.name: [
                batch
                for name, part in found["parts"]
                if name == schema.name
                for batch in pq.read_table(Path(workspace, name, part.name)).cast(schema.arrow).to_batches()
            ]
            for schema in (JOURNEYS, HISTORIES)
        }
    counts: Counter = Counter()
    for key, number in found["counts"]:
        counts[key] += number
    return Result(
        table(written["journeys"], JOURNEYS),
        table(written["histories"], HISTORIES),
        table(found["salient"], SALIENT_TERMS),
        table(found["errors"], ERRORS),
        +counts,
        sorted(found["parts"]),
        found.get("sweep_counts", []),
    )


def expected_histories(log: Iterable[Event], max_history: int) -> dict[str, tuple[list[tuple[int, int]], bool]]:
    """For each user the last (time, item) pairs, and whether there were more."""
    distinct: dict[str, set[tuple[int, int]]] = {}
    for user, time, item in log:
        if item < UNKNOWN:
            distinct.setdefault(user, set()).add((time, item))
    return {user: (sorted(pairs)[-max_history:], len(pairs) > max_history) for user, pairs in distinct.items()}


def journey_id(user: str, time: int, item: int) -> str:
    (identity,) = stable_hash(pa.array([f"{user}\x1f{name_of(item)}\x1f{time}"]))
    return f"{identity:016x}"


def expected_journeys(histories: dict[str, Any], config: IcpcConfig, hidden: frozenset[str]) -> list[dict[str, Any]]:
    names = sorted({term for item in ITEMS for term in item})
    vectors = [{names.index(term): weight for term, weight in item.items() if term not in hidden} for item in ITEMS]
    terms = {
        name_of(number): {term: weight for term, weight in item.items() if term not in hidden}
        for number, item in enumerate(ITEMS)
    }
    rows = []
    for user, (pairs, _) in sorted(histories.items()):
        own = icpc([item for _, item in pairs], vectors, config, running_norms=True)
        own.sort(key=lambda journey: (-journey.size, -pairs[journey.positions[-1]][0]))
        for rank, journey in enumerate(own, start=1):
            visits = [pairs[position] for position in journey.positions]
            members = [name_of(item) for _, item in visits]
            explaining = plain_terms(members, [name_of(item) for _, item in pairs], terms, config)
            rows.append(
                {
                    "user_id": user,
                    "journey_id": journey_id(user, *visits[0]),
                    "rank": rank,
                    "size": journey.size,
                    "item_ids": members,
                    "timestamps": [EPOCH + datetime.timedelta(microseconds=time) for time, _ in visits],
                    "terms": [term for term, _ in explaining],
                    "weights": [float(np.float32(weight)) for _, weight in explaining],
                }
            )
    return rows


def check(found: Result, log: Sequence[Event], config: ExtractConfig, hidden: frozenset[str] = frozenset()) -> None:
    """Compares histories and journeys with those of the reference."""
    histories = expected_histories(log, config.max_history)
    assert found.histories.to_pylist() == [
        {
            "user_id": user,
            "item_ids": [name_of(item) for _, item in pairs],
            "timestamps": [EPOCH + datetime.timedelta(microseconds=time) for time, _ in pairs],
            "truncated": truncated,
        }
        for user, (pairs, truncated) in sorted(histories.items())
    ]
    journeys = expected_journeys(histories, config.icpc, hidden)
    assert found.journeys.select(list(journeys[0])).to_pylist() == journeys


def terms_of(rows: pa.RecordBatch) -> set[str]:
    return {term for terms in rows["terms"].to_pylist() for term in terms}


@pytest.mark.parametrize("max_history", [12, 1000])
@pytest.mark.parametrize("join", JOINS)
def test_extracts_what_the_reference_extracts(join: Any, max_history: int) -> None:
    config = ExtractConfig(ICPC, max_history=max_history, join=join, buckets=4)
    found = extract(LOG, config)
    check(found, LOG, config)
    assert len(found.journeys) > 50
    assert RARE in terms_of(found.journeys) & terms_of(found.salient)
    assert any(found.histories["truncated"].to_pylist()) == (max_history == 12)


@pytest.fixture(scope="module")
def results() -> dict[str, Result]:
    """The same log, joined by both methods, with different numbers of buckets and batches."""
    icpc_all = dataclasses.replace(ICPC, assign="all", centroid="sum")
    wanted = InteractionFilter(keep_events=("buy",))
    return {
        join: extract(LOG, ExtractConfig(icpc_all, wanted, 40, 1, join, buckets), batches=batches)
        for join, buckets, batches in [("broadcast", 1, 1), ("shuffle", 12, 9)]
    }


def test_both_joins_give_the_same(results: dict[str, Result]) -> None:
    assert results["broadcast"].journeys == results["shuffle"].journeys
    assert results["broadcast"].histories == results["shuffle"].histories
    assert results["broadcast"].errors == results["shuffle"].errors
    assert results["broadcast"].salient == results["shuffle"].salient == table([salient_terms(ITEMS)], SALIENT_TERMS)
    assert results["broadcast"].counts == results["shuffle"].counts


def test_parts_are_the_same_bytes_and_hold_a_range_of_hashes(results: dict[str, Result]) -> None:
    parts = results["broadcast"].parts
    assert parts == results["shuffle"].parts
    users = results["broadcast"].histories["user_id"]
    sizes = Counter(bucket_ids(users, PARTS).tolist())
    expected = [(f"part-{index:05d}-of-00012", rows) for index, rows in sorted(sizes.items())]
    assert [(part.name[:19], part.rows) for name, part in parts if name == "histories"] == expected


def bought() -> list[Event]:
    return [event for number, event in enumerate(LOG) if number % 3]


def test_unknown_items_are_errors(results: dict[str, Result]) -> None:
    errors = results["broadcast"].errors
    unknown = [number for number, (_, _, item) in enumerate(LOG) if number % 3 and item >= UNKNOWN]
    assert unknown
    assert errors["row"].to_pylist() == unknown
    assert set(errors["reason"].to_pylist()) == {"item_not_in_catalogue"}
    assert set(errors["file"].to_pylist()) == {"log"}


def test_every_interaction_is_counted_once(results: dict[str, Result]) -> None:
    found = results["shuffle"]
    joined = [event for event in bought() if event[2] < UNKNOWN]
    histories = expected_histories(joined, 40)
    kept = Counter({user: len(pairs) for user, (pairs, _) in histories.items()})
    gone = Counter(user for user, _, _ in joined) - kept
    truncated = {user for user, (_, cut) in histories.items() if cut}
    assert truncated == {WHALE}
    journeys = found.journeys.to_pylist()
    in_journeys = {
        (row["user_id"], *visit) for row in journeys for visit in zip(row["item_ids"], row["timestamps"], strict=True)
    }
    per_user = Counter(row["user_id"] for row in journeys)
    by_journeys = Counter(min(per_user[user], 10) for user in histories)
    assert found.counts == {
        ("users", ""): len(histories),
        ("interactions_kept", ""): kept.total(),
        ("interactions_dropped", "event_not_kept"): len(LOG) - len(bought()),
        ("interactions_dropped", "duplicate"): sum(gone[user] for user in gone if user not in truncated),
        ("interactions_dropped", "beyond_max_history"): gone[WHALE],
        ("users_truncated", ""): 1,
        ("interactions_of_dominant_users", WHALE): sum(user == WHALE for user, _, _ in joined),
        ("interactions_without_terms", ""): sum(
            not ITEMS[item] for pairs, _ in histories.values() for _, item in pairs
        ),
        ("interactions_in_journeys", ""): len(in_journeys),
        ("journeys", ""): len(journeys),
    } | {("users_by_journeys", f"{number}{'+' * (number == 10)}"): users for number, users in by_journeys.items()}


@pytest.mark.parametrize("join", JOINS)
def test_terms_of_few_users_are_written_nowhere(join: Any) -> None:
    config = ExtractConfig(ICPC, max_history=25, min_term_users=2, join=join, buckets=3)
    found = extract(LOG, config)
    check(found, LOG, config, hidden=frozenset([RARE]))
    assert RARE not in terms_of(found.journeys)
    assert terms_of(found.salient) == {term for item in ITEMS for term in item} - {RARE}


@pytest.mark.parametrize("join", JOINS)
def test_no_term_may_reach_enough_users(join: Any) -> None:
    found = extract(LOG[:50], ExtractConfig(ICPC, min_term_users=10_000, join=join, buckets=2))
    assert found.journeys.num_rows == 0
    assert terms_of(found.salient) == set()
    assert found.histories.num_rows == len(expected_histories(LOG[:50], 1000))


@pytest.mark.parametrize("join", JOINS)
def test_an_empty_log(join: Any) -> None:
    found = extract([], ExtractConfig(ICPC, min_term_users=2, join=join, buckets=6))
    assert found.parts == []
    assert (found.journeys.num_rows, found.histories.num_rows, found.errors.num_rows) == (0, 0, 0)
    assert found.salient.num_rows == len(ITEMS)


def located_histories(rows: pa.RecordBatch) -> pa.RecordBatch:
    place = [{"file": "histories", "row": number} for number in range(rows.num_rows)]
    merged = [row | where for row, where in zip(rows.to_pylist(), place, strict=True)]
    return pa.RecordBatch.from_pylist(merged, with_provenance(HISTORIES))


@pytest.mark.parametrize("join", JOINS)
def test_stored_histories_and_a_new_log_give_what_the_whole_log_gives(join: Any) -> None:
    config = ExtractConfig(ICPC, max_history=20, min_term_users=2, join=join, buckets=4)
    # Late interactions: the new log also has some that are older than what is stored. Some users are in one part alone.
    old = [event for number, event in enumerate(LOG) if number % 4 and event[0] < "user25"]
    new = [event for number, event in enumerate(LOG) if not number % 4 or event[0] >= "user25"]
    new = [event for event in new if event[0] > "user03"]
    before = extract(old, config)
    found = extract(new, config, located_histories(before.histories))
    check(found, old + new, config, hidden=frozenset([RARE]))
    assert found.counts[("interactions_stored", "")] == before.counts[("interactions_kept", "")]
    assert terms_of(found.salient) == {term for item in ITEMS for term in item} - {RARE}


def test_a_user_stays_truncated_without_new_interactions() -> None:
    config = ExtractConfig(ICPC, max_history=20, buckets=4)
    old = [event for event in LOG if event[0] == WHALE]
    before = extract(old, config)
    assert before.histories["truncated"].to_pylist() == [True]
    found = extract([("someone else", 0, 8)], config, located_histories(before.histories))
    assert dict(zip(*found.histories.select(["user_id", "truncated"]).to_pydict().values(), strict=True)) == {
        WHALE: True,
        "someone else": False,
    }


def test_stored_histories_become_interactions_again() -> None:
    stored = pa.RecordBatch.from_pylist(
        [
            {"user_id": "u", "item_ids": ["b", "a"], "timestamps": [1, 2], "truncated": True, "file": "f", "row": 0},
            {"user_id": "v", "item_ids": [], "timestamps": [], "truncated": False, "file": "f", "row": 1},
            {"user_id": "w", "item_ids": ["c"], "timestamps": [0], "truncated": False, "file": "g", "row": 0},
        ],
        with_provenance(HISTORIES),
    )
    for start in (0, 1):
        rows = stored_events(stored.slice(start))
        assert (
            rows.select(["user_id", "item_id", "file", "row"]).to_pylist()
            == [
                {"user_id": "u", "item_id": "b", "file": "f", "row": 0},
                {"user_id": "u", "item_id": "a", "file": "f", "row": 0},
                {"user_id": "w", "item_id": "c", "file": "g", "row": 0},
            ][2 * start :]
        )
        assert rows["timestamp"].cast(pa.int64()).to_pylist() == [1, 2, 0][2 * start :]


def routed(rows: Sequence[Event], max_history: int) -> list[tuple[int, pa.RecordBatch]]:
    """Run `RouteEvents` on one batch."""
    return list(RouteEvents(EVENTS, max_history, 4).process(events(rows)))


def test_users_with_very_many_interactions_are_cut_before_the_shuffle() -> None:
    rows = [("heavy", time, 0) for time in range(30)] + [("light", time, 0) for time in range(2)]
    found = routed(rows, max_history=16)
    kept = [event for _, batch in found if batch.schema == EVENTS for event in plain(batch)]
    counts = [row for _, batch in found if batch.schema == REMOVAL_COUNTS for row in batch.to_pylist()]
    assert sorted(kept) == rows[14:]
    assert counts == [{"user_id": "heavy", "removed": 14, "truncated": True}]
    (home,) = {bucket for bucket, _ in routed([("heavy", 0, 0)], 16)}
    assert {bucket for bucket, batch in found if "heavy" in batch["user_id"].to_pylist()} == {home}


def test_a_bucket_of_long_histories_is_cut_before_it_is_brought_together() -> None:
    """Each user has 40 events in each of 10 batches, but may keep 50: no batch alone has any that are too many."""
    users = [f"user{number}" for number in range(20)]
    batches = [events((user, 100 * batch + time, 1) for user in users for time in range(40)) for batch in range(10)]

    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        groups = create(pipeline, "Events", batches) | GroupByUser(EVENTS, max_history=50, buckets=1)
        return {"groups": groups | beam.MapTuple(lambda bucket, slices: (bucket, list(slices)))}

    ((_, slices),) = run_graph(build)["groups"]
    kept = [batch for batch in slices if batch.schema.names == EVENTS.names]
    assert sum(batch.num_rows for batch in kept) == 20 * 50
    histories = build_histories(slices, EVENTS, 50)
    assert histories.removed.tolist() == [10 * 40 - 50] * 20
    assert histories.truncated.all()


def test_histories_are_not_truncated_without_need() -> None:
    rows = [(f"user{number % 10}", number, 0) for number in range(20)]
    found = routed(rows, max_history=16)
    assert {batch.schema for _, batch in found} == {EVENTS}
    assert sorted(event for _, batch in found for event in plain(batch)) == sorted(rows)
    assert routed([], max_history=16) == []


def test_users_with_many_journeys_are_counted_together() -> None:
    items = [{f"term{number}": 1.0} for number in range(12)]
    catalogue = unpack_catalogue(pack_catalogue([salient_terms(items)]))
    log = [(user, item, item) for user, number in [("a", 12), ("b", 10), ("c", 9)] for item in range(number)]
    histories = build_histories([events(log)], EVENTS, 100)
    numbers, _ = encode_items(histories, pack_catalogue([salient_terms(items)]), None)
    journeys = extract_journeys(histories.offsets, numbers, catalogue.term_vectors, IcpcConfig(min_size=1))
    counts = {key: number for key, number in count_extracted(histories, numbers, catalogue, journeys) if number}
    assert counts[("users_by_journeys", "9")] == 1
    assert counts[("users_by_journeys", "10+")] == 2
    assert sum(number for (metric, _), number in counts.items() if metric == "users_by_journeys") == 3


def expected_sweep(log: Sequence[Event], config: ExtractConfig, hidden: frozenset[str] = frozenset()) -> pa.RecordBatch:
    """The sweep over the users with the smallest hashes, without a graph."""
    joined = [event for event in log if event[2] < UNKNOWN]
    users = pa.array(sorted({event[0] for event in joined}))
    assert config.sweep is not None
    chosen = set(users.take(pa.array(np.argsort(sample_hashes(users))[: config.sweep.users])).to_pylist())
    histories = build_histories([events([event for event in joined if event[0] in chosen])], EVENTS, config.max_history)
    items = [{term: weight for term, weight in item.items() if term not in hidden} for item in ITEMS]
    packed = pack_catalogue([salient_terms(items)])
    return sum_counts([sweep(histories.offsets, histories.events["item"].to_numpy(), unpack_catalogue(packed), config)])


@pytest.mark.parametrize(
    ("join", "buckets", "batches", "least"),
    [("broadcast", 1, 1, 1), ("broadcast", 4, 6, 2), ("shuffle", 12, 9, 1), ("shuffle", 3, 5, 2)],
)
def test_the_threshold_is_found_on_a_sample(join: Any, buckets: int, batches: int, least: int) -> None:
    target = SweepConfig(target_journeys_per_user=2.5, users=9)
    config = ExtractConfig(ICPC, max_history=25, min_term_users=least, join=join, buckets=buckets, sweep=target)
    found = extract(LOG, config, batches=batches)
    hidden = frozenset([RARE] if least > 1 else [])
    expected = expected_sweep(LOG, config, hidden)
    assert found.sweep_counts == [expected]
    threshold = choose_threshold(expected, config)
    assert threshold != ICPC.threshold
    check(found, LOG, config.with_threshold(threshold), hidden)


def test_a_sweep_alone_leaves_the_threshold_as_it_is() -> None:
    config = ExtractConfig(ICPC, buckets=3, sweep=SweepConfig())
    found = extract(LOG, config)
    assert found.sweep_counts == [expected_sweep(LOG, config)]
    check(found, LOG, config)


def test_a_continued_log_finds_the_threshold_of_the_whole_log() -> None:
    config = ExtractConfig(ICPC, max_history=20, buckets=4, sweep=SweepConfig(target_journeys_per_user=2, users=12))
    old, new = LOG[::2], LOG[1::2]
    before = extract(old, config)
    assert extract(new, config, located_histories(before.histories)).sweep_counts == [expected_sweep(LOG, config)]


@pytest.mark.parametrize("join", JOINS)
def test_a_sweep_over_an_empty_log(join: Any) -> None:
    found = extract([], ExtractConfig(ICPC, join=join, buckets=6, sweep=SweepConfig(target_journeys_per_user=2)))
    assert found.parts == []
    assert [batch.num_rows for batch in found.sweep_counts] == [0]
