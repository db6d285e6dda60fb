"""Rows of a catalogue that repeat another row in all columns, compared with a plain reference."""

import random

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas import ITEMS
from transforms.datasets.coercion import with_provenance
from transforms.datasets.deduplicate import deduplicate

ROW = st.fixed_dictionaries(
    {
        "item_id": st.sampled_from("ab"),
        "title": st.sampled_from(["x", "y"]),
        "tags": st.sampled_from([None, [], ["m"], ["m", None]]),
        "creator": st.sampled_from([None, "p"]),
    }
)


def located(rows: list[dict[str, object]]) -> pa.RecordBatch:
    schema = with_provenance(ITEMS)
    numbered = [row | {"file": "f", "row": place} for place, row in enumerate(rows)]
    return pa.RecordBatch.from_pylist(numbered, schema)


def values(row: dict[str, object]) -> str:
    return repr(sorted(row.items()))


@given(st.lists(ROW, max_size=12), st.randoms())
def test_only_rows_that_differ_are_errors(rows: list[dict[str, object]], chance: random.Random) -> None:
    items, errors, repeated = deduplicate(located(rows))
    distinct = {values(row) for row in rows}
    assert errors.num_rows == len(distinct) - len({row["item_id"] for row in rows})
    assert repeated == len(rows) - len(distinct)
    shuffled = chance.sample(rows, len(rows))
    again = deduplicate(located(shuffled))
    assert (again.items, again.repeated, again.errors.num_rows) == (items, repeated, errors.num_rows)
    assert sorted(again.errors["payload"].to_pylist()) == sorted(errors["payload"].to_pylist())


@given(st.lists(ROW, max_size=12))
def test_of_equal_rows_the_first_is_the_error(rows: list[dict[str, object]]) -> None:
    first = {values(row): place for place, row in reversed(list(enumerate(rows)))}
    errors = deduplicate(located(rows)).errors
    assert set(errors["row"].to_pylist()) <= set(first.values())
    assert set(errors["reason"].to_pylist()) <= {"duplicate_item"}
