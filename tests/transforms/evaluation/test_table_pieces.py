import pyarrow as pa
import pytest

from schemas import METRICS
from transforms.evaluation.table_pieces import amount, cell, figures_of, line

ROWS = [
    {"pipeline": "evaluate", "metric": "f1", "slice": "a", "value": 0.12345, "low": 0.1, "high": 0.25, "n": 3},
    {"pipeline": "evaluate", "metric": "drop", "slice": "a", "value": -0.01, "low": -0.02, "high": 0.0, "n": 3},
    {"pipeline": "evaluate", "metric": "users", "slice": "", "value": 12345.0, "low": None, "high": None, "n": None},
]
FIGURES = figures_of([pa.RecordBatch.from_pylist([row], METRICS.arrow) for row in ROWS])


def test_cells() -> None:
    assert cell(FIGURES["f1", "a"]) == "0.123 <sub>.100–.250</sub>"
    assert cell(FIGURES["drop", "a"]) == "-0.010 <sub>-.020–.000</sub>"
    assert cell(FIGURES["users", ""]) == "12345.000"
    assert cell(FIGURES.get(("f1", "b"))) == "–"


def test_amounts() -> None:
    assert amount(FIGURES, "users", "") == "12,345"
    with pytest.raises(KeyError):
        amount(FIGURES, "users", "b")


def test_lines() -> None:
    assert line(["a", "", "c"]) == "| a |  | c |"
