import apache_beam as beam

from schemas import ERRORS, METRICS
from tests.transforms.beam_testing import run_graph
from transforms.columnar import concatenate
from transforms.datasets.coercion import file_error
from transforms.datasets.counts import SumCounts, count, count_errors, metric_rows


def test_metrics_are_rows_of_their_dataset() -> None:
    rows = metric_rows("extract", [(("users", ""), 3), (("dropped", "b"), 1), (("dropped", "a"), 2)])
    METRICS.check(rows)
    assert [(row["metric"], row["slice"], row["value"]) for row in rows.to_pylist()] == [
        ("dropped", "a", 2.0),
        ("dropped", "b", 1.0),
        ("users", "", 3.0),
    ]


def test_errors_are_counted_by_dataset_and_reason() -> None:
    errors = [
        file_error("items", "a", 1, "null_title", ""),
        file_error("items", "b", 2, "null_title", ""),
        file_error("interactions", "b", 2, "null_title", ""),
        file_error("items", "c", None, "not_parquet", ""),
    ]
    assert sorted(count_errors(concatenate(errors, ERRORS.arrow))) == [
        (("interactions_invalid", "null_title"), 1),
        (("items_invalid", "not_parquet"), 1),
        (("items_invalid", "null_title"), 2),
    ]
    assert list(count_errors(concatenate([], ERRORS.arrow))) == []


def test_counts_are_summed_over_collections() -> None:
    def build(pipeline: beam.Pipeline) -> dict[str, beam.PCollection]:
        first = pipeline | "First" >> beam.Create([count("read", 2), count("read", 3), count("dropped", 1, "a")])
        second = pipeline | "Second" >> beam.Create([count("read", 5), count("dropped", 1, "b")])
        return {"sums": (first, second) | SumCounts()}

    assert dict(run_graph(build)["sums"]) == {("read", ""): 10, ("dropped", "a"): 1, ("dropped", "b"): 1}
