"""Verdicts: whether a difference reproduces the ordering that a paper states."""

from __future__ import annotations

from typing import Literal, get_args

from transforms.evaluation.bootstrap import Interval
from transforms.evaluation.experiments.orderings.differences import has_interval

Direction = Literal["more", "less", "equal"]
"""The ordering of the first of two values to the second that a claim states."""

Verdict = Literal["reproduced", "not reproduced", "undecided", "not testable"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


def verdict_of(difference: Interval, direction: Direction, margin: float = 0.0) -> Verdict:
    """Decide on a claim by the 95 % interval of a difference.

    A claim of more or less is reproduced if the interval excludes 0 on the stated side, and not reproduced if it
    excludes 0 on the other side. A claim of equality is reproduced if the whole interval is within the margin, and not
    reproduced if the whole interval is beyond it. Otherwise, and without an interval, it is undecided.

    Args:
        difference: the first value minus the second one.
        direction: what the claim says of the first value.
        margin: half the width of the range of equality; for `equal` alone, above 0.

    Raises:
        ValueError: when an equality has no margin, or another claim has one.
    """
    if (direction == "equal") != (margin > 0):
        raise ValueError(f"a margin above 0 is for claims of equality, and only for them, got {margin} for {direction}")
    if not has_interval(difference):
        return "undecided"
    low, high = difference.low, difference.high
    if direction == "equal":
        if -margin <= low and high <= margin:
            return "reproduced"
        return "not reproduced" if low > margin or high < -margin else "undecided"
    if direction == "less":
        low, high = -high, -low
    if low > 0:
        return "reproduced"
    return "not reproduced" if high < 0 else "undecided"
