"""Claims by metrics that are written by hand."""

import math

import pytest

from tests.transforms.evaluation.experiments.orderings.builders import about, batch, evaluation, with_provenance
from transforms.evaluation.experiments.orderings.claims import CLAIMS, Claim
from transforms.evaluation.experiments.orderings.comparisons import Methods
from transforms.evaluation.experiments.orderings.judging import judge, ordering_metrics
from transforms.evaluation.experiments.orderings.tables import comparisons_table, summary_table, untestable_table
from transforms.evaluation.metric_rows import MetricIndex

NAMES = {
    ("naming_example_set", "set=N3"): (50.0, math.nan, math.nan),
    ("naming_similarity", "method=few-shot"): about(0.3),
    ("naming_similarity", "method=prompt-tuned"): about(0.4),
    ("naming_similarity", "method=fine-tuned"): about(0.5),
    ("naming_similarity_difference", "method=few-shot/baseline=prompt-tuned"): (-0.1, -0.12, -0.08),
    ("naming_similarity_difference", "method=fine-tuned/baseline=prompt-tuned"): (0.1, 0.05, 0.15),
}
SHOP = {
    ("recommendation_similarity_gap", "threshold=0.1"): (0.10, 0.08, 0.12),
    ("recommendation_similarity_gap", "threshold=0.3"): (0.30, 0.25, 0.35),
    ("recommendation_similarity_gap", "threshold=0.5"): (0.29, 0.24, 0.34),
}


def judged() -> MetricIndex:
    parts = [(batch(NAMES), "/w/n3/metrics/part-0.parquet"), (batch(SHOP), "/w/shop/metrics/part-0.parquet")]
    return MetricIndex([ordering_metrics([with_provenance(*each) for each in parts])])


def verdicts(index: MetricIndex, claim: str) -> dict[tuple[str, str], str]:
    found = [parts for parts in index.slices("orderings_verdict") if parts["claim"] == claim]
    return {(parts.get("evaluation", ""), parts.get("measure", "")): parts["verdict"] for parts in found}


def test_verdicts_of_all_claims() -> None:
    index = judged()
    assert verdicts(index, "prompt-tuned above few-shot on N3") == {("n3", "similarity"): "reproduced"}
    assert verdicts(index, "prompt-tuned above fine-tuned on N3") == {("n3", "similarity"): "not reproduced"}
    assert verdicts(index, "prompt-tuned above few-shot on N1") == {("", ""): "not testable"}
    assert verdicts(index, "gap grows with the threshold") == {
        ("shop", "gap at 0.3 and 0.1"): "reproduced",
        ("shop", "gap at 0.5 and 0.3"): "undecided",
    }
    place = {"claim": "prompt-tuned above few-shot on N3", "evaluation": "n3", "measure": "similarity"}
    assert index.get("orderings_difference", **place) == pytest.approx((0.1, 0.08, 0.12, 100))
    assert index.value("orderings_first", **place) == 0.4
    assert index.value("orderings_second", **place) == 0.3
    counts = {
        parts["verdict"]: index.value("orderings_comparisons", **parts)
        for parts in index.slices("orderings_comparisons")
    }
    # Reproduced: prompt above few-shot, fine above few-shot, three gaps, one growth.
    assert counts == {"reproduced": 6, "not reproduced": 1, "undecided": 1, "not testable": len(CLAIMS) - 5}


def test_without_evaluations_nothing_is_testable() -> None:
    assert all(not each.lines for each in judge([]))


def test_the_direction_of_a_claim_decides() -> None:
    comparison = Methods("naming_{}", ("similarity",), "method", "fine-tuned", "few-shot")
    found = [
        judge([evaluation("n3", NAMES)], [Claim("c", "t", "p", "s", comparison, direction, "why")])[0].lines[0][1]
        for direction in ("more", "less")
    ]
    assert found == ["reproduced", "not reproduced"]


def test_tables() -> None:
    index = judged()
    summary = {line[1].text: line[2].text for line in summary_table(index).rows}
    assert len(summary) == len(CLAIMS)
    assert summary["the gap grows with the threshold of similarity"] == "reproduced (1); undecided (1)"
    assert summary["a prompt tuned on interviews is the worst"] == "not testable"
    compared = comparisons_table(index)
    gaps = [line for line in compared.rows if line[3].text.startswith("gap at")]
    assert [line[1].text for line in gaps] == ["the gap grows with the threshold of similarity", ""]
    assert [cell.text for cell in gaps[0][4:]] == ["0.300", "0.100", "+0.200", "independent", "reproduced"]
    untestable = {line[1].text: line[2].text for line in untestable_table(index).rows}
    assert untestable["a prompt tuned on interviews is the worst"] == "there are no interviews"
    assert len(untestable) + len({line[1].text for line in compared.rows if line[1].text}) == len(CLAIMS)


def test_names_and_texts_of_claims_are_distinct() -> None:
    assert len({claim.name for claim in CLAIMS}) == len({claim.text for claim in CLAIMS}) == len(CLAIMS)


def test_a_claim_says_why_there_may_be_no_rows() -> None:
    with pytest.raises(ValueError, match="untestable must say why"):
        Claim("c", "t", "p", "s", None, "more", "")
