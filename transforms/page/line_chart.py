"""Line charts: the geometry of a picture of some curves."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from transforms.page.axis import Tick, number_ticks

WIDTH, HEIGHT = 640.0, 260.0
"""Size of the drawing area, without axes."""

_MAX_LOG_TICKS = 6
_MIN_GAP = 0.06
"""Minimum distance of two labels of the horizontal axis, as a fraction of its length."""


@dataclasses.dataclass(frozen=True)
class Curve:
    """One curve.

    Attributes:
        label: its name.
        values: (x, y), by ascending x.
    """

    label: str
    values: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class LineChart:
    """A picture of curves.

    Attributes:
        title: its heading.
        x_label: what the horizontal axis shows.
        y_label: what the vertical axis shows.
        curves: the curves.
        x_ticks: labelled places of the horizontal axis, from the left.
        y_ticks: labelled places of the vertical axis, from below.
        lines: for each curve its points in the drawing area, as x and y; y grows downwards.
    """

    title: str
    x_label: str
    y_label: str
    curves: tuple[Curve, ...]
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    lines: tuple[tuple[tuple[float, float], ...], ...]


def line_chart(title: str, x_label: str, y_label: str, curves: Sequence[Curve]) -> LineChart:
    """Lay out a chart. The vertical axis begins at 0; the horizontal one is logarithmic if it spans two decades.

    Raises:
        ValueError: when no curve has a value.
    """
    xs = sorted({x for curve in curves for x, _ in curve.values})
    if not xs:
        raise ValueError(f"the chart {title!r} has no values")
    top = max(max(y for curve in curves for _, y in curve.values), 0.0) or 1.0
    low, high = xs[0], xs[-1]
    is_log = low > 0 and high / low >= 100

    def across(x: float) -> float:
        if high == low:
            return 0.5
        return math.log(x / low) / math.log(high / low) if is_log else (x - low) / (high - low)

    ticks = _thinned(xs) if is_log or len(xs) <= _MAX_LOG_TICKS else number_ticks(low, high)
    lines = tuple(
        tuple((round(across(x) * WIDTH, 1), round((1 - y / top) * HEIGHT, 1)) for x, y in curve.values)
        for curve in curves
    )
    return LineChart(
        title,
        x_label,
        y_label,
        tuple(curves),
        _spaced([Tick(across(x), f"{x:g}") for x in ticks]),
        tuple(Tick(y / top, f"{y:g}") for y in number_ticks(0.0, top)),
        lines,
    )


def _spaced(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """Return the ticks without those whose labels would overlap with the one before them or with the last one."""
    kept: list[Tick] = []
    for tick in ticks[:-1]:
        far = not kept or tick.position - kept[-1].position >= _MIN_GAP
        if far and ticks[-1].position - tick.position >= _MIN_GAP:
            kept.append(tick)
    return (*kept, *ticks[-1:])


def _thinned(xs: Sequence[float]) -> list[float]:
    """Return some of the values, the first and the last among them."""
    if len(xs) <= _MAX_LOG_TICKS:
        return list(xs)
    steps = _MAX_LOG_TICKS - 1
    return [xs[round(number * (len(xs) - 1) / steps)] for number in range(steps + 1)]
