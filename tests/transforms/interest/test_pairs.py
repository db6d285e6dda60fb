import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from transforms.interest.pairs import distinct_pairs, pairs_of_log

ROWS = st.lists(st.tuples(st.text("ab", min_size=1, max_size=2), st.text("xyz", min_size=1, max_size=2)))


def batch(rows: list[tuple[str, str]]) -> pa.RecordBatch:
    users, items = zip(*rows, strict=True) if rows else ((), ())
    return pa.RecordBatch.from_pydict(
        {"user_id": pa.array(users, pa.string()), "item_id": pa.array(items, pa.string())}
    )


def test_pairs_of_numbers() -> None:
    found = distinct_pairs(np.array([2, 0, 2, 2, 0]), np.array([1, 3, 0, 1, 1]), (3, 4))
    assert found.offsets.tolist() == [0, 2, 2, 4]
    assert found.items.tolist() == [1, 3, 0, 1]
    assert found.users.tolist() == [0, 0, 2, 2]
    assert found.popularity.tolist() == [1, 2, 0, 1]


@given(st.lists(ROWS, max_size=4))
def test_pairs_of_a_log_are_those_of_a_set(batches: list[list[tuple[str, str]]]) -> None:
    named = pairs_of_log(map(batch, batches))
    rows = {row for batch in batches for row in batch}
    users, items = named.users.to_pylist(), named.items.to_pylist()
    assert users == sorted({user for user, _ in rows})
    assert items == sorted({item for _, item in rows})
    found = [(users[user], items[item]) for user, item in zip(named.pairs.users, named.pairs.items, strict=True)]
    assert found == sorted(rows)


def test_an_empty_log_has_no_pairs() -> None:
    named = pairs_of_log([])
    assert named.pairs.offsets.tolist() == [0]
    assert len(named.pairs.popularity) == len(named.users) == 0
