import pyarrow as pa
import pytest

from schemas import METRICS
from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.metric_rows import MetricIndex, metric_batch, metric_row, point, value_cell
from transforms.report.table import Cell

ROWS = metric_batch(
    [
        metric_row("f1", Interval(0.12345, 0.1, 0.25, 3), method="a"),
        metric_row("drop", Interval(-0.01, -0.02, 0.0, 3), method="a"),
        metric_row("users", point(12345.0)),
    ]
)
INDEX = MetricIndex([ROWS.slice(2), ROWS.slice(0, 2)])


def test_rows_are_valid() -> None:
    METRICS.check(ROWS)
    users = ROWS.to_pylist()[2]
    assert (users["slice"], users["low"], users["n"]) == ("", None, None)


def test_values_are_looked_up() -> None:
    assert INDEX.get("f1", method="a") == Interval(0.12345, 0.1, 0.25, 3)
    assert INDEX.get("f1", method="b") is None
    assert INDEX.slices("f1") == [{"method": "a"}]
    with pytest.raises(ValueError, match="the metrics have no recall"):
        INDEX.require("recall")


def test_cells() -> None:
    assert INDEX.cell("f1", method="a") == Cell("0.123", ".100–.250")
    assert INDEX.cell("drop", method="a") == Cell("-0.010", "-.020–.000")
    assert INDEX.cell("users") == Cell("12345.000")
    assert INDEX.cell("f1", method="b") == Cell("–")
    assert value_cell(INDEX.get("drop", method="a"), "{:+.1f}".format, " to ") == Cell("-0.0", "-.0 to +.0")


def test_counts() -> None:
    assert INDEX.count("users") == "12,345"
    with pytest.raises(KeyError):
        INDEX.count("users", method="b")


def test_no_rows() -> None:
    assert MetricIndex([]).slices("f1") == []
    assert metric_batch([]).schema == METRICS.arrow == pa.schema(METRICS.arrow)
