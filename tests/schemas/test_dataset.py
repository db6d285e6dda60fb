import dataclasses
import subprocess
import sys

import pyarrow as pa
import pytest

from schemas import Column, DatasetSchema, SchemaError
from schemas.dataset import elements_between, finite, not_empty, same_length

CUPS = DatasetSchema(
    name="cups",
    doc="One cup.",
    key=("cup_id",),
    sort_by=("cup_id",),
    partition_by="cup_id",
    columns=(
        Column("cup_id", pa.string(), "The cup."),
        Column("size", pa.float64(), "How large it is.", nullable=True),
        Column("sips", pa.list_(pa.float32()), "How much was drunk.", nullable=True, optional=True),
    ),
    invariants=(not_empty("cup_id"), finite("size")),
)


def with_column(index: int, **changes: object) -> DatasetSchema:
    columns = list(CUPS.columns)
    columns[index] = dataclasses.replace(columns[index], **changes)
    return dataclasses.replace(CUPS, columns=tuple(columns))


def cups(*rows: tuple[str, float | None, list[float] | None], schema: pa.Schema = CUPS.arrow) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([dict(zip(("cup_id", "size", "sips"), row, strict=True)) for row in rows], schema)


def test_the_arrow_schema_has_all_columns() -> None:
    expected = [("cup_id", pa.string(), False), ("size", pa.float64(), True), ("sips", pa.list_(pa.float32()), True)]
    assert [(field.name, field.type, field.nullable) for field in CUPS.arrow] == expected


def test_what_a_table_from_outside_must_have() -> None:
    assert CUPS.required == ("cup_id", "size")


def test_a_column_is_found_by_name() -> None:
    assert CUPS.column("size").doc == "How large it is."
    with pytest.raises(KeyError):
        CUPS.column("colour")


@pytest.mark.parametrize(
    "changed",
    [
        with_column(1, name="width"),
        with_column(1, type=pa.float32()),
        with_column(1, nullable=False),
        dataclasses.replace(CUPS, columns=CUPS.columns[:2]),
        dataclasses.replace(CUPS, columns=CUPS.columns[::-1]),
    ],
    ids=["name", "type", "nullable", "fewer", "order"],
)
def test_the_fingerprint_changes_with_the_columns(changed: DatasetSchema) -> None:
    assert changed.fingerprint != CUPS.fingerprint


def test_the_fingerprint_does_not_change_with_words() -> None:
    reworded = dataclasses.replace(with_column(1, doc="Its volume."), doc="A cup.", invariants=())
    assert reworded.fingerprint == CUPS.fingerprint


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    code = "from schemas import JOURNEYS; print(JOURNEYS.fingerprint)"
    found = set()
    for seed in ("1", "2"):
        command = [sys.executable, "-c", code]
        ran = subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True)
        found.add(ran.stdout)
    assert len(found) == 1
    assert len(found.pop().strip()) == 64


def test_good_rows_pass_as_batch_and_as_table() -> None:
    rows = cups(("a", 1.0, [0.5]), ("b", None, None))
    CUPS.check(rows)
    CUPS.check(pa.Table.from_batches([rows, rows.slice(1)]))
    CUPS.check(pa.Table.from_batches([], CUPS.arrow))


def test_bad_rows_are_counted_under_the_first_rule_they_break() -> None:
    bad = cups(("a", 1.0, None), ("", float("inf"), None), ("", 1.0, None))
    with pytest.raises(SchemaError, match=r"^cups: empty_cup_id in 2 of 3 rows$"):
        CUPS.check(bad)
    with pytest.raises(SchemaError, match=r"^cups: empty_cup_id in 1 of 1 rows$"):
        CUPS.check(pa.Table.from_batches([bad.slice(0, 1), bad.slice(1, 1)]))


def test_null_in_a_column_that_has_none_is_refused() -> None:
    columns = cups(("a", 1.0, None)).columns
    rows = pa.RecordBatch.from_arrays([pa.array([None], pa.string()), *columns[1:]], schema=CUPS.arrow)
    with pytest.raises(SchemaError, match=r"^cups: null_cup_id in 1 of 1 rows$"):
        CUPS.check(rows)


@pytest.mark.parametrize(
    "schema",
    [
        CUPS.arrow.remove(2),
        CUPS.arrow.append(pa.field("colour", pa.string())),
        CUPS.arrow.set(1, pa.field("size", pa.float32())),
        CUPS.arrow.set(0, pa.field("cup_id", pa.string())),
    ],
    ids=["fewer", "more", "type", "nullable"],
)
def test_other_columns_are_refused(schema: pa.Schema) -> None:
    with pytest.raises(SchemaError, match=r"^cups: expected the columns"):
        CUPS.check(pa.RecordBatch.from_pylist([], schema))


def test_invariants_say_nothing_of_null() -> None:
    rows = pa.RecordBatch.from_pylist(
        [{"name": None, "number": None, "numbers": []}],
        pa.schema({"name": pa.string(), "number": pa.float64(), "numbers": pa.list_(pa.float64())}),
    )
    for invariant in (not_empty("name"), finite("number"), elements_between("numbers", 0, 1)):
        assert invariant.check(rows).to_pylist() == [True]


def test_lists_of_the_same_length() -> None:
    rows = pa.RecordBatch.from_pydict({"a": [[1], [], [1, 2], []], "b": [["x"], [], ["x"], ["x"]]})
    assert same_length("a", "b").check(rows).to_pylist() == [True, True, False, False]
    assert same_length("a", "b").reason == "a_and_b_differ_in_length"


def test_elements_in_a_range() -> None:
    rows = pa.RecordBatch.from_pydict({"a": [[0.0, 1.0], [], [0.5, 1.5], [-0.5], [float("nan")]]})
    invariant = elements_between("a", 0, 1)
    assert invariant.check(rows).to_pylist() == [True, True, False, False, False]
    assert invariant.doc == "every number in `a` lies in [0, 1]"
