import pyarrow as pa
import pytest

from tests.transforms.evaluation.experiments.naming.builders import example, examples, made_examples
from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiments.naming.config import NamingExperimentConfig, NamingMethod
from transforms.evaluation.experiments.naming.experiment import NamingExperiment
from transforms.evaluation.experiments.naming.tables import MAX_SAMPLES, differences_table, scores_table
from transforms.evaluation.metric_rows import MetricIndex, metric_batch, metric_row
from transforms.report.table import Table

METRICS = metric_batch(
    [
        metric_row("naming_bleu", Interval(10.26, 8.04, 12.5, 9), method="b"),
        metric_row("naming_bleu", Interval(0.31, 0.0, 1.0, 9), method="a"),
        metric_row("naming_mrr", Interval(0.5, 0.25, 1.0, 9), method="b"),
        metric_row("naming_mrr", Interval(0.5, 0.25, 1.0, 9), method="other"),
        metric_row("naming_prompt_tokens", Interval(1234.5, 1000, 2000, 9), method="b"),
        metric_row("naming_bleu_difference", Interval(-9.95, -12.0, 3.0, 9), method="b", baseline="a"),
        *(
            metric_row(f"naming_{name}", Interval(value, 0, 0, 1))
            for name, value in (("examples_scored", 1000), ("examples_test", 2345), ("sources", 7))
        ),
    ]
)


def cells(table: Table) -> list[list[tuple[str, str]]]:
    return [[cell[:2] for cell in row] for row in table.rows]


def experiment(*kinds: str, seed: int = 0) -> NamingExperiment:
    return NamingExperiment(NamingExperimentConfig(tuple(NamingMethod(kind, kind) for kind in kinds), seed=seed))  # type: ignore[arg-type]


def test_a_row_for_each_method_in_their_order() -> None:
    table = scores_table(MetricIndex([METRICS]), ["b", "a"])
    assert [column.title for column in table.columns] == ["method", "SacreBLEU", "MRR", "prompt tokens"]
    assert cells(table) == [
        [("b", ""), ("10.3", "8.0–12.5"), ("0.500", ".250–1.000"), ("1234", "1000–2000")],
        [("a", ""), ("0.3", ".0–1.0"), ("–", ""), ("–", "")],
    ]


def test_differences_have_signs() -> None:
    table = differences_table(MetricIndex([METRICS]), ["a", "b"])
    assert cells(table) == [[("b", ""), ("-9.9", "-12.0 to +3.0")]]
    assert table.title == "Differences to a"


def test_the_description_of_the_data() -> None:
    text = "\n".join(experiment("salient", seed=5).describe([METRICS]))
    assert "1,000 of 2,345 of the test split, from 7 sources" in text
    assert "SacreBLEU: nrefs:1" in text
    assert "with seed 5." in text


def test_no_metrics() -> None:
    with pytest.raises(ValueError, match="no naming_bleu"):
        experiment("salient").tables([pa.RecordBatch.from_pylist([], METRICS.schema)])


class TestSamples:
    METHODS = ("first_title", "medoid_title", "reference")

    def samples(self, rows: pa.RecordBatch) -> Table:
        (table,) = experiment(*self.METHODS).samples({"naming_examples": [rows]}.__getitem__)
        return table

    def test_a_column_for_each_method_without_vectors(self) -> None:
        rows = [example("Tea | pots", ["Pots of tea", "b"]), example("Chess", ["c"]), example("Cars", [])]
        table = self.samples(examples(rows))
        assert [column.title for column in table.columns] == ["reference", "first_title"]
        names = [[cell.text for cell in row] for row in table.rows]
        assert sorted(names) == [["Cars", "–"], ["Chess", "c"], ["Tea | pots", "Pots of tea"]]

    def test_there_are_not_many(self) -> None:
        assert len(self.samples(examples(made_examples(30))).rows) == MAX_SAMPLES
