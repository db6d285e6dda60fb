import pytest

from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiments.separation.tables import separation_table, threshold_table
from transforms.evaluation.metric_rows import MetricIndex, metric_batch, metric_row, point
from transforms.report.markdown import render_table
from transforms.report.table import Cell

USERS = metric_row("extract_users", point(5))
INDEX = MetricIndex(
    [
        metric_batch(
            [
                metric_row("separation_f1", Interval(0.9004, 0.88, 0.92, 9), method="Ward", k=2),
                metric_row("separation_ari", Interval(0.8, 0.7, 0.9, 9), method="Ward", k=2),
                metric_row("separation_f1", point(0.5), method="Ward", k=10),
                metric_row("separation_ari", Interval(-0.01, -0.02, 0.03, 9), method="Ward", k=10),
                metric_row("separation_f1", Interval(0.7, 0.6, 0.8, 9), method="Ward", k="all"),
                metric_row("separation_recall", Interval(1.0, 1.0, 1.0, 9), method="Ward", k="all"),
                metric_row("separation_best_threshold", point(1.30), method="Ward"),
                metric_row("separation_f1", Interval(0.9, 0.88, 0.92, 9), method="ICPC", k=2),
                metric_row("separation_f1", Interval(0.75, 0.7, 0.8, 9), method="ICPC", k="all"),
                metric_row("separation_fixed_threshold", point(0.05), method="ICPC"),
                metric_row("separation_f1", Interval(0.99, 0.98, 1.0, 9), method="oracle", k="all"),
                metric_row("separation_sweep_f1", point(0.7), method="Ward", threshold=1.3),
                metric_row("separation_sweep_f1", point(0.6), method="Ward", threshold=1.25),
                USERS,
            ]
        )
    ]
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
    ["oracle", *"–––––", "0.990 <sub>.980–1.000</sub>", "–"],
]


def test_the_table_reads_well() -> None:
    table = render_table(separation_table(INDEX))
    assert [line.strip("| ").split(" | ") for line in table.splitlines()] == EXPECTED
    assert table.endswith(" |\n")


def test_no_metrics_no_table() -> None:
    with pytest.raises(ValueError, match="the metrics have no separation_f1"):
        separation_table(MetricIndex([metric_batch([USERS])]))


def test_curves_are_by_threshold_and_the_evaluated_one_is_emphasized() -> None:
    (row,) = threshold_table(INDEX).rows
    assert row == (Cell("Ward"), Cell("1.3: .700", is_emphasized=True), Cell("1.25: .600 · 1.3: .700"))
