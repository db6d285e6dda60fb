import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import INTERACTIONS
from transforms.datasets.implausible_times import future_times, implausible_times
from transforms.datasets.times import times_of_numbers, times_of_texts

UTC = datetime.UTC
NOON = datetime.datetime(2024, 1, 15, 12, tzinfo=UTC)
ENCODED = {
    "s": 1_705_320_000,
    "ms": 1_705_320_000_000,
    "us": 1_705_320_000_000_000,
    "ns": 1_705_320_000_000_000_000,
    "minutes": 28_422_000,
    "hours": 473_700,
    "days": 19_737.5,
    "yyyymmdd": 2024011512,
    "excel": 45_306.5,
    "julian": 2_460_325.0,
    "ticks": 638_409_168_000_000_000,
    "filetime": 133_497_936_000_000_000,
    "webkit": 13_349_793_600_000_000,
}
"""The same time in each unit."""


@pytest.mark.parametrize("unit", ENCODED)
def test_each_unit(unit: str) -> None:
    assert times_of_numbers(pa.array([ENCODED[unit]]), unit).times.to_pylist() == [NOON]


@pytest.mark.parametrize("unit", ENCODED)
def test_a_column_of_another_unit_names_it(unit: str) -> None:
    message = implausible_times(pa.array([ENCODED[unit], ENCODED[unit] + 1]), "when")
    if unit in ("s", "ms", "us", "ns"):
        assert message is None
    else:
        assert message is not None
        assert f"column 'when', such as {ENCODED[unit]}"[:36].removesuffix(".0") in message
        assert f"--timestamp_unit={unit}" in message


@pytest.mark.parametrize(
    ("digits", "time"),
    [
        (202402, datetime.datetime(2024, 2, 1, tzinfo=UTC)),
        (20240229, datetime.datetime(2024, 2, 29, tzinfo=UTC)),
        (202401151330, datetime.datetime(2024, 1, 15, 13, 30, tzinfo=UTC)),
        (20240115133059, datetime.datetime(2024, 1, 15, 13, 30, 59, tzinfo=UTC)),
        (20240115133059250, datetime.datetime(2024, 1, 15, 13, 30, 59, 250_000, tzinfo=UTC)),
        (20230229, None),
        (20241301, None),
        (2024011524, None),
        (2024, None),
        (-20240115, None),
    ],
)
def test_digits_of_dates(digits: int, time: datetime.datetime | None) -> None:
    found = times_of_numbers(pa.array([digits]), "yyyymmdd")
    assert found.times.to_pylist() == [time]
    assert found.unreadable.to_pylist() == [time is None]


ZONES = st.sampled_from(["", "Z", "+00:00", "+09:00", "-0330", "+05", " UTC"])
OFFSETS = {"": 0, "Z": 0, "+00:00": 0, " UTC": 0, "+09:00": 540, "-0330": -210, "+05": 300}


@given(st.integers(-5_000_000_000_000_000, 7_000_000_000_000_000), ZONES, st.sampled_from(["T", " "]))
def test_iso_texts_are_what_python_reads(microseconds: int, zone: str, between: str) -> None:
    local = datetime.datetime(1970, 1, 1, tzinfo=UTC) + datetime.timedelta(microseconds=microseconds)
    text = local.replace(tzinfo=None).isoformat(between) + zone
    expected = local - datetime.timedelta(minutes=OFFSETS[zone])
    assert times_of_texts(pa.array([text, local.date().isoformat()]), "auto").times.to_pylist() == [
        expected,
        datetime.datetime.combine(local.date(), datetime.time(), UTC),
    ]


@pytest.mark.parametrize(
    "text",
    ["2023-02-29", "2024-01-15T25:00", "2024-01-15T10:61:00", "15.01.2024", "01/15/2024", "2024-01-15T10:00 EST"],
)
def test_other_texts_are_no_times(text: str) -> None:
    assert times_of_texts(pa.array([text]), "auto").unreadable.to_pylist() == [True]


def test_texts_of_numbers_and_of_nothing() -> None:
    found = times_of_texts(pa.array(["1705320000", " NaT ", "", None]), "auto")
    assert found.times.to_pylist() == [NOON, None, None, None]
    assert not any(found.unreadable.to_pylist())


@pytest.mark.parametrize(
    ("values", "clue"),
    [
        (pa.array(["01/15/2024", "01/16/2024"]), "'01/15/2024', are no times: allowed are ISO 8601"),
        (pa.array(["20240115", "20240116"]), "--timestamp_unit=yyyymmdd"),
        (pa.array([0, 5, 100]), "give the unit that they have"),
        (pa.array([17_000_000_000]), "the year 2200 or later"),
        (pa.array([1_705_320_000]).cast(pa.timestamp("ns")), "pandas.to_datetime without unit="),
    ],
)
def test_implausible_columns(values: pa.Array, clue: str) -> None:
    assert clue in (implausible_times(values, "when") or "")


@pytest.mark.parametrize(
    "values",
    [
        pa.array([], pa.int64()),
        pa.array([None, None], pa.float64()),
        pa.array([-1_700_000_000, -1_600_000_000]),  # before 1970 on purpose
        pa.array([1_705_320_000] * 8 + [0, 19_737]),  # a few wrong rows do not make a wrong column
        pa.array(["2024-01-15"] * 8 + ["unknown", ""]),
        pa.array([1_705_320_000_000]).cast(pa.timestamp("ms")),
    ],
)
def test_plausible_columns(values: pa.Array) -> None:
    assert implausible_times(values, "when") is None


def test_a_column_of_the_future() -> None:
    column, now = INTERACTIONS.column("timestamp"), ENCODED["s"]
    later = pa.array([now + 864_000] * 9 + [now - 1])
    assert "lie in the future, such as 2024-01-25" in (future_times(later, "when", column, "auto", now) or "")
    assert future_times(pa.array([now + 864_000, now - 1]), "when", column, "auto", now) is None
    assert future_times(pa.array([now + 3600] * 9), "when", column, "auto", now) is None
