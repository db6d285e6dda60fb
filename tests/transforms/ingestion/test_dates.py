import datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.datasets.times import times_of_texts
from transforms.ingestion.dates import find_date_order, to_iso
from transforms.ingestion.layout import DateOrder

TIMES = st.integers(-2_000_000_000, 4_000_000_000).map(
    lambda seconds: datetime.datetime.fromtimestamp(seconds, tz=datetime.UTC)
)


@pytest.mark.parametrize(
    ("text", "order", "iso"),
    [
        ("11/15/2019 8:55:22 AM", "month_first", "2019-11-15T8:55:22"),
        ("11/15/2019 12:00:05 AM", "month_first", "2019-11-15T0:00:05"),
        ("11/15/2019 12:30:00 PM", "month_first", "2019-11-15T12:30:00"),
        ("11/15/2019 1:30 pm", "month_first", "2019-11-15T13:30"),
        ("15.11.2019", "day_first", "2019-11-15"),
        ("01-12-2010 08:26", "day_first", "2010-12-01T8:26"),
        ("2010-12-01 08:26:00", "month_first", "2010-12-01 08:26:00"),
        ("soon", "month_first", "soon"),
        (None, "month_first", None),
        ("1/2/2019", "", "1/2/2019"),
    ],
)
def test_examples(text: str | None, order: DateOrder, iso: str | None) -> None:
    assert to_iso(pa.array([text], pa.string()), order).to_pylist() == [iso]


def test_an_hour_that_does_not_exist_is_no_time() -> None:
    iso = to_iso(pa.array(["1/2/2019 13:00 PM", "1/2/2019 0:10 AM"]), "month_first")
    assert times_of_texts(iso, "auto").unreadable.to_pylist() == [True, True]


@given(st.lists(TIMES, min_size=1, max_size=5))
def test_every_time_of_day_is_read_in_both_forms(times: list[datetime.datetime]) -> None:
    for order, pattern in (("month_first", "%m/%d/%Y %I:%M:%S %p"), ("day_first", "%d.%m.%Y %H:%M:%S")):
        texts = pa.array([time.strftime(pattern) for time in times])
        assert times_of_texts(to_iso(texts, order), "auto").times.to_pylist() == times  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("texts", "order"),
    [
        (["11/15/2019", "01/02/2019"], "month_first"),
        (["15.11.2019", "01.02.2019"], "day_first"),
        (["01/02/2019", "03/04/2019"], None),
        (["2019-01-02"], ""),
        (["5/6/2019", "x", "y"], ""),
        ([], ""),
    ],
)
def test_a_number_above_12_is_a_day(texts: list[str], order: DateOrder | None) -> None:
    assert find_date_order(pa.array(texts, pa.string())) == order
