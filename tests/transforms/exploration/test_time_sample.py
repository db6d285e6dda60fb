import numpy as np
import pyarrow as pa
import pytest

from schemas import CLUSTER_HISTORIES
from transforms.exploration import time_sample
from transforms.exploration.time_sample import SampleTimes


def histories(users: int) -> list[pa.RecordBatch]:
    random = np.random.default_rng(0)
    rows = [
        {
            "user_id": f"u{user}",
            "cluster_ids": [f"c{cluster}" for cluster in range(user % 4)],
            "timestamps": sorted(random.integers(0, 10**15, user % 4).tolist()),
        }
        for user in range(users)
    ]
    batch = pa.RecordBatch.from_pylist(rows, CLUSTER_HISTORIES.arrow)
    return [batch.slice(start, 7) for start in range(0, users, 7)]


def sample(batches: list[pa.RecordBatch]) -> list[int]:
    combine = SampleTimes()
    parts = [combine.add_input(combine.create_accumulator(), rows) for rows in batches]
    return combine.extract_output(combine.merge_accumulators([combine.create_accumulator(), *parts])).tolist()


def test_all_times_of_a_small_log() -> None:
    batches = histories(100)
    expected = sorted(
        int(time.timestamp() * 10**6 + 0.5)
        for rows in batches
        for times in rows["timestamps"].to_pylist()
        for time in times
    )
    assert sample(batches) == pytest.approx(expected, abs=1)
    assert sample([]) == []


def test_a_sample_does_not_depend_on_the_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_sample, "MAX_TIMES", 20)
    batches = histories(100)
    assert len(sample(batches)) == 20
    assert sample(batches[::-1]) == sample(batches)
