import pyarrow as pa
import pytest

from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiments.naming.tables import describe_naming, differences_table, names_table
from transforms.evaluation.figures import metric_batch, metric_row
from transforms.evaluation.page import cells_of

METRICS = metric_batch(
    [
        metric_row("naming_bleu", "b", Interval(10.26, 8.04, 12.5, 9)),
        metric_row("naming_bleu", "a", Interval(0.31, 0.0, 1.0, 9)),
        metric_row("naming_mrr", "b", Interval(0.5, 0.25, 1.0, 9)),
        metric_row("naming_mrr", "other", Interval(0.5, 0.25, 1.0, 9)),
        metric_row("naming_prompt_tokens", "b", Interval(1234.5, 1000, 2000, 9)),
        metric_row("naming_bleu_difference", "b - a", Interval(-9.95, -12.0, 3.0, 9)),
        *(
            metric_row(f"naming_{name}", "", Interval(value, 0, 0, 1))
            for name, value in (("examples_judged", 1000), ("examples_held_out", 2345), ("sources", 7))
        ),
    ]
)


def test_a_row_for_each_way_in_their_order() -> None:
    assert names_table([METRICS], ["b", "a"]) == (
        "| way | SacreBLEU | MRR | prompt tokens |\n"
        "| --- | ---: | ---: | ---: |\n"
        "| b | 10.3 <sub>8.0–12.5</sub> | 0.500 <sub>0.250–1.000</sub> | 1234 <sub>1000–2000</sub> |\n"
        "| a | 0.3 <sub>0.0–1.0</sub> | – | – |\n"
    )


def test_differences_have_signs() -> None:
    table = differences_table([METRICS], ["a", "b"])
    assert table.splitlines()[2] == "| b | -9.9 <sub>-12.0 to +3.0</sub> |"
    assert cells_of(table)[1][1].ends == "-12.0 to +3.0"


def test_what_was_measured_on_what() -> None:
    told = describe_naming([METRICS], {"signatures": {"bleu": "nrefs:1", "chrf": "nc:6"}, "seed": 5})
    assert "1,000 of 2,345 that were held out, of 7 sources" in told
    assert "SacreBLEU: nrefs:1; chrF: nc:6." in told
    assert "with seed 5." in told


def test_no_figures() -> None:
    with pytest.raises(ValueError, match="no figures of names"):
        names_table([pa.RecordBatch.from_pylist([], METRICS.schema)], ["a"])
