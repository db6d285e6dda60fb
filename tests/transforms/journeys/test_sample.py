import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transforms.beam_testing import create, run_graph
from transforms.hashing import bucket_ids
from transforms.journeys.sample import NO_LIMIT, SampleUsers, hash_cutoff, sample_hashes, sampled_rows, smallest_hashes


def users(names: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(names, pa.string())], ["user_id"])


def mixed(user: str) -> int:
    """The hash of a user in plain Python: FNV-1a, MurmurHash3's mixer, SplitMix64's mixer."""
    whole = (1 << 64) - 1
    value = 0xCBF29CE484222325
    for octet in user.encode():
        value = (value ^ octet) * 0x100000001B3 & whole
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & whole
    value = (value ^ value >> 33) * 0xC4CEB9FE1A85EC53 & whole
    value = ((value ^ value >> 33) + 0x9E3779B97F4A7C15) & whole
    value = (value ^ value >> 30) * 0xBF58476D1CE4E5B9 & whole
    value = (value ^ value >> 27) * 0x94D049BB133111EB & whole
    return value ^ value >> 31


@given(st.lists(st.text(), max_size=20))
def test_hashes_are_those_of_plain_python(names: list[str]) -> None:
    assert sample_hashes(pa.array(names, pa.string())).tolist() == [mixed(name) for name in names]


def sampled(batches: list[list[str]], count: int) -> list[str]:
    """The users in the sample, by the whole graph."""
    found = run_graph(
        lambda pipeline: {"limit": create(pipeline, "Rows", [users(batch) for batch in batches]) | SampleUsers(count)}
    )
    (limit,) = found["limit"]
    rows = pa.concat_batches([sampled_rows(users(batch), limit) for batch in [[], *batches]])
    return sorted(set(rows["user_id"].to_pylist()))


@pytest.mark.parametrize("count", [1, 7, 39, 40, 41, 1000])
def test_the_sample_is_the_users_with_the_smallest_hashes_however_the_log_is_cut(count: int) -> None:
    names = [f"user{number}" for number in range(40)]
    expected = sorted(sorted(names, key=mixed)[:count])
    log = names * 3
    assert sampled([log], count) == expected
    assert sampled([log[start::7][::-1] for start in range(7)], count) == expected


def test_an_empty_log_has_an_empty_sample() -> None:
    assert run_graph(lambda pipeline: {"limit": create(pipeline, "Rows", []) | SampleUsers(5)})["limit"] == [NO_LIMIT]


def test_everybody_is_sampled_where_there_are_few() -> None:
    sketch = smallest_hashes(pa.array(["a", "b", "a"]), 3)
    assert len(sketch) == 2
    assert hash_cutoff(sketch, 3) == NO_LIMIT
    assert sampled_rows(users(["a", "b", "c"]), NO_LIMIT).num_rows == 3


def test_the_sample_is_spread_over_the_buckets() -> None:
    names = pa.array([f"user{number}" for number in range(20_000)])
    limit = hash_cutoff(smallest_hashes(names, 1600), 1600)
    buckets = bucket_ids(names.filter(pa.array(sample_hashes(names) <= limit)), 16)
    counts = np.bincount(buckets, minlength=16)
    assert counts.sum() == 1600
    assert counts.min() > 60
