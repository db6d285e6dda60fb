"""Texts of times that are not ISO 8601: how to convert them, checked by what reads the form."""

import datetime

import pyarrow as pa
import pytest

from transforms.datasets.time_forms import conversion_of_texts
from transforms.datasets.times import times_of_texts
from transforms.ingestion.dates import to_iso

MONTH_FIRST, DAY_FIRST = "--date_order=month_first", "--date_order=day_first"


@pytest.mark.parametrize(
    ("texts", "options"),
    [
        (["01/15/2024", "02/01/2024"], MONTH_FIRST),
        (["01.02.2024 13:30", "15.01.2024 08:00"], DAY_FIRST),
        (["15-1-2024 13:30:05"], DAY_FIRST),
        (["13.02.2024 01:24:00.123"], DAY_FIRST),
        (["12/31/2019, 8:05:00 PM"], MONTH_FIRST),
        (["01/02/2024"], f"{MONTH_FIRST} or {DAY_FIRST}"),
    ],
)
def test_forms_that_ingest_reads(texts: list[str], options: str) -> None:
    assert (
        conversion_of_texts(pa.array(texts), "ts")
        == "convert it: python -m pipelines.ingest --format=parquet --input=LOG --items_input=ITEMS --workspace=NEW "
        f"{options}"
    )
    order = "month_first" if MONTH_FIRST in options else "day_first"
    assert not any(times_of_texts(to_iso(pa.array(texts), order), "us").unreadable.to_pylist())


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["Mon, 01 Jan 2024 01:24:00 GMT"], "%a, %d %b %Y %H:%M:%S %Z"),
        (["Mon, 1 Jan 2024 01:24:00 +0200"], "%a, %d %b %Y %H:%M:%S %z"),
        (["Mon Jan  1 01:24:00 +0000 2024", "Thu Jan 11 01:24:00 +0000 2024"], "%a %b %d %H:%M:%S %z %Y"),
        (["Jan 01, 2024 01:24 AM"], "%b %d, %Y %I:%M %p"),
        (["2 May 2024", "1 June 2024"], "%d %B %Y"),
        (["01-Feb-24"], "%d-%b-%y"),
        (["01/Jan/2024:01:24:00 +0000"], "%d/%b/%Y:%H:%M:%S %z"),
        (["2024-01-01 01:24:00 EST"], "%Y-%m-%d %H:%M:%S %Z"),
        (["2024-01-01T01:24:00+01:00[Europe/Berlin]"], "%Y-%m-%dT%H:%M:%S%z[%Z]"),
        (["2024.01.15 12:00"], "%Y.%m.%d %H:%M"),
        (["12/31/2019 8:05:00 PM EST"], "%m/%d/%Y %I:%M:%S %p %Z"),
        (["13/02/24"], "%d/%m/%y"),
    ],
)
def test_forms_of_duckdb(texts: list[str], expected: str) -> None:
    found = conversion_of_texts(pa.array(texts), "ts")
    assert found.startswith(f"convert it, in DuckDB: COPY (SELECT * REPLACE (strptime(ts, '{expected}') AS ts) FROM")
    if "%Z" not in expected:
        plain = " ".join(texts[0].split())
        assert datetime.datetime.strptime(plain, expected).year in (2019, 2024)  # noqa: DTZ007 - the year alone


def test_a_form_with_both_orders_and_a_name_with_spaces() -> None:
    found = conversion_of_texts(pa.array(["01/02/24"]), "my time")
    assert "strptime(NAME, '%m/%d/%y') AS NAME" in found
    assert found.endswith("'NEW.parquet', or '%d/%m/%y' if the day comes first")


@pytest.mark.parametrize("texts", [["noon"], ["Monday"], ["12:30"], ["1 2 3 4"], ["%d 2024"], ["01/15/2024", "soon"]])
def test_texts_of_no_form(texts: list[str]) -> None:
    assert conversion_of_texts(pa.array(texts), "ts") == "convert the column to a timestamp"
