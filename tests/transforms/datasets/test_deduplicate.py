"""Rows of a catalogue that repeat another row in all columns, compared with a plain reference."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from schemas import ITEMS
from transforms.datasets.coercion import with_provenance
from transforms.datasets.deduplicate import deduplicate, drop_repetitions

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


@given(st.lists(ROW, max_size=12))
def test_of_equal_rows_the_first_is_kept(rows: list[dict[str, object]]) -> None:
    first = {values(row): place for place, row in reversed(list(enumerate(rows)))}
    kept = drop_repetitions(located(rows))
    assert sorted(kept["row"].to_pylist()) == sorted(first.values())
    assert kept["item_id"].to_pylist() == sorted(kept["item_id"].to_pylist())


@given(st.lists(ROW, max_size=12))
def test_then_only_rows_that_differ_are_duplicates(rows: list[dict[str, object]]) -> None:
    items, errors = deduplicate(drop_repetitions(located(rows)))
    assert items.to_pylist() == deduplicate(located(rows)).items.to_pylist()
    assert errors.num_rows == len({values(row) for row in rows}) - len({row["item_id"] for row in rows})
