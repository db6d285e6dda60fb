import datetime
import math
import uuid
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from schemas import INTERACTIONS, ITEM_EMBEDDINGS, ITEMS, DatasetSchema
from transforms.datasets.casting import cast, fits
from transforms.datasets.written_lists import other_separator

ID = uuid.UUID("12345678-9abc-def0-1234-56789abcdef0")
NAMED = pa.list_(pa.struct([("id", pa.int64()), ("name", pa.string())]))


def read(schema: DatasetSchema, name: str, values: pa.Array, separator: str = "") -> tuple[list[Any], list[Any] | None]:
    assert fits(values.type, schema.column(name), separator)
    values, unreadable, _ = cast(values, schema.column(name), "auto", separator)
    assert values.type == schema.column(name).type
    values.validate(full=True)
    return values.to_pylist(), unreadable.to_pylist() if unreadable is not None else None


@pytest.mark.parametrize(
    ("values", "ids"),
    [
        (pa.array([Decimal(7), None, Decimal(10**30)], pa.decimal128(38, 0)), ["7", None, "1" + "0" * 30]),
        (pa.array([Decimal("7.00"), Decimal("7.50")], pa.decimal128(10, 2)), ["7", None]),
        (pa.array([Decimal(0), Decimal(-7), None], pa.decimal128(38, 9)), ["0", "-7", None]),
        (pa.array([Decimal(0)], pa.decimal256(76, 20)), ["0"]),
        (pa.array([Decimal(0), Decimal("7.5")], pa.decimal32(9, 2)), ["0", None]),
        (pa.array(["7 ", "\u00a0 7", "7", " "]), ["7", "7", "7", ""]),
        (pa.array([b"7  "], pa.binary()), ["7"]),
        (pa.array([7.0, float("nan"), -0.0, 2.0**53 - 1], pa.float64()), ["7", None, "0", "9007199254740991"]),
        (pa.array([7.0, 2.0**24 - 1], pa.float32()), ["7", "16777215"]),
        (pa.array([b"ab", None, "ü".encode()], pa.binary()), ["ab", None, "ü"]),
        (pa.array([ID.bytes, None], pa.binary(16)), [str(ID), None]),
        (pa.array([ID.bytes, None], pa.uuid()), [str(ID), None]),
        (pa.array([b"\x00\xff\x10"], pa.binary(3)), ["00ff10"]),
        (pa.array([], pa.binary(16)), []),
    ],
)
def test_ids(values: pa.Array, ids: list[str | None]) -> None:
    assert read(INTERACTIONS, "user_id", values)[0] == ids


@pytest.mark.parametrize(
    "values",
    [
        pa.array([7.5, float("inf"), 2.0**53], pa.float64()),
        pa.array([2.0**24], pa.float32()),
        pa.array([Decimal("7.50")], pa.decimal128(10, 2)),
    ],
)
def test_numbers_that_are_no_exact_integers_are_no_ids(values: pa.Array) -> None:
    """Above these limits, different ids may have become the same float."""
    assert read(INTERACTIONS, "item_id", values) == ([None] * len(values), [True] * len(values))


@pytest.mark.parametrize(
    ("name", "values", "numbers"),
    [
        ("value", pa.array([Decimal("4.5"), None], pa.decimal128(5, 2)), [4.5, None]),
        ("value", pa.array([True, False, None]), [1.0, 0.0, None]),
        ("value", pa.array([" 4.5", "+1e2", "None", "", "many"]), [4.5, 100.0, None, None, None]),
        ("dwell_seconds", pa.array([datetime.timedelta(minutes=1.5), None], pa.duration("ms")), [90.0, None]),
        ("dwell_seconds", pa.array(["90"]), [90.0]),
        ("value", pa.array([2**60 + 1]), [2.0**60]),
        ("value", pa.array([2**64 - 1], pa.uint64()), [2.0**64]),
        ("interest", pa.array([2**24 + 1]), [2.0**24]),
        ("dwell_seconds", pa.array([2**60 + 1], pa.duration("ns")), [2.0**60 * 1e-9]),
        ("value", pa.array([math.nan, None, 1.0]), [None, None, 1.0]),
        ("dwell_seconds", pa.array([math.nan, 1.0], pa.float32()), [None, 1.0]),
        ("interest", pa.array([math.nan, 0.5], pa.float32()), [None, 0.5]),
        ("value", pa.array([math.inf, -math.inf, 1.0]), [None, None, 1.0]),
    ],
)
def test_numbers(name: str, values: pa.Array, numbers: list[float | None]) -> None:
    assert read(INTERACTIONS, name, values)[0] == numbers


def test_only_texts_that_are_no_numbers_are_unreadable() -> None:
    assert read(INTERACTIONS, "value", pa.array(["4.5", "nan", "", None, "many"]))[1] == [False] * 4 + [True]


@pytest.mark.parametrize(
    ("name", "values", "separator", "expected"),
    [
        ("event", pa.array([True, None]), "", ["true", None]),
        ("description", pa.array([["a", None, "b"], [], None]), "", ["a; b", "", None]),
        ("creator", pa.array([["A", "B"]], pa.large_list(pa.large_string())), "", ["A, B"]),
        ("creator", pa.array([{"id": 1, "name": "A"}], NAMED.value_type), "", ["A"]),
        (
            "tags",
            pa.array([[{"id": 1, "name": "Drama"}, {"id": 2, "name": "War"}], None], NAMED),
            "",
            [["Drama", "War"], None],
        ),
        ("tags", pa.array([[18, 35]]), "", [["18", "35"]]),
        ("tags", pa.array(["Action| Comedy |", "", None, "One"]), "|", [["Action", "Comedy"], [], None, ["One"]]),
        ("queries", pa.array(["a, b"]), ",", [["a", "b"]]),
        (
            "tags",
            pa.array([["a", None], None, [], ["b"]], pa.list_view(pa.string())),
            "",
            [["a", None], None, [], ["b"]],
        ),
        ("tags", pa.array([["a"], None], pa.large_list_view(pa.string_view())), "", [["a"], None]),
        ("tags", pa.array([[b"a", "\u00fc".encode()], None]), "", [["a", "\u00fc"], None]),
        (
            "tags",
            pa.array(['["Drama", "War"]', "[]", None, "Drama,War"]),
            ",",
            [["Drama", "War"], [], None, ["Drama", "War"]],
        ),
        ("tags", pa.array(["['Sci-Fi', \"Rock 'n' roll\"]", "[18]"]), "|", [["Sci-Fi", "Rock 'n' roll"], ["18"]]),
        (
            "tags",
            pa.array(
                ["[{'id': 18, 'name': 'Drama'}, {'id': 10752, 'name': 'War'}]", '{"id": 18, "name": "Drama"}', "{}"]
            ),
            ",",
            [["Drama", "War"], ["Drama"], []],
        ),
        (
            "tags",
            pa.array(["[Drama, War]", '{Drama,"Science Fiction"}']),
            ",",
            [["Drama", "War"], ["Drama", "Science Fiction"]],
        ),
        ("tags", pa.array(["[Drama]|[War]", "[live] Rock|Pop"]), "|", [["[Drama]", "[War]"], ["[live] Rock", "Pop"]]),
    ],
)
def test_texts_and_lists(name: str, values: pa.Array, separator: str, expected: list[Any]) -> None:
    schema = INTERACTIONS if name == "event" else ITEMS
    assert read(schema, name, values, separator)[0] == expected
    assert read(schema, name, values.slice(1), separator)[0] == expected[1:]


@pytest.mark.parametrize(
    "text", ['["Drama", "Wa', "['Drama' 'War']", "[1.5]", '[["Drama"]]', '{"id": 18}', "['Drama', nan]", "[" * 10_000]
)
def test_a_list_in_a_text_that_cannot_be_read_is_null(text: str) -> None:
    assert read(ITEMS, "tags", pa.array([text, "a,b", None]), ",") == ([None, ["a", "b"], None], [True, False, False])


def test_embeddings_are_the_nearest_floats() -> None:
    assert read(ITEM_EMBEDDINGS, "embedding", pa.array([[2**24 + 1, 1], None]))[0] == [[2.0**24, 1.0], None]


@pytest.mark.parametrize(
    ("schema", "name", "type_"),
    [
        (INTERACTIONS, "user_id", pa.bool_()),
        (INTERACTIONS, "user_id", pa.list_(pa.string())),
        (INTERACTIONS, "user_id", pa.date32()),
        (INTERACTIONS, "timestamp", pa.time64("us")),
        (INTERACTIONS, "timestamp", pa.duration("s")),
        (INTERACTIONS, "value", pa.duration("s")),
        (INTERACTIONS, "dwell_seconds", pa.bool_()),
        (INTERACTIONS, "event", pa.list_(pa.string())),
        (ITEMS, "title", pa.list_(pa.string())),
        (ITEMS, "tags", pa.string()),
        (ITEMS, "tags", pa.map_(pa.string(), pa.string())),
        (ITEMS, "creator", pa.struct([("a", pa.string()), ("b", pa.string())])),
        (ITEMS, "description", pa.timestamp("us")),
    ],
)
def test_types_without_a_certain_meaning(schema: DatasetSchema, name: str, type_: pa.DataType) -> None:
    assert not fits(type_, schema.column(name))


@pytest.mark.parametrize(
    ("texts", "separator", "other"),
    [
        (["a|b", "c|d", "e", None], ";", "|"),
        (["a;b", "c;d"], "|", ";"),
        (["a|b", "c|d", "e;f"], ";", ""),  # one text has it
        (["a|b", "c", "d"], ";", ""),  # few have the other
        (["a, b", "c, d"], ";", ""),  # a comma may be a part of a tag
        (["[1|2]", '["a"]'], ";", ""),
        ([None, None], ";", ""),
        ([], ";", ""),
    ],
)
def test_another_separator(texts: list[str | None], separator: str, other: str) -> None:
    assert other_separator(pa.array(texts, pa.string()), separator) == other
