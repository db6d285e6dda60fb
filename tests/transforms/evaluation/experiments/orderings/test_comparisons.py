"""Comparisons of rows that are written by hand."""

import math

import pytest

from tests.transforms.evaluation.experiments.orderings.builders import about, batch, evaluation, with_provenance
from transforms.evaluation.experiments.orderings.comparisons import Methods, Recorded, Rows, Seeds, Sets, Target
from transforms.evaluation.experiments.orderings.evaluations import Pattern, read_evaluations, workspace_name

NAMES = Methods("naming_{}", ("bleurt", "similarity"), "method", "prompt-tuned", "few-shot")


def test_the_paired_difference_is_preferred_in_either_direction() -> None:
    values = {
        ("naming_similarity", f"method={name}"): about(value)
        for name, value in (("few-shot", 0.4), ("prompt-tuned", 0.5))
    }
    difference = "naming_similarity_difference"
    forward = values | {(difference, "method=prompt-tuned/baseline=few-shot"): (0.1, 0.05, 0.2)}
    backward = values | {(difference, "method=few-shot/baseline=prompt-tuned"): (-0.1, -0.2, -0.05)}
    for each in (forward, backward):
        (line,) = NAMES.lines([evaluation("n1", each)])
        assert (line.evaluation, line.measure, line.kind) == ("n1", "similarity", "paired")
        assert line.difference == pytest.approx((0.1, 0.05, 0.2, 100))
    (line,) = NAMES.lines([evaluation("n1", values)])
    assert line.kind == "independent"
    assert line.difference[:3] == pytest.approx((0.1, 0.1 - math.sqrt(2) / 100, 0.1 + math.sqrt(2) / 100))


def test_nothing_is_compared_without_both_rows() -> None:
    one = evaluation("n1", {("naming_similarity", "method=few-shot"): about(0.4)})
    assert list(NAMES.lines([one, evaluation("empty", {})])) == []


def test_methods_on_a_set_of_examples() -> None:
    rows = {("naming_similarity", f"method={name}"): about(0.4) for name in ("few-shot", "prompt-tuned")}
    of_sets = [
        evaluation(name, rows | {("naming_example_set", f"set={name.upper()}"): (100.0, math.nan, math.nan)})
        for name in ("n1", "n2")
    ]
    comparison = Methods("naming_{}", ("similarity",), "method", "prompt-tuned", "few-shot", example_set="N2")
    assert [line.evaluation for line in comparison.lines([*of_sets, evaluation("other", rows)])] == ["n2"]


def test_a_method_with_the_name_of_an_encoder() -> None:
    rows = {
        ("separation_recall", "method=ICPC with refinement, static/k=all"): about(0.9),
        ("separation_recall", "method=ICPC with refinement, static/k=2"): about(0.1),
        ("separation_recall", "method=co-occurrence/k=all"): about(0.8),
    }
    comparison = Methods("separation_{}", ("recall",), "method", "ICPC with refinement", "co-occurrence", "k=all")
    (line,) = comparison.lines([evaluation("mixed", rows)])
    assert line.first is not None
    assert line.first.value == 0.9
    assert line.difference.value == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("parts", "matches"),
    [
        ({"method": "ICPC", "k": "all"}, True),
        ({"k": "all", "method": "ICPC, terms"}, True),
        ({"method": "ICPC by evidence", "k": "all"}, False),
        ({"method": "ICPC"}, False),
        ({"method": "ICPC", "k": "all", "baseline": "x"}, False),
    ],
)
def test_patterns(parts: dict[str, str], matches: bool) -> None:
    assert Pattern.parse("m", "method=ICPC/k=all").matches(parts) == matches


def test_sets_are_compared_across_evaluations() -> None:
    evaluations = [
        evaluation(name, {("naming_safe", "method=x"): about(value), ("naming_example_set", f"set={of}"): about(1)})
        for name, of, value in (("curated", "N1", 0.99), ("users", "N3", 0.95), ("more", "N3", 0.97))
    ]
    lines = list(Sets("naming_safe", "safe", "method=x", "N1", "N3").lines(evaluations))
    assert [line.evaluation for line in lines] == ["curated, users", "curated, more"]
    assert [line.difference.value for line in lines] == pytest.approx([0.04, 0.02])


def test_recorded_differences_by_threshold() -> None:
    rows = {
        ("gap", "threshold=0.1"): (0.2, 0.1, 0.3),
        ("share", "lists=aware/threshold=0.1"): about(0.7),
    }
    comparison = Recorded(
        "gap", {"0.1": "threshold=0.1", "0.5": "threshold=0.5"}, ("share", "lists=aware/threshold={}")
    )
    (line,) = comparison.lines([evaluation("shop", rows)])
    assert (line.measure, line.second, line.difference.low) == ("0.1", None, 0.1)
    assert line.first is not None
    assert line.first.value == 0.7


def test_counts_become_proportions() -> None:
    rows = {("uci", "lists=a"): (30.0, math.nan, math.nan), ("uci", "lists=b"): (10.0, math.nan, math.nan)}
    of_rows = {"first": {"UCI": ("uci", "lists=a")}, "second": {"UCI": ("uci", "lists=b")}}
    (line,) = Rows(**of_rows, are_counts=True).lines([evaluation("films", rows)])
    assert line.difference.value == pytest.approx(0.2)
    assert line.difference.low > 0.08
    (line,) = Rows(**of_rows).lines([evaluation("films", rows)])
    assert math.isnan(line.difference.low)


def test_seeds() -> None:
    rows = {
        ("gini", f"selection={name}/seed={seed}"): (value + seed / 100, math.nan, math.nan)
        for name, value in (("balanced", 0.2), ("frequent", 0.5))
        for seed in range(3)
    }
    (line,) = Seeds("{}", ("gini", "coverage"), "selection=balanced", "selection=frequent").lines(
        [evaluation("films", rows)]
    )
    assert line.first is not None
    assert line.first.value == pytest.approx(0.21)
    assert line.difference == pytest.approx((-0.3, -0.3, -0.3, 3))


def test_a_number_of_the_paper() -> None:
    rows = {("fraction", "journeys=1-3"): (0.75, 0.72, 0.78)}
    (line,) = Target("fraction", "journeys=1-3", "fraction", 0.7).lines([evaluation("films", rows)])
    assert line.difference == pytest.approx((0.05, 0.02, 0.08, 100))


def test_metrics_are_read_by_workspace() -> None:
    first, second = batch({("a", ""): about(1)}), batch({("a", ""): about(2), ("b", "k=1"): about(3)})
    of_other_job = batch({("a", ""): about(9)}).to_pylist()
    other = with_provenance(
        batch({}).from_pylist([{**of_other_job[0], "pipeline": "name"}], first.schema), "/w/z/metrics/p"
    )
    parts = [
        with_provenance(second.slice(1), "/w/shop/metrics/part-1.parquet"),
        with_provenance(first, "s3://bucket/films/metrics/part-0.parquet"),
        with_provenance(second.slice(0, 1), "/w/shop/metrics/part-0.parquet"),
        other,
    ]
    found = read_evaluations(parts)
    assert [each.name for each in found] == ["films", "shop"]
    assert found[1].index.value("b", k=1) == 3
    assert found[1].index.value("a") == 2
    assert workspace_name("/w/shop/metrics/part-1.parquet") == "shop"
