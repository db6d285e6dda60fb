from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.transforms.evaluation.exploration_samples import CLUSTERS, DAY, sample_of
from transforms.evaluation.experiments.best_of_n.config import BestOfNConfig
from transforms.evaluation.experiments.best_of_n.experiment import BestOfNExperiment, read_curves
from transforms.evaluation.experiments.best_of_n.plot import plot_curves
from transforms.evaluation.experiments.best_of_n.scoring import (
    GREEDY,
    SCORERS,
    evaluate_best_of_n,
    feedback_periods,
    mean_cosines,
    ordered_pairs_by_group,
    satisfaction,
)
from transforms.evaluation.metric_rows import MetricIndex
from transforms.exploration.feedback import Period
from transforms.exploration.transitions import NO_CLUSTER, FirstOccurrences, SplitTimes
from transforms.report.markdown import render_table

NUMBERS = (1, 4, 15)


@pytest.fixture(scope="module")
def metrics() -> pa.RecordBatch:
    """Users come back to even clusters alone."""
    sample = sample_of(lambda day: (1, 2), lambda cluster: cluster % 2 == 0)
    return evaluate_best_of_n(sample, BestOfNConfig(candidate_numbers=NUMBERS))


def test_models_find_who_comes_back(metrics: pa.RecordBatch) -> None:
    index = MetricIndex([metrics])
    for scorer in SCORERS:
        assert index.value("best_of_n_accuracy", scorer=scorer) > 0.95
        assert index.value("best_of_n_auc", scorer=scorer) > 0.95


def test_satisfaction_rises_with_the_candidates_and_a_sampled_one_has_less_recall(metrics: pa.RecordBatch) -> None:
    index = MetricIndex([metrics])
    for scorer in SCORERS:
        rates = [index.value("best_of_n_satisfaction", scorer=scorer, candidates=number) for number in NUMBERS]
        assert rates[0] < rates[1] <= rates[2] == 1
        sampled = index.value("best_of_n_recall", k=1, scorer=scorer, candidates=1)
        assert index.value("best_of_n_recall", k=1, scorer=GREEDY, candidates=0) > sampled


def test_one_candidate_is_the_same_for_every_scorer(metrics: pa.RecordBatch) -> None:
    points = {scorer: curve[0] for scorer, curve in read_curves([metrics]).items() if scorer != GREEDY}
    assert points.keys() == set(SCORERS)
    assert len(set(points.values())) == 1


def test_tables_and_plot(metrics: pa.RecordBatch, tmp_path: Path) -> None:
    curve, held_out = BestOfNExperiment().tables([metrics])
    assert [(row[0].text, row[1].text) for row in curve.rows[:4]] == [
        (GREEDY, "–"),
        *(("pairwise", str(number)) for number in NUMBERS),
    ]
    assert "–" not in {cell.text for row in curve.rows for cell in row[2:]}
    assert len(held_out.rows) == len(SCORERS)
    assert render_table(curve)
    for name in "ab":
        plot_curves(read_curves([metrics]), tmp_path / f"{name}.svg")
    first = (tmp_path / "a.svg").read_text(encoding="utf-8")
    assert first == (tmp_path / "b.svg").read_text(encoding="utf-8")
    assert all(f"<!-- {scorer} -->" in first for scorer in (*SCORERS, GREEDY))


def test_the_same_sample_gives_the_same_metrics(metrics: pa.RecordBatch) -> None:
    sample = sample_of(lambda day: (1, 2), lambda cluster: cluster % 2 == 0)
    assert evaluate_best_of_n(sample, BestOfNConfig(candidate_numbers=NUMBERS)).equals(metrics)


def test_satisfaction_by_hand() -> None:
    # Cluster 0: both users come back; 1: the second of two users; 2 is recommended, but no user consumed it.
    first = FirstOccurrences(np.array([0, 2, 4]), np.array([0, 1, 0, 1], np.int32), np.array([1, 2, 3, 4]))
    sample = sample_of(lambda day: (1, 2), lambda cluster: False, users=4)
    sample = sample._replace(first=first, return_times=np.array([2, 99, 4, 6]))
    traffic = np.zeros(CLUSTERS, np.int64)
    traffic[:3] = 1, 3, 5
    found = satisfaction(sample, Period(0, 10, horizon=5), traffic, seed=0)
    assert found.value == pytest.approx((1 * 1 + 3 * 0.5) / 4)
    assert found.n == 4


def test_pairs_in_the_right_order_by_hand() -> None:
    scores = np.array([1.0, 2.0, 2.0, 5.0, 1.0, 3.0])
    positive = np.array([False, True, False, True, True, True])
    right, pairs = ordered_pairs_by_group(scores, positive, np.array([0, 0, 0, 0, 1, 1]))
    # Group 0: 2 > 1, 2 = 2, 5 > 1, 5 > 2. In group 1 all are positive.
    assert (right.tolist(), pairs.tolist()) == ([3.5, 0], [4, 0])


def test_periods_have_equal_horizons() -> None:
    first = FirstOccurrences(np.array([0, 2]), np.array([0, 1], np.int32), np.array([10, 110]))
    periods = feedback_periods(first, SplitTimes(60, 70), 111, 0.5)
    assert periods == (Period(10, 70, 20), Period(70, 111, 20))


def test_cosines_of_short_contexts() -> None:
    cosines = np.array([[1.0, 0.5], [0.5, 1.0]])
    contexts = np.array([[NO_CLUSTER, 0], [0, 1]], np.int32)
    assert mean_cosines(cosines, contexts, np.array([1, 1], np.int32)).tolist() == [0.5, 0.75]


def test_without_feedback_nothing_is_fitted() -> None:
    sample = sample_of(lambda day: (1, 2), lambda cluster: True, users=10)
    with pytest.raises(ValueError, match="there is no feedback of enough users"):
        evaluate_best_of_n(sample, BestOfNConfig(min_feedback_users=100))
    early = sample._replace(boundaries=SplitTimes(400 * DAY, 500 * DAY))
    with pytest.raises(ValueError, match="there are no transitions in the test period"):
        evaluate_best_of_n(early, BestOfNConfig())


def test_numbers_are_ascending() -> None:
    with pytest.raises(ValueError, match=r"candidate_numbers must be distinct and ascending.*got \(5, 2\)"):
        BestOfNConfig(candidate_numbers=(5, 2))
