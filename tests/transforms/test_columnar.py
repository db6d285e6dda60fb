from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from apache_beam.coders import registry
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transforms.beam_testing import create, run_graph
from transforms import hashing
from transforms.columnar import (
    MAX_ELEMENT_BYTES,
    RecordBatchCoder,
    concatenate,
    list_array,
    list_offsets,
    match_rows,
    run_offsets,
    split_by_size,
)
from transforms.hashing import StringIndex, bucket_ids, stable_hash
from transforms.shuffle import ApplyGlobally, CoGroupByBucket, KeyByBucket, split_by_bucket

WRITTEN_DOWN = {
    "": 0xEFD01F60BA992926,
    "a": 0x82A2A958A9BECE5B,
    "user1": 0xCAF672D63552CD57,
    "user2": 0x8CDFF66B070078B9,
    "日本語": 0xE11518ACC326D0E8,
}


def plain_hash(text: str | None) -> int:
    """FNV-1a, then the mixer of MurmurHash3, in whole numbers."""
    value = 0xCBF29CE484222325
    for byte in (text or "").encode():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD % 2**64
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 % 2**64
    return value ^ value >> 33


STRINGS = st.lists(st.none() | st.text(max_size=12), max_size=12)


def test_hashes_never_change() -> None:
    hashes = stable_hash(pa.array(list(WRITTEN_DOWN)))
    assert hashes.dtype == np.uint64
    assert hashes.tolist() == list(WRITTEN_DOWN.values())


@settings(deadline=None)
@given(STRINGS, st.integers(0, 12), st.integers(0, 12))
def test_hashes_are_those_of_the_plain_function(strings: list[str | None], start: int, length: int) -> None:
    array = pa.array(strings, pa.string())
    assert stable_hash(array).tolist() == list(map(plain_hash, strings))
    expected = list(map(plain_hash, strings[start:][:length]))
    assert stable_hash(array.slice(start, length)).tolist() == expected


def test_null_hashes_like_the_empty_string_whatever_lies_below() -> None:
    _, offsets, data = pa.array(["abc", "xyz"]).buffers()
    hidden = pa.StringArray.from_buffers(2, offsets, data, pa.py_buffer(b"\x01"), 1)
    assert hidden.to_pylist() == ["abc", None]
    assert stable_hash(hidden).tolist() == [plain_hash("abc"), plain_hash("")]
    assert stable_hash(pa.nulls(2, pa.string())).tolist() == [plain_hash("")] * 2


@settings(deadline=None)
@given(STRINGS, st.integers(1, 100_000) | st.just(2**31))
def test_buckets_are_equal_ranges_of_the_hash(strings: list[str | None], count: int) -> None:
    buckets = bucket_ids(pa.array(strings, pa.string()), count)
    assert buckets.dtype == np.int64
    assert buckets.tolist() == [(plain_hash(text) >> 32) * count >> 32 for text in strings]


@settings(deadline=None)
@given(st.sets(st.text(max_size=4), max_size=30), STRINGS, st.integers(0, 5))
def test_an_index_knows_where_each_string_is(keys: set[str], wanted: list[str | None], start: int) -> None:
    strings = sorted(keys, key=lambda text: text[::-1])
    places = {text: place for place, text in enumerate(strings[start:])}
    looked_up = [text or "" for text in wanted] + strings
    found = StringIndex(pa.array(strings, pa.string()).slice(start)).lookup(pa.array(looked_up, pa.string()))
    assert found.dtype == np.int32
    assert found.tolist() == [places.get(text, -1) for text in looked_up]
    part = StringIndex(pa.array(strings[start:], pa.string())).lookup(pa.array(looked_up, pa.string()).slice(start))
    assert part.tolist() == found.tolist()[start:]


def test_strings_with_equal_hashes_are_distinguished(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "stable_hash", lambda strings: np.full(len(strings), 2**64 - 1, np.uint64))
    index = StringIndex(pa.array(["tea", "pot", "cups", ""]))
    assert index.lookup(pa.array(["pot", "cup", "cups", "tea", "", "pat"])).tolist() == [1, -1, 2, 0, 3, -1]


def test_a_large_index() -> None:
    index = StringIndex(pa.array([f"item{number}" for number in range(0, 60_000, 3)]))
    found = index.lookup(pa.array([f"item{number}" for number in range(60_000)]))
    expected = [number // 3 if number % 3 == 0 else -1 for number in range(60_000)]
    assert found.tolist() == expected


def test_buckets_nest_and_are_even() -> None:
    users = pa.array([f"user{number}" for number in range(20_000)])
    coarse, fine = bucket_ids(users, 64), bucket_ids(users, 128)
    assert (coarse == fine // 2).all()
    sizes = np.bincount(coarse, minlength=64)
    assert len(sizes) == 64
    assert sizes.min() > 0.75 * 20_000 / 64
    assert sizes.max() < 1.25 * 20_000 / 64


SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("number", pa.int64()),
        pa.field("words", pa.list_(pa.string())),
        pa.field("file", pa.dictionary(pa.int32(), pa.string())),
        pa.field("when", pa.timestamp("us", "UTC")),
        pa.field("coded", pa.list_(pa.dictionary(pa.int32(), pa.string()))),
    ]
)
ROW = st.fixed_dictionaries(
    {
        "key": st.text("abcé", max_size=3),
        "number": st.none() | st.integers(-5, 5),
        "words": st.none() | st.lists(st.none() | st.text("xyz", max_size=2), max_size=3),
        "file": st.none() | st.sampled_from(["one", "two"]),
        "when": st.none() | st.integers(-9, 9),
        "coded": st.none() | st.lists(st.sampled_from(["red", "blue"]), max_size=3),
    }
)
TABLES = st.lists(ROW, max_size=15)


def batch(rows: Sequence[Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), SCHEMA)


@settings(deadline=None)
@given(TABLES, st.integers(0, 15), st.sampled_from([1, 2, 7, 64, 70_000]))
def test_splitting_loses_nothing_and_keeps_the_order(rows: list[dict[str, Any]], start: int, count: int) -> None:
    whole = batch(rows).slice(start)
    slices = dict(split_by_bucket(whole, "key", count))
    assert list(slices) == sorted(slices)
    assert all(rows_of_slice.schema == SCHEMA for rows_of_slice in slices.values())
    expected: dict[int, list[Any]] = {}
    for bucket, row in zip(bucket_ids(whole["key"], count).tolist(), whole.to_pylist(), strict=True):
        expected.setdefault(bucket, []).append(row)
    assert {bucket: rows_of_slice.to_pylist() for bucket, rows_of_slice in slices.items()} == expected


@pytest.mark.parametrize("count", [5, 1 << 16, 1 << 20])
def test_many_rows_keep_their_order(count: int) -> None:
    whole = batch([row(f"user{number * 7 % 40}", number) for number in range(2_000)])
    numbers = {key: [] for key in whole["key"].to_pylist()}
    for _, rows_of_slice in split_by_bucket(whole, "key", count):
        for key, number in zip(rows_of_slice["key"].to_pylist(), rows_of_slice["number"].to_pylist(), strict=True):
            numbers[key].append(number)
    assert all(found == sorted(found) for found in numbers.values())
    assert sum(map(len, numbers.values())) == 2_000


def test_no_rows_give_no_slice() -> None:
    assert list(split_by_bucket(batch([]), "key", 5)) == []


def test_splitting_in_a_graph_brings_a_key_together() -> None:
    batches = [batch([row(f"user{number % 7}", number) for number in range(start, 40, 3)]) for start in range(3)]

    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        keyed = create(pipeline, "Rows", batches) | beam.ParDo(KeyByBucket("key", 4)).with_output_types(
            tuple[int, pa.RecordBatch]
        )
        return {"groups": keyed | beam.GroupByKey() | beam.MapTuple(lambda bucket, slices: (bucket, list(slices)))}

    groups = run_graph(build)["groups"]
    numbers = []
    for bucket, slices in groups:
        rows = concatenate(slices, SCHEMA)
        assert set(bucket_ids(rows["key"], 4).tolist()) == {bucket}
        numbers.extend(rows["number"].to_pylist())
    assert sorted(numbers) == list(range(40))
    assert len({bucket for bucket, _ in groups}) == len(groups) > 1


def row(key: str, number: int) -> dict[str, Any]:
    return {"key": key, "number": number, "words": [key], "file": key, "when": number, "coded": []}


@settings(deadline=None)
@given(TABLES, st.integers(0, 15), st.integers(0, 15))
def test_batches_travel_whole_and_in_slices(rows: list[dict[str, Any]], start: int, length: int) -> None:
    coder = RecordBatchCoder()
    for sent in (batch(rows), batch(rows).slice(start, length)):
        received = coder.decode(coder.encode(sent))
        assert received.schema == sent.schema
        assert received.to_pylist() == sent.to_pylist()
        received.validate(full=True)


def test_metadata_travels_too() -> None:
    sent = pa.RecordBatch.from_arrays([pa.array([1])], schema=pa.schema([pa.field("a", pa.int64())], {"k": "v"}))
    assert RecordBatchCoder().decode(RecordBatchCoder().encode(sent)).schema.metadata == {b"k": b"v"}


def test_a_slice_leaves_the_rest_behind() -> None:
    whole = batch([row(f"user{number}", number) for number in range(10_000)]).select(["key", "number", "words"])
    coder = RecordBatchCoder()
    assert len(coder.encode(whole.slice(5_000, 1))) < len(coder.encode(whole)) / 100


def test_beam_uses_the_coder() -> None:
    assert isinstance(registry.get_coder(pa.RecordBatch), RecordBatchCoder)


def test_batches_are_put_together_in_order() -> None:
    one, two = batch([row("a", 1), row("b", 2)]), batch([row("c", 3)])
    assert concatenate([one, two.slice(1), two], SCHEMA).to_pylist() == [*one.to_pylist(), *two.to_pylist()]
    assert concatenate(iter([]), SCHEMA).num_rows == 0
    assert concatenate(iter([]), SCHEMA).schema == SCHEMA


def test_other_columns_are_not_put_together() -> None:
    with pytest.raises(pa.ArrowInvalid):
        concatenate([batch([row("a", 1)]).select(["key"])], SCHEMA)


@given(st.lists(st.integers(0, 4)).map(sorted))
def test_runs_of_equal_values(codes: list[int]) -> None:
    ends = run_offsets(np.array(codes, np.int64))
    assert (ends[0], ends[-1], ends.dtype) == (0, len(codes), np.int64)
    runs = [codes[start:end] for start, end in pairwise(ends)]
    assert [set(run) for run in runs] == [{code} for code in sorted(set(codes))]


def test_runs_by_hand() -> None:
    assert run_offsets(np.array([3, 3, 5, 9, 9, 9], np.int32)).tolist() == [0, 2, 3, 6]
    assert run_offsets(np.array([], np.int32)).tolist() == [0]


@pytest.mark.parametrize("count", [0, 1, 1000, 300_000])
def test_slices_are_small_and_complete(count: int) -> None:
    rows = pa.record_batch({"text": pa.array([f"some text {number}" for number in range(count)], pa.string())})
    slices = list(split_by_size(rows))
    assert concatenate(slices, rows.schema).equals(rows)
    assert all(0 < rows_of_slice.nbytes <= 1.1 * MAX_ELEMENT_BYTES for rows_of_slice in slices)
    assert len(slices) == -(-rows.nbytes // MAX_ELEMENT_BYTES)


def test_a_row_that_is_too_large_stays_whole() -> None:
    rows = pa.record_batch({"text": ["x" * 3 * MAX_ELEMENT_BYTES, "y"]})
    assert [rows_of_slice.num_rows for rows_of_slice in split_by_size(rows)] == [1, 1]


@pytest.mark.parametrize("batches", [0, 3])
def test_a_function_of_all_batches_is_called_once(batches: int) -> None:
    schema = pa.schema([("number", pa.int64())])
    given = [pa.record_batch({"number": pa.array([number], pa.int64())}) for number in range(batches)]
    found = run_graph(
        lambda pipeline: {"all": create(pipeline, "Batches", given) | ApplyGlobally(concatenate, (schema,))}
    )
    assert [sorted(rows["number"].to_pylist()) for rows in found["all"]] == [list(range(batches))]


@pytest.mark.parametrize("buckets", [1, 7])
def test_collections_are_grouped_together_by_name(buckets: int) -> None:
    one = [batch([row("a", 1), row("b", 2)]), batch([row("a", 3)])]
    other = [pa.record_batch({"key": ["b", "c"], "price": [0.5, 1.5]})]

    def rows_of_names(bucket: int, batches: Mapping[str, Iterable[pa.RecordBatch]]) -> list[tuple[str, int, str]]:
        twice = [rows for _ in range(2) for name in batches for rows in batches[name]]
        assert all(rows.schema.metadata is None for rows in twice)
        found = [(name, bucket, key) for name in batches for rows in batches[name] for key in rows["key"].to_pylist()]
        assert len(found) * 2 == sum(rows.num_rows for rows in twice)
        return found

    def graph(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        grouped = {"one": create(pipeline, "One", one), "other": create(pipeline, "Other", other)} | CoGroupByBucket(
            "key", buckets
        )
        return {"found": grouped | beam.FlatMapTuple(rows_of_names)}

    bucket_of = dict(zip("abc", bucket_ids(pa.array(list("abc")), buckets).tolist(), strict=True))
    wanted = [("one", "a"), ("one", "a"), ("one", "b"), ("other", "b"), ("other", "c")]
    assert sorted(run_graph(graph)["found"]) == [(name, bucket_of[key], key) for name, key in wanted]


def test_offsets_and_lists_are_the_inverse_of_flatten() -> None:
    given = pa.array([["a"], [], ["b", "c"]], pa.list_(pa.string()))
    found = list_offsets(pc.list_value_length(given).to_numpy())
    assert found.dtype == np.int64
    assert found.tolist() == [0, 1, 1, 3]
    assert list_array(found, given.flatten()).equals(given)
    assert list_offsets([]).tolist() == [0]


def test_matching_rows_are_aligned_and_keep_the_order_of_the_left() -> None:
    left = pa.record_batch({"key": ["b", "x", "a", "b"], "n": [0, 1, 2, 3]})
    right = pa.record_batch({"key": ["a", "b", "c"], "m": [10, 11, 12]})
    found = match_rows(left, right, "key")
    assert found.left["n"].to_pylist() == [0, 2, 3]
    assert found.right["m"].to_pylist() == [11, 10, 11]
    assert found.left["key"].equals(found.right["key"])
    assert match_rows(left.slice(0, 0), right, "key").right.num_rows == 0
