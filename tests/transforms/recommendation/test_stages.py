import datetime

import pyarrow as pa

from schemas import INTENTS, RECOMMENDATIONS
from transforms.recommendation.config import ListConfig
from transforms.recommendation.stages import kept_of, mean_exploration, select_users, users_of
from transforms.recommendation.users import LOG, LargestHash, sampled_rows

IDS = pa.array(["a", "b", "c"])


def log(*rows: tuple[str, str, int]) -> pa.RecordBatch:
    start = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
    return pa.RecordBatch.from_pylist(
        [
            {"user_id": user, "item_id": item, "timestamp": start + datetime.timedelta(days=day)}
            for user, item, day in rows
        ],
        LOG,
    )


def test_histories_are_in_time_order_and_of_the_catalogue() -> None:
    first, second = log(("v", "c", 3), ("u", "b", 2), ("u", "x", 1)), log(("u", "a", 2), ("u", "a", 2), ("u", "b", 0))
    found = users_of({"interactions": [first, second]}, IDS, ListConfig(), 0.0)
    assert found.ids.to_pylist() == ["u", "v"]
    assert found.histories.offsets.tolist() == [0, 3, 4]
    assert found.histories.items.tolist() == [1, 0, 1, 2]  # the repeated row once; ties by item


def test_only_the_given_users_are_collected() -> None:
    users = pa.RecordBatch.from_pydict({"user_id": ["v", "nobody", "v"]})
    found = users_of({"interactions": [log(("u", "a", 1), ("v", "b", 1))], "users": [users]}, IDS, ListConfig(), 0.0)
    assert found.ids.to_pylist() == ["v"]
    assert found.histories.items.tolist() == [1]


def intents(**probabilities: float) -> pa.RecordBatch:
    rows = [
        {"user_id": user, "cluster_probability": value, "item_probability": 1.0, "model": "base_rate"}
        for user, value in probabilities.items()
    ]
    return pa.RecordBatch.from_pylist(rows, INTENTS.arrow)


def test_users_who_explore_have_more_places() -> None:
    batches = {
        "interactions": [log(("u", "a", 1), ("v", "b", 1), ("w", "c", 1))],
        "intents": [intents(v=0.5, x=0.1), intents(u=0.3)],
    }
    found = users_of(batches, IDS, ListConfig(), mean_exploration(b"", batches["intents"]))
    assert found.places.tolist() == [5, 8, 5]  # the mean is 0.3; w has no intents
    equal = users_of({"interactions": batches["interactions"]}, IDS, ListConfig(), 0.0)
    assert equal.places.tolist() == [5, 5, 5]
    assert mean_exploration(b"", []) == 0.0
    more = users_of(batches, IDS, ListConfig(), 0.2)
    assert more.places.tolist() == [8, 10, 5]
    assert (more.hashes != found.hashes).tolist() == [True, True, False]


def test_the_sample_is_that_of_the_smallest_hashes_in_any_order() -> None:
    users = [f"u{number}" for number in range(40)]
    batches = [log(*((user, "a", day) for user in users[start::3])) for start, day in ((0, 1), (1, 2), (2, 3), (0, 4))]
    combine = LargestHash(10)
    whole = combine.extract_output(
        combine.merge_accumulators([combine.add_input(combine.create_accumulator(), each) for each in batches])
    )
    folded = combine.create_accumulator()
    for each in reversed(batches):
        folded = combine.add_input(folded, each)
    assert combine.extract_output(folded) == whole
    kept = {user for each in batches for user in sampled_rows(each, whole)["user_id"].to_pylist()}
    assert len(kept) == 10
    assert all(sampled_rows(each, whole).schema == LOG for each in batches)


def test_users_with_rows_of_the_same_history_keep_them() -> None:
    users = users_of({"interactions": [log(("u", "a", 1), ("v", "b", 1), ("w", "c", 1))]}, IDS, ListConfig(), 0.0)
    stored = pa.RecordBatch.from_pylist(
        [
            dict.fromkeys(("item_id", "cluster_id", "policy", "context"), "x")
            | {"user_id": user, "rank": 1, "score": 0.0, "history_hash": int(users.hashes[place])}
            for user, place in (("w", 2), ("u", 0), ("v", 0))
        ],
        RECOMMENDATIONS.arrow,
    )
    kept = kept_of({"previous": [stored.slice(0, 1), stored.slice(1)]}, users)
    assert kept.rows["user_id"].to_pylist() == ["w", "u"]
    others = select_users(users, ~kept.is_kept)
    assert others.ids.to_pylist() == ["v"]
    assert others.histories.items.tolist() == [1]
    assert others.hashes.tolist() == users.hashes[1:2].tolist()
    assert not kept_of({}, users).is_kept.any()
