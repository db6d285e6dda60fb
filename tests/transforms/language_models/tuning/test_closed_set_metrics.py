"""Metrics of a model that generates members of a closed set: hand-worked values, and the thresholds."""

import numpy as np
import pytest

from transforms.language_models.tuning.closed_set_metrics import (
    ClosedSetMetrics,
    closed_set_examples,
    failed_thresholds,
    metrics_of,
    score_of,
)
from transforms.language_models.tuning.config import ClosedSetThresholds, TrainingExample

OUTPUTS = ("cars", "garden", "pots", "tea")
EXAMPLES = closed_set_examples(
    [
        TrainingExample("blue", "cars", 1.0, ["tea"]),
        TrainingExample("green", "garden", 2.0, ["pots", "something else"]),
        TrainingExample("red", "tea", 1.0, None),
    ],
    OUTPUTS,
)
NONE = -np.inf
SCORES = np.array([[-1.0, -2.0, -3.0, NONE], [-1.0, -2.0, NONE, -3.0], [-2.0, -2.0, -2.0, -2.0]])
"""Ranks of the expected members: 1, 2 and 4, the last one by ties."""


def test_hand_worked_metrics() -> None:
    metrics = metrics_of(["cars", "pots", "jazz"], SCORES, EXAMPLES)
    assert metrics.match_rate == 0.75  # weights 1 and 2 of 4
    assert metrics.valid_rate == 0.25  # pots is excluded after the second prompt
    assert metrics.recall_1 == 0.25
    assert metrics.recall_5 == metrics.recall_10 == metrics.chance_10 == 1
    assert metrics.coverage == 0.25  # cars is first for all prompts
    assert metrics.gini == 0.75
    assert metrics.effective_number == 1


def test_chance_counts_candidates() -> None:
    outputs = tuple(f"{number:02}" for number in range(42))
    examples = closed_set_examples([TrainingExample("a", "05", 1.0, ["00", "01"])], outputs)
    scores = -np.arange(42.0)[None]
    metrics = metrics_of(["nothing"], np.where(examples.excluded, NONE, scores), examples)
    assert metrics.chance_10 == 0.25
    assert (metrics.recall_1, metrics.recall_5, metrics.recall_10) == (0, 1, 1)  # the fourth of those left


def test_no_validation_pairs() -> None:
    with pytest.raises(ValueError, match="there are no validation pairs"):
        closed_set_examples([], OUTPUTS)


def values(**changed: float) -> ClosedSetMetrics:
    passing = ClosedSetMetrics(0.95, 0.9, 0.1, 0.3, 0.4, 0.2, 0.5, 0.8, 30.0)
    return passing._replace(**changed)


def test_recall_counts_with_a_sufficient_match_rate_alone() -> None:
    below = [score_of(values(match_rate=rate, recall_10=1.0)) for rate in (0.0, 0.5, 0.98)]
    above = [score_of(values(match_rate=rate, recall_10=recall)) for rate, recall in ((1.0, 0.0), (0.99, 0.3))]
    assert below == sorted(below)
    assert above == sorted(above)
    assert max(below) < min(above)


@pytest.mark.parametrize(
    ("changed", "thresholds", "message"),
    [
        ({"match_rate": 0.89}, {}, "match rate 0.890 is below min_match_rate = 0.9"),
        ({"recall_10": 0.23}, {}, "recall@10 0.230 is below 0.240, which is min_recall_ratio = 1.2 times chance"),
        ({"gini": 0.61}, {"max_gini": 0.6}, "Gini coefficient 0.610 of first ranks is above max_gini = 0.6"),
    ],
)
def test_thresholds(changed: dict[str, float], thresholds: dict[str, float], message: str) -> None:
    assert failed_thresholds(values(), ClosedSetThresholds(**thresholds)) == []
    assert failed_thresholds(values(**changed), ClosedSetThresholds(**thresholds)) == [message]
