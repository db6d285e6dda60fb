import datetime
import math
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import COLLECTIONS, ERRORS, HISTORIES, INTERACTIONS, ITEM_EMBEDDINGS, ITEMS, USERS, DatasetSchema
from schemas.interactions import EARLIEST, LATEST
from transforms.datasets.coercion import (
    ColumnError,
    TimestampUnit,
    coerce,
    error_rows,
    file_error,
    select_columns,
    with_provenance,
)

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
PER_SECOND = {"D": 1 / 86400, "s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
LOW, HIGH = (round((end - EPOCH).total_seconds()) for end in (EARLIEST, LATEST))
PLACEHOLDERS = (
    *("nan", "-nan", "none", "null", "nil", "na", "n/a", "<na>", "#n/a", "#na", "nat", "\\n", "(null)", "undefined"),
    "00000000-0000-0000-0000-000000000000",
)
COLUMNS = {name: name for name in INTERACTIONS.arrow.names}


def reference_time(number: float | None, unit: str) -> int | str:
    """Microseconds since 1970, or what is wrong with a number of some unit."""
    if number is None or math.isnan(number):
        return "null_timestamp"
    if unit == "auto":
        size = abs(float(number))
        meaning = reference_meaning(float(number))
        if meaning or size < 86_400:
            return f"timestamp_probably_{meaning}" if meaning else "timestamp_not_a_time"
        unit = "s" if size <= 1e11 else "ms" if size <= 1e14 else "us" if size <= 1e17 else "ns"
    if not int(LOW * PER_SECOND[unit]) <= number < int(HIGH * PER_SECOND[unit]):
        return "timestamp_out_of_range"
    if unit == "ns":
        return int(number) // 1000
    microseconds = number * int(10**6 / PER_SECOND[unit])
    return microseconds if isinstance(number, int) else round(microseconds)


MEANINGS: dict[str, tuple[float, float] | str] = {
    "yyyymmdd": "%Y%m%d",
    "days": (9131, 32_872),
    "excel": (34_700, 58_441),
    "julian": (2_449_718.5, 2_473_459.5),
    "ddmmyyyy": "%d%m%Y",
    "mmddyyyy": "%m%d%Y",
    "yymmdd": "%y%m%d",
    "matlab": (728_660, 752_401),
    "hours": (219_144, 788_928),
}
"""The form of digits, or the numbers of 1995 and 2060, in the order in which a meaning is preferred."""


def reference_meaning(number: float) -> str:
    """The likely meaning of a number that is read as seconds of 1970; empty: there is no other."""
    if not 0 < number < 788_918_400:
        return ""
    for meaning, numbers in MEANINGS.items():
        if isinstance(numbers, str):
            found = number.is_integer() and 1995 <= reference_year(int(number), numbers) < 2060
        else:
            found = numbers[0] <= number < numbers[1]
        if found:
            return meaning
    return ""


def reference_year(number: int, form: str) -> int:
    """The year of the digits of a date, of a month too where the year comes first; 0: they are none."""
    text = f"{number:0{8 if 'Y' in form else 6}}"
    if form == "%Y%m%d" and 10**5 <= number < 10**6:
        text = f"{number}01"
    try:
        return datetime.datetime.strptime(text, form).replace(tzinfo=datetime.UTC).year
    except ValueError:
        return 0


def reference_id(name: str, value: str | None) -> list[str]:
    """The rule that an id breaks, if any."""
    if value is None:
        return []
    if not value.strip():
        return [f"empty_{name}"]
    return [f"placeholder_{name}"] if value.strip().lower() in PLACEHOLDERS else []


def reference(row: dict[str, Any], unit: str) -> tuple[Any, ...] | str:
    """A row of the dataset, or the first rule that it breaks."""
    time = reference_time(row["timestamp"], unit)
    nulls = [f"null_{name}" for name in ("user_id", "item_id") if row[name] is None]
    empties = [reason for name in ("user_id", "item_id") for reason in reference_id(name, row[name])]
    unread = [time] if str(time).startswith(("timestamp_not_a_time", "timestamp_probably")) else []
    found = (row["value"], row["dwell_seconds"], row["interest"])
    numbers = [number if number is not None and math.isfinite(number) else None for number in found]
    missing = [time] if time == "null_timestamp" else []
    outside = [time] if time == "timestamp_out_of_range" else []
    interest = numbers[2]
    improbable = [] if interest is None or 0 <= interest <= 1 else ["interest_out_of_range"]
    wrong = [*unread, *nulls, *missing, *empties, *outside, *improbable]
    if wrong:
        return wrong[0]
    return (row["user_id"].strip(), row["item_id"].strip(), time, row["event"], *numbers)


def whole(low: int, high: int) -> st.SearchStrategy[int]:
    """Whole numbers of which many are the ends of something."""
    ends = [end * size for end in (LOW, HIGH) for size in (1, 10**3, 10**6, 10**9)]
    limits = [10**11, 10**14, 10**17, -(10**11), -(10**14), -(10**17), low, high, 0, EPOCH.year, -86_400, 86_400]
    limits += [20_240_131, 202_401, 19_951, 31_012_024, 1_312_024, 240_131, 990_131]
    limits += [19_737, 45_306, 2_460_325, 739_000, 300_000]
    near = [number + step for number in (*ends, *limits) for step in (-1, 0, 1)]
    return st.sampled_from([number for number in near if low <= number <= high]) | st.integers(low, high)


DAYS = st.integers(-(2**31), 2**31 - 1) | st.sampled_from(
    [LOW // 86400, LOW // 86400 - 1, HIGH // 86400, HIGH // 86400 - 1]
)
FRACTIONS = st.builds(
    lambda base, part: base + part * 1e-7, st.sampled_from([-3e8, 0.0, 5.0, 1.7e9]), st.integers(0, 40)
)
FLOATS = FRACTIONS | st.floats() | whole(-(2**63), 2**63 - 1).map(float) | st.floats(-1e10, 1e10)
UNITS: tuple[TimestampUnit, ...] = ("s", "ms", "us", "ns")
TIMES = [
    *((pa.int64(), whole(-(2**63), 2**63 - 1), unit) for unit in ("auto", *UNITS)),
    *((pa.uint64(), whole(0, 2**64 - 1), unit) for unit in ("auto", *UNITS)),
    (pa.int32(), whole(-(2**31), 2**31 - 1), "auto"),
    *((pa.float64(), FLOATS, unit) for unit in ("auto", *UNITS)),
    (pa.float32(), st.floats(width=32), "auto"),
    (pa.float16(), st.floats(width=16), "auto"),
    *((pa.timestamp(unit), whole(-(2**63), 2**63 - 1), unit) for unit in UNITS),
    *((pa.timestamp(unit, "Asia/Seoul"), whole(-(2**63), 2**63 - 1), unit) for unit in UNITS),
    (pa.date32(), DAYS, "D"),
]


def array(values: list[Any], type_: pa.DataType) -> pa.Array:
    """An array of times from numbers."""
    if pa.types.is_float16(type_):
        return pa.array([None if value is None else np.float16(value) for value in values], type_)
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.int64()).cast(type_)
    return pa.array(values, pa.int32()).cast(type_) if pa.types.is_date32(type_) else pa.array(values, type_)


TEXT = st.none() | st.sampled_from(["", "a", "b", " ", "nan", "None", "NULL"]) | st.text(max_size=3)
LEFT_OUT = ("value", "dwell_seconds", "interest")
NUMBERS = st.none() | st.floats() | st.sampled_from([math.nan, math.inf, -math.inf])
TEXT_TYPES = (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string()))


@settings(max_examples=300)
@given(st.data())
def test_coerce_does_to_a_batch_what_the_reference_does_to_each_row(data: st.DataObject) -> None:
    type_, times, unit = data.draw(st.sampled_from(TIMES))
    fields = {
        "user_id": TEXT,
        "item_id": TEXT,
        "timestamp": st.none() | times,
        "event": TEXT,
        "value": NUMBERS,
        "dwell_seconds": NUMBERS,
        "interest": st.none() | st.floats(width=32) | st.sampled_from([0.0, 1.0, 0.5, math.nan]),
    }
    rows = data.draw(st.lists(st.fixed_dictionaries(fields), max_size=8))
    text = data.draw(st.sampled_from(TEXT_TYPES))
    types = dict.fromkeys(fields, pa.float64()) | dict.fromkeys(("user_id", "item_id", "event"), text)
    raw = pa.record_batch(
        {
            name: array([row[name] for row in rows], type_)
            if name == "timestamp"
            else pa.array([row[name] for row in rows], types[name])
            for name in fields
        }
    )
    skipped = data.draw(st.integers(0, len(rows)))
    given_unit = unit if pa.types.is_integer(type_) or pa.types.is_floating(type_) else "auto"

    good, bad, left_out, _ = coerce(raw.slice(skipped), INTERACTIONS, COLUMNS, "file", 100 + skipped, given_unit)

    assert good.schema.equals(with_provenance(INTERACTIONS))
    good.validate(full=True)
    bad.validate(full=True)
    times_as_numbers = good.set_column(2, "timestamp", good["timestamp"].cast(pa.int64()))
    expected = {100 + row: reference(rows[row], unit) for row in range(skipped, len(rows))}
    assert {row["row"]: tuple(row.values())[:7] for row in times_as_numbers.to_pylist()} == {
        row: value for row, value in expected.items() if isinstance(value, tuple)
    }
    assert dict(zip(bad["row"].to_pylist(), bad["reason"].to_pylist(), strict=True)) == {
        row: value for row, value in expected.items() if isinstance(value, str)
    }
    assert set(good["file"].to_pylist()) | set(bad["file"].to_pylist()) <= {"file"}
    assert bad.schema.equals(ERRORS.arrow)
    ERRORS.check(bad)
    infinite = [
        name for name in fields if name in LEFT_OUT for row in rows[skipped:] if abs(row[name] or 0) == math.inf
    ]
    assert left_out == Counter(infinite)


@pytest.mark.parametrize(
    ("number", "type_", "unit", "microseconds"),
    [
        (1_700_000_000, pa.int64(), "auto", 1_700_000_000_000_000),
        (1_700_000_000_123, pa.int64(), "auto", 1_700_000_000_123_000),
        (1_700_000_000_123_456, pa.int64(), "auto", 1_700_000_000_123_456),
        (1_700_000_000_123_456_789, pa.int64(), "auto", 1_700_000_000_123_456),
        (-1_700_000_000_123_456_789, pa.int64(), "auto", -1_700_000_000_123_457),  # later than the exact time by none
        (4_999_999_999_999_999_999, pa.int64(), "ns", 4_999_999_999_999_999),
        (0, pa.int64(), "s", 0),
        (1.5, pa.float64(), "s", 1_500_000),
        (1_700_000_000.1234567, pa.float64(), "auto", 1_700_000_000_123_457),
        (-0.0000007, pa.float64(), "s", -1),
        (0.0004, pa.float64(), "ms", 0),
        (0.0006, pa.float64(), "ms", 1),
        (1.7e18, pa.float64(), "ns", 1_700_000_000_000_000),
        (5e18, pa.float64(), "auto", 5_000_000_000_000_000),
        (-1, pa.date32(), "auto", -86_400_000_000),
        (90_061_001_002_003, pa.timestamp("ns", "Asia/Seoul"), "s", 90_061_001_002),
    ],
)
def test_times(number: float, type_: pa.DataType, unit: TimestampUnit, microseconds: int) -> None:
    raw = pa.record_batch({"user_id": ["a"], "item_id": ["b"], "timestamp": array([number], type_)})
    rows, errors, *_ = coerce(raw, INTERACTIONS, {name: name for name in raw.schema.names}, "f", 0, unit)
    assert errors.num_rows == 0
    assert rows["timestamp"].cast(pa.int64()).to_pylist() == [microseconds]


LETTERS = st.text("aé文", max_size=2)
"""Texts that are clean as they are."""


@given(st.lists(st.none() | st.lists(st.none() | LETTERS, max_size=3), max_size=9), st.data())
def test_lists_of_any_type_and_slice(lists: list[list[str | None] | None], data: st.DataObject) -> None:
    element = data.draw(st.sampled_from(TEXT_TYPES))
    make = data.draw(st.sampled_from([pa.list_, pa.large_list]))
    start = data.draw(st.integers(0, len(lists)))
    raw = pa.record_batch(
        {
            "item_id": pa.array([str(number) for number in range(len(lists))]),
            "title": pa.array([None if number % 3 == 2 else "t" for number in range(len(lists))], pa.string()),
            "tags": pa.array(lists, make(element)),
        }
    )
    good, bad, *_ = coerce(raw.slice(start), ITEMS, {name: name for name in raw.schema.names}, "f", start)
    good.validate(full=True)
    assert good["tags"].to_pylist() == [tags for row, tags in enumerate(lists) if row >= start and row % 3 != 2]
    assert bad["row"].to_pylist() == [row for row in range(start, len(lists)) if row % 3 == 2]


class TestTextThatIsNotUtf8:
    @staticmethod
    def broken(values: list[bytes | None]) -> pa.StringArray:
        octets = pa.array(values, pa.binary())
        return pa.Array.from_buffers(pa.string(), len(octets), octets.buffers(), octets.null_count)

    def test_is_an_error_before_all_others(self) -> None:
        texts = self.broken([b"good", b"\xff", None, b"\xed\xa0\x80", "ü".encode()])
        raw = pa.record_batch({"item_id": ["a", "", "c", "d", "e"], "title": texts, "creator": texts})
        good, bad, *_ = coerce(raw, ITEMS, {name: name for name in raw.schema.names}, "f", 0)
        assert good["title"].to_pylist() == ["good", "ü"]
        assert bad["reason"].to_pylist() == ["creator_not_utf8", "null_title", "creator_not_utf8"]
        assert (
            bad["payload"].to_pylist()[0]
            == "item_id= title=\N{REPLACEMENT CHARACTER} creator=\N{REPLACEMENT CHARACTER}"
        )

    def test_in_a_list(self) -> None:
        tags = pa.ListArray.from_arrays([0, 2, 2, 3], self.broken([b"a", b"\xff", b"b"]))
        raw = pa.record_batch({"item_id": ["x", "y", "z"], "title": ["t", "t", "t"], "tags": tags})
        good, bad, *_ = coerce(raw, ITEMS, {name: name for name in raw.schema.names}, "f", 0)
        assert good["tags"].to_pylist() == [[], ["b"]]
        assert bad["reason"].to_pylist() == ["tags_not_utf8"]
        bad.validate(full=True)


NAMED_VIEW = pa.struct([("name", pa.string_view())])


@pytest.mark.parametrize(
    ("name", "type_", "value", "shown"),
    [
        ("creator", pa.binary_view(), b"a", "a"),
        ("creator", NAMED_VIEW, {"name": "a"}, '{"name": "a"}'),
        ("tags", pa.list_view(pa.string_view()), ["a"], '["a"]'),
        ("tags", pa.list_(pa.binary_view()), [b"a"], '["a"]'),
        ("tags", pa.list_(pa.string_view(), 1), ["a"], '["a"]'),
        ("tags", pa.list_(NAMED_VIEW), [{"name": "a"}], '[{"name": "a"}]'),
    ],
)
def test_invalid_rows_with_views(name: str, type_: pa.DataType, value: object, shown: str) -> None:
    raw = pa.record_batch(
        {"item_id": ["a", "b", "c"], "title": ["t", None, None], name: pa.array([value, value, None], type_)}
    )
    good, bad, *_ = coerce(raw, ITEMS, {column: column for column in raw.schema.names}, "f", 0)
    good.validate(full=True)
    assert good[name].to_pylist() == [["a"] if name == "tags" else "a"]
    assert [payload.split(f" {name}=")[1] for payload in bad["payload"].to_pylist()] == [shown, "null"]


@pytest.mark.parametrize("schema", [INTERACTIONS, ITEMS, ITEM_EMBEDDINGS, USERS])
def test_ids_of_the_log_and_the_catalogue_are_the_same_without_spaces_around(schema: DatasetSchema) -> None:
    ids = {name: ["7 ", " 7"] for name in ("user_id", "item_id") if name in schema.required}
    others = {"timestamp": [1_705_320_000] * 2, "title": ["t"] * 2, "embedding": [[1.0]] * 2}
    raw = pa.record_batch(ids | {name: others[name] for name in schema.required if name in others})
    rows = coerce(raw, schema, {name: name for name in raw.schema.names}, "f", 0).rows
    assert all(rows[name].to_pylist() == ["7", "7"] for name in ids)


def test_payloads_are_cut() -> None:
    raw = pa.record_batch({"item_id": [""], "title": ["é" * 5000]})
    (payload,) = coerce(raw, ITEMS, {"item_id": "item_id", "title": "title"}, "f", 0).errors["payload"].to_pylist()
    assert len(payload) == 1000
    assert payload.startswith("item_id= title=ééé")


def test_long_texts_are_cut() -> None:
    long = "é" * 5000
    values = {"title": long, "description": long, "creator": long, "tags": [long, "a"], "queries": ["b", long]}
    raw = pa.record_batch({name: [value] for name, value in ({"item_id": "1"} | values).items()})
    (row,) = coerce(raw, ITEMS, {name: name for name in raw.schema.names}, "f", 0).rows.to_pylist()
    cut = "é" * 1000
    assert {name: row[name] for name in values} == {
        "title": cut,
        "description": cut,
        "creator": cut,
        "tags": [cut, "a"],
        "queries": ["b", cut],
    }


def test_descriptions_of_collections_are_cleaned_as_other_texts_are() -> None:
    values = {"source": "s", "name": "<b>n</b>", "item_titles": ["t &amp; u"], "item_descriptions": ["<b>d</b>"]}
    raw = pa.record_batch({name: [value] for name, value in values.items()})
    (row,) = coerce(raw, COLLECTIONS, {name: name for name in raw.schema.names}, "f", 0).rows.to_pylist()
    assert (row["name"], row["item_titles"], row["item_descriptions"]) == ("n", ["t & u"], ["d"])


def test_columns_that_a_file_lacks_are_null() -> None:
    raw = pa.record_batch({"id": ["a"], "name": ["b"]})
    rows = coerce(raw, ITEMS, {"item_id": "id", "title": "name"}, "f", 0).rows
    assert rows.to_pylist() == [
        {"item_id": "a", "title": "b", "description": None, "tags": None, "creator": None, "queries": None}
        | {"file": "f", "row": 0}
    ]


class TestSelectColumns:
    FOUND = pa.schema(
        [("who", "string"), ("user_id", "int64"), ("item_id", "string"), ("timestamp", "date32"), ("value", "bool")]
    )

    def test_by_name_or_as_renamed(self) -> None:
        plain = pa.schema([field for field in self.FOUND if field.name != "value"])
        assert select_columns(plain, INTERACTIONS, {}) == {name: name for name in ("user_id", "item_id", "timestamp")}
        assert select_columns(plain, INTERACTIONS, {"user_id": "who"})["user_id"] == "who"

    @pytest.mark.parametrize(
        ("renamed", "reason", "message"),
        [
            ({"user_id": "person"}, "missing_column", "no column 'person'; the file has who, user_id, item_id"),
            ({"event": "kind"}, "missing_column", "no column 'kind'"),
            ({"dwell_seconds": "value"}, "wrong_type", "column 'value' is bool, which cannot be read as double"),
            ({"timestamp": "value"}, "wrong_type", "column 'value' is bool, which cannot be read as timestamp"),
            ({"user_id": "timestamp"}, "wrong_type", "column 'timestamp' is date32"),
        ],
    )
    def test_what_does_not_fit(self, renamed: dict[str, str], reason: str, message: str) -> None:
        with pytest.raises(ColumnError, match=message.split("[", maxsplit=1)[0]) as refused:
            select_columns(self.FOUND, INTERACTIONS, renamed)
        assert refused.value.reason == reason

    def test_a_name_that_is_there_twice(self) -> None:
        twice = pa.schema([*self.FOUND, pa.field("user_id", pa.string())])
        with pytest.raises(ColumnError, match="the file has 2 columns 'user_id'") as refused:
            select_columns(twice, INTERACTIONS, {})
        assert refused.value.reason == "ambiguous_column"

    @pytest.mark.parametrize(
        ("type_", "fits"),
        [
            (pa.null(), True),
            (pa.int8(), True),
            (pa.dictionary(pa.int8(), pa.large_string()), True),
            (pa.float64(), True),
            (pa.decimal128(38, 0), True),
            (pa.binary(), True),
            (pa.binary(16), True),
            (pa.uuid(), True),
            (pa.bool_(), False),
            (pa.list_(pa.string()), False),
            (pa.struct([("a", pa.string())]), False),
            (pa.timestamp("us"), False),
        ],
    )
    def test_types_of_ids(self, type_: pa.DataType, fits: bool) -> None:
        found = pa.schema([("item_id", type_), ("title", "string")])
        if fits:
            assert select_columns(found, ITEMS, {}) == {"item_id": "item_id", "title": "title"}
        else:
            with pytest.raises(ColumnError):
                select_columns(found, ITEMS, {})

    def test_what_a_dataset_of_ours_has_fits_itself(self) -> None:
        for schema in (HISTORIES, ITEMS, INTERACTIONS, ERRORS):
            assert list(select_columns(schema.arrow, schema, {})) == schema.arrow.names


def test_errors_are_rows_of_their_dataset() -> None:
    rows = pa.record_batch({"a": [1, None], "b": [["x"], None]})
    made = error_rows("items", pa.array(["f", "g"]), pa.array([3, 4]), "bad", rows)
    ERRORS.check(made)
    assert [row["payload"] for row in made.to_pylist()] == ['a=1 b=["x"]', "a=null b=null"]
    ERRORS.check(file_error("items", "f", None, "not_parquet", "why"))
