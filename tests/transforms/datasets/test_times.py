import datetime

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import INTERACTIONS
from transforms.datasets.casting import cast
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
    [
        *("2023-02-29", "2024-01-15T25:00", "2024-01-15T10:61:00", "15.01.2024", "01/15/2024", "2024-01-15T10:00 EST"),
        *("20240115T256000Z", "20240115T13245", "2024-01-15T13:24.5"),
    ],
)
def test_other_texts_are_no_times(text: str) -> None:
    assert times_of_texts(pa.array([text]), "auto").unreadable.to_pylist() == [True]


@pytest.mark.parametrize(
    "text", ["20240115T120000Z", "20240115T210000.000+0900", "20240115 1200", "1.70532e9", "1705320000", "1.70532E+12"]
)
def test_texts_of_other_forms(text: str) -> None:
    assert times_of_texts(pa.array([text]), "auto").times.to_pylist() == [NOON]


def test_texts_of_nothing() -> None:
    found = times_of_texts(pa.array([" NaT ", "", None]), "auto")
    assert found.times.to_pylist() == [None, None, None]
    assert not any(found.unreadable.to_pylist())


@pytest.mark.parametrize(
    ("values", "clue"),
    [
        (pa.array(["01/15/2024", "01/16/2024"]), "'01/15/2024', are no times: allowed are ISO 8601"),
        (pa.array(["20240115", "20240116"]), "--timestamp_unit=yyyymmdd"),
        (pa.array([0, 5, 100]), "give the unit that they have"),
        (pa.array([-2, 3, -7, 8]), "give the unit that they have"),
        (pa.array([17_000_000_000]), "the year 2200 or later"),
        (pa.array([1_705_320_000]).cast(pa.timestamp("ns")), "pandas.to_datetime without unit="),
        (pa.array([19, 20], pa.int32()).cast(pa.date32()), "pandas.to_datetime without unit="),
        (pa.array(["1970-01-20 17:42:00", "1970-01-20 17:43:00"]), "pandas.to_datetime without unit="),
        (
            pa.array([1_705_320_064.0, 1_705_320_192.0], pa.float32()),
            "rounded to multiples of 128: write them as integers",
        ),
        (pa.array([20231115132453]), "such as 20231115132453, look like dates of the form YYYYMMDDhhmmss, and"),
        (pa.array([202311]), "such as 202311, look like dates of the form YYYYMM, and"),
        (pa.array([0, 0, 20240115, 20240116]), "such as 20240115, look like dates of the form YYYYMMDD"),
        (pa.array([240115, 240116, 240131]), "probably dates of the form YYMMDD: convert them to timestamps"),
        (pa.array([990115, 990116, 991231]), "probably dates of the form YYMMDD: convert them to timestamps"),
        (pa.array([15012024, 1022024, 28022024]), "probably dates of the form DDMMYYYY: convert them"),
        (pa.array([1152024, 12312024]), "probably dates of the form MMDDYYYY: convert them"),
        (pa.array([150120241330, 280220240759]), "probably dates of the form DDMMYYYYhhmm: convert them"),
        (pa.array([739_205.56, 739_300.0]), "probably days since the year 0, as MATLAB counts: convert them"),
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
        pa.array([1_705_276_800.0, 1_705_363_200.0], pa.float32()),  # midnights, which floats hold exactly
        pa.array([datetime.date(1920, 5, 3)] * 9),  # a day of an old log
        pa.array([datetime.date(year, 1, 1) for year in range(1895, 1905)]),  # years of an old log
        pa.array([datetime.date(1970, 1, 1)] + [datetime.date(2024, 1, 15)] * 19),
    ],
)
def test_plausible_columns(values: pa.Array) -> None:
    assert implausible_times(values, "when") is None


TODAY = [datetime.datetime(2024, 1, day, tzinfo=UTC) for day in range(1, 28)]


@pytest.mark.parametrize(
    ("values", "time"),
    [
        (pa.array([-1] * 9), "1969-12-31 23:59:59"),
        (pa.array([0] * 9), "1970-01-01 00:00:00"),
        (pa.array([-2_208_988_800] * 9), "1900-01-01 00:00:00"),
        (pa.array([datetime.datetime(1900, 1, 1, tzinfo=UTC)] * 9), "1900-01-01 00:00:00"),
        (pa.array([datetime.date(1970, 1, 1)] * 9), "1970-01-01 00:00:00"),
        (pa.array(["1970-01-01T00:00:00+09:00"] * 9), "1969-12-31 15:00:00"),
        (pa.array(["1899-12-30"] * 9), "1899-12-30 00:00:00"),
        (pa.array([-4_852_202_631_933_722_624] * 9, pa.timestamp("ns")), "1816-03-29 05:56:08"),
        (pa.array([datetime.datetime(1970, 1, 1, tzinfo=UTC)] * 9 + TODAY), "1970-01-01 00:00:00"),
        (pa.array(["1970-01-01 00:00:00"] * 9 + [f"{time:%Y-%m-%d}" for time in TODAY]), "1970-01-01 00:00:00"),
    ],
)
def test_a_column_of_one_time_that_stands_for_unknown(values: pa.Array, time: str) -> None:
    message = implausible_times(values, "when") or ""
    assert f"times in column 'when' are {time}, " in message
    assert "which systems write for 'unknown'" in message


@pytest.mark.parametrize(
    ("number", "problem"),
    [
        (20240115, "probably_yyyymmdd"),
        (202401, "probably_yyyymmdd"),
        (990131, "probably_yymmdd"),
        (19_737, "probably_days"),
        (45_306.5, "probably_excel"),
        (2_460_325, "probably_julian"),
        (473_700, "probably_hours"),
        (739_205.5, "probably_matlab"),
        (15012024, "probably_ddmmyyyy"),
        (1012024, "probably_ddmmyyyy"),
        (1312024, "probably_mmddyyyy"),
        (240115, "probably_yymmdd"),
        (-1, "not_a_time"),
        (0, "not_a_time"),
        (3600, "not_a_time"),
    ],
)
def test_a_number_that_is_no_time_of_a_log_says_what_it_is(number: float, problem: str) -> None:
    """Also among others that are times, where its column is read."""
    column = INTERACTIONS.column("timestamp")
    for values in (pa.array([ENCODED["s"], number, None]), pa.array([str(ENCODED["s"]), f"{number}", None])):
        found = cast(values, column)
        assert found.values.to_pylist() == [NOON, None, None]
        assert found.unreadable is not None
        assert found.unreadable.to_pylist() == [False, True, False]
        assert pc.binary_join_element_wise(found.problem, pa.array(["", "", ""]), "").to_pylist()[1] == problem
        assert cast(values, column, "s").values.null_count == 1  # of a unit that is given, all are times


@pytest.mark.parametrize("number", [28_422_000, 631_152_000, -86_401, -1_700_000_000, 300_000_000_000])
def test_a_number_that_may_be_a_time_of_an_old_log_is_read(number: int) -> None:
    assert cast(pa.array([number]), INTERACTIONS.column("timestamp")).values.null_count == 0


def test_a_column_of_the_future() -> None:
    column, now = INTERACTIONS.column("timestamp"), ENCODED["s"]
    later = pa.array([now + 864_000] * 9 + [now - 1])
    assert "lie in the future, such as 2024-01-25" in (future_times(later, "when", column, "auto", now) or "")
    assert "50% of the times" in (future_times(pa.array([now + 864_000, now - 1]), "when", column, "auto", now) or "")
    assert future_times(pa.array([now + 864_000] + [now - 1] * 9), "when", column, "auto", now) is None
    assert future_times(pa.array([now + 3600] * 9), "when", column, "auto", now) is None
