import math

import pytest

from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiments.orderings.verdicts import Direction, Verdict, verdict_of


@pytest.mark.parametrize(
    ("low", "high", "direction", "margin", "verdict"),
    [
        (0.1, 0.3, "more", 0.0, "reproduced"),
        (-0.3, -0.1, "more", 0.0, "not reproduced"),
        (-0.1, 0.3, "more", 0.0, "undecided"),
        (0.0, 0.3, "more", 0.0, "undecided"),  # an interval that touches 0 contains it
        (-0.3, -0.1, "less", 0.0, "reproduced"),
        (0.1, 0.3, "less", 0.0, "not reproduced"),
        (-0.3, 0.0, "less", 0.0, "undecided"),
        (-0.01, 0.02, "equal", 0.02, "reproduced"),
        (0.03, 0.05, "equal", 0.02, "not reproduced"),
        (-0.05, -0.03, "equal", 0.02, "not reproduced"),
        (-0.01, 0.03, "equal", 0.02, "undecided"),
        (-0.05, 0.05, "equal", 0.02, "undecided"),
        (math.nan, math.nan, "more", 0.0, "undecided"),
        (math.nan, math.nan, "equal", 0.02, "undecided"),
    ],
)
def test_verdicts(low: float, high: float, direction: Direction, margin: float, verdict: Verdict) -> None:
    value = 0.0 if math.isnan(low) else (low + high) / 2
    assert verdict_of(Interval(value, low, high, 10), direction, margin) == verdict


@pytest.mark.parametrize(("direction", "margin"), [("equal", 0.0), ("more", 0.1), ("less", 0.1)])
def test_a_margin_is_for_equalities(direction: Direction, margin: float) -> None:
    with pytest.raises(ValueError, match="a margin above 0 is for claims of equality"):
        verdict_of(Interval(0.1, 0.0, 0.2, 10), direction, margin)
