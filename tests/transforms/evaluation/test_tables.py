import pyarrow as pa
import pytest

from schemas import METRICS
from transforms.evaluation.tables import separation_table


def rows(*figures: tuple[str, str, float, float | None, float | None]) -> list[pa.RecordBatch]:
    names = ("metric", "slice", "value", "low", "high")
    return [
        pa.RecordBatch.from_pylist(
            [dict(zip(names, figure, strict=True), pipeline="evaluate", n=None) for figure in figures], METRICS.arrow
        )
    ]


FIGURES = rows(
    ("e2_f1", "Ward/k=2", 0.9004, 0.88, 0.92),
    ("e2_ari", "Ward/k=2", 0.8, 0.7, 0.9),
    ("e2_f1", "Ward/k=10", 0.5, None, None),
    ("e2_ari", "Ward/k=10", -0.01, -0.02, 0.03),
    ("e2_f1", "Ward/all", 0.7, 0.6, 0.8),
    ("e2_recall", "Ward/all", 1.0, 1.0, 1.0),
    ("e2_best_threshold", "Ward", 1.30, None, None),
    ("e2_f1", "ICPC/k=2", 0.9, 0.88, 0.92),
    ("e2_f1", "ICPC/all", 0.75, 0.7, 0.8),
    ("e2_fixed_threshold", "ICPC", 0.05, None, None),
    ("e2_f1", "told/all", 0.99, 0.98, 1.0),
    ("extract_users", "", 5, None, None),
)

EXPECTED = [
    ["method", "threshold", "k=2 F1", "k=2 ARI", "k=10 F1", "k=10 ARI", "mean F1", "mean recall"],
    ["---", *["---:"] * 7],
    ["ICPC", "0.05*", "**0.900** <sub>.880–.920</sub>", *"–––", "**0.750** <sub>.700–.800</sub>", "–"],
    [
        "Ward",
        "1.3",
        "**0.900** <sub>.880–.920</sub>",
        "**0.800** <sub>.700–.900</sub>",
        "**0.500**",
        "**-0.010** <sub>-.020–.030</sub>",
        "0.700 <sub>.600–.800</sub>",
        "**1.000** <sub>1.000–1.000</sub>",
    ],
    ["told", *"–––––", "0.990 <sub>.980–1.000</sub>", "–"],
]


def test_the_table_reads_well() -> None:
    table = separation_table(FIGURES)
    assert [line.strip("| ").split(" | ") for line in table.splitlines()] == EXPECTED
    assert table.endswith(" |\n")


def test_no_figures_no_table() -> None:
    with pytest.raises(ValueError, match="no figures of E2"):
        separation_table(rows(("extract_users", "", 5, None, None)))
