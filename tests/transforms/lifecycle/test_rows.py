"""Rows of `lifecycles` of a few journeys, and what does not change them."""

import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from schemas import JOURNEYS, LIFECYCLES, SALIENT_TERMS, TIMESTAMP
from transforms.hashing import bucket_ids
from transforms.journeys.catalogue import Catalogue, pack_catalogue, unpack_catalogue
from transforms.lifecycle.confidence import MODELS, confidences
from transforms.lifecycle.config import LifecycleConfig, RhythmConfig, TopListConfig
from transforms.lifecycle.rhythm import LogGaps
from transforms.lifecycle.rows import lifecycle_rows
from transforms.lifecycle.stages import gaps_of_rows, join_terms, requests_of

MODEL = MODELS["terms"]
CONFIG = LifecycleConfig(
    rhythm=RhythmConfig(ongoing_gaps=2.0, gap_weight=1.0),
    top_list=TopListConfig(importance_half_life=1e6, penalty=0.5, min_similarity=0.5),
)
TERMS = {"a": ["yarn"], "b": ["yarn", "wool"], "c": ["chess"], "d": ["orchid"], "unused": ["tea"]}


def day(month: int, number: int) -> datetime.datetime:
    return datetime.datetime(2024, month, number, 12, tzinfo=datetime.UTC)


def journey(user: str, rank: int, items: str, times: list[datetime.datetime], **changed: Any) -> dict[str, Any]:
    return {
        "user_id": user,
        "journey_id": f"{user}{rank}",
        "rank": rank,
        "size": len(set(items)),
        "item_ids": list(items),
        "timestamps": times,
        "terms": [],
        "weights": [],
        "first_timestamp": times[0],
        "last_timestamp": times[-1],
        "coherence": 0.5,
        **changed,
    }


ROWS = [
    journey("u", 1, "abab", [day(1, 1), day(2, 1), day(3, 1), day(4, 1)]),
    journey("u", 2, "aba", [day(4, 2), day(4, 2), day(4, 3)]),
    journey("u", 3, "cc", [day(1, 1), day(1, 2)], coherence=None),
    journey("v", 1, "x", [day(4, 3)], coherence=None),
]


def batch(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, JOURNEYS.arrow)


def salient(terms: dict[str, list[str]]) -> pa.RecordBatch:
    rows = [{"item_id": item, "terms": own, "saliences": [1.0] * len(own)} for item, own in terms.items()]
    return pa.RecordBatch.from_pylist(rows, SALIENT_TERMS.arrow)


def catalogue() -> Catalogue:
    return unpack_catalogue(pack_catalogue([salient(TERMS)]))


def described(rows: list[dict[str, Any]]) -> pa.RecordBatch:
    found = lifecycle_rows(batch(rows), catalogue(), gaps_of_rows(batch(ROWS)), MODEL, CONFIG)
    LIFECYCLES.check(found)
    return found


def by_id(found: pa.RecordBatch) -> dict[str, dict[str, Any]]:
    return {row["journey_id"]: row for row in found.to_pylist()}


def test_gaps_of_the_log() -> None:
    gaps = gaps_of_rows(batch(ROWS))
    assert gaps == LogGaps(5, 91 + 1 + 1, int(day(4, 3).timestamp()) * 10**6)


def test_rows_by_hand() -> None:
    found = by_id(described(ROWS))
    # The mean gap of the log is 93 / 5 days, and counts as one gap.
    assert found["u1"]["ongoing_days"] == pytest.approx(2 * (91 + 18.6) / 4)
    assert found["u1"]["silent_days"] == 2.0
    assert [found[key]["stage"] for key in ("u1", "u2", "u3", "v1")] == ["ongoing", "ongoing", "ended", "ongoing"]
    assert [found[key]["recurrence"] for key in ("u1", "u2", "u3")] == ["evergreen", "situational", "situational"]
    assert found["u1"]["effective_months"] == 4.0
    assert (found["u1"]["burstiness"], found["u2"]["burstiness"]) == (pytest.approx(-0.97, abs=0.02), None)
    (expected,) = confidences(np.array([0.5]), np.array([2]), MODEL)
    assert found["u1"]["confidence"] == pytest.approx(expected)
    assert found["v1"]["confidence"] is None  # a single item


def test_the_list_by_hand() -> None:
    found = by_id(described(ROWS))
    # Importances of about 4, 3 and 2; the second is similar to the first and is halved.
    assert [found[key]["rank"] for key in ("u1", "u2", "u3", "v1")] == [1, 3, 2, 1]
    assert [found[key]["score"] for key in ("u1", "u2", "u3")] == [
        pytest.approx(each, abs=0.01) for each in (4, 1.5, 2)
    ]


def test_months_by_hand() -> None:
    found = by_id(described(ROWS))
    assert [(each["month"], each["interactions"]) for each in found["u1"]["periods"]] == [
        ("2024-01", 1),
        ("2024-02", 1),
        ("2024-03", 1),
        ("2024-04", 1),
    ]
    similarity = [each["similarity"] for each in found["u1"]["periods"]]
    assert similarity == [None, *[pytest.approx(0.5**0.5)] * 3]
    # The item x is not in the catalogue: a month without terms.
    assert found["v1"]["periods"] == [{"month": "2024-04", "interactions": 1, "terms": [], "similarity": None}]
    assert found["u3"]["periods"][0]["terms"] == ["chess"]


def test_the_order_of_rows_does_not_matter() -> None:
    assert described(ROWS[::-1]).equals(described(ROWS))


def test_users_do_not_depend_on_each_other() -> None:
    separate = [described(ROWS[:3]), described(ROWS[3:])]
    assert pa.concat_batches(separate).equals(described(ROWS))


def test_no_journeys() -> None:
    gaps = gaps_of_rows(batch([]))
    assert lifecycle_rows(batch([]), catalogue(), gaps, MODEL, CONFIG).num_rows == 0


def test_times_before_1970() -> None:
    times = [datetime.datetime(1969, month, 3, tzinfo=datetime.UTC) for month in (10, 11, 12)]
    rows = [journey("w", 1, "abc", times)]
    gaps = gaps_of_rows(batch(rows))
    (row,) = lifecycle_rows(batch(rows), catalogue(), gaps, MODEL, CONFIG).to_pylist()
    assert [each["month"] for each in row["periods"]] == ["1969-10", "1969-11", "1969-12"]
    assert (row["stage"], row["recurrence"]) == ("ongoing", "evergreen")


def test_the_terms_that_buckets_of_users_need() -> None:
    rows = batch(ROWS)
    requests = requests_of(rows, 4)
    buckets = dict(zip(rows["user_id"].to_pylist(), bucket_ids(rows["user_id"], 4).tolist(), strict=True))
    wanted = {(item, buckets[row["user_id"]]) for row in ROWS for item in row["item_ids"]}
    pairs = list(zip(requests["item_id"].to_pylist(), requests["bucket"].to_pylist(), strict=True))
    assert sorted(pairs) == sorted(wanted)
    found = [
        (item, bucket)
        for bucket, terms in join_terms([requests, requests], [salient(TERMS)])
        for item in terms["item_id"].to_pylist()
    ]
    assert sorted(found) == sorted(pair for pair in wanted if pair[0] in TERMS)


def test_the_end_of_the_log_is_that_of_its_last_day() -> None:
    config = LifecycleConfig(rhythm=CONFIG.rhythm, top_list=CONFIG.top_list, last_day="2024-04-30")
    found = lifecycle_rows(batch(ROWS), catalogue(), gaps_of_rows(batch(ROWS)), MODEL, config)
    expected = datetime.datetime(2024, 5, 1, tzinfo=datetime.UTC) - day(4, 3)
    assert by_id(found)["v1"]["silent_days"] == expected / datetime.timedelta(days=1)
    assert batch(ROWS)["timestamps"].type.value_type == TIMESTAMP
