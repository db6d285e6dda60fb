"""Plot of a sweep: one panel for each measure, one line for each minimum size. Needs the extra `report`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from transforms.evaluation.experiments.granularity.report import JOURNEYS_PER_USER, MEASURES, Measure, Sweep
from transforms.report.chart import written_chart

_SIZE = (8.6, 6.6)
_LINE_WIDTH, _RUN_LINE_WIDTH = 1.3, 2.8
_DARKEST, _LIGHTEST = 0.0, 0.88
_LINEAR_UP_TO = 0.5
_TICKS = {
    "threshold": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1),
    "merge_threshold": (-5, -2, -1, -0.5, -0.25, 0, 0.25),
}
_MIN_COUNT, _WIDE_RANGE = 0.01, 300
_DEFAULT, _USED = "#666666", "#d55e00"


def plot_sweep(sweep: Sweep, path: Path) -> None:
    """Write the curves as an image in the format of the file name; equal values give equal bytes.

    Args:
        sweep: the values.
        path: the file, such as `sweep.svg`.

    Raises:
        ImportError: when matplotlib is not installed.
    """
    import matplotlib as mpl  # not in every installation, and slow to import

    with written_chart(path, _SIZE) as chart:
        panels = chart.subplots(2, 2, sharex=True)
        colours = mpl.colormaps["viridis"]
        for panel, measure in zip(panels.flat, MEASURES, strict=True):
            _draw_panel(panel, sweep, measure, colours)
        for panel in panels[1]:
            panel.set_xlabel(f"--{sweep.option}")
        handles, labels = panels[0, 0].get_legend_handles_labels()
        chart.legend(handles, labels, loc="outside lower center", ncols=6, frameon=False, handlelength=1.6)


def _draw_panel(panel: Any, sweep: Sweep, measure: Measure, colours: Any) -> None:
    span = max(len(sweep.min_sizes) - 1, 1)
    for number, size in enumerate(sweep.min_sizes):
        points = [(each, sweep.values.get((measure.metric, each, size))) for each in sweep.thresholds]
        is_run = size == sweep.min_size
        panel.plot(
            [threshold for threshold, _ in points],
            [
                math.nan if value is None or (_is_count(measure) and value < _MIN_COUNT) else value
                for _, value in points
            ],
            color=colours(_DARKEST + (_LIGHTEST - _DARKEST) * number / span),
            linewidth=_RUN_LINE_WIDTH if is_run else _LINE_WIDTH,
            zorder=3 if is_run else 2,
            label=f"min_size {size}{' (this run)' if is_run else ''}",
        )
    dashed, dotted = (0, (4, 3)), (0, (1, 2))
    panel.axvline(sweep.default, color=_DEFAULT, linestyle=dashed, linewidth=1.2, label=f"default {sweep.default:g}")
    if sweep.used != sweep.default:
        panel.axvline(sweep.used, color=_USED, linewidth=1.4, label=f"used {sweep.used:g}")
    if sweep.target is not None and measure is JOURNEYS_PER_USER:
        panel.axhline(sweep.target, color=_USED, linestyle=dotted, linewidth=1.4, label=f"target {sweep.target:g}")
    _scale(panel, sweep, measure)
    panel.set_title(measure.title, loc="left", fontsize=10.5)
    panel.grid(color="#e6e6e6", linewidth=0.7)
    panel.spines[["top", "right"]].set_visible(False)


def _is_count(measure: Measure) -> bool:
    return measure in MEASURES[:2]


def _scale(panel: Any, sweep: Sweep, measure: Measure) -> None:
    """Set logarithmic axes with plain numbers for counts and thresholds."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator, PercentFormatter

    plain = FuncFormatter(lambda value, _: f"{value:g}")
    if sweep.option == "threshold":
        panel.set_xscale("log")
    else:
        panel.set_xscale("symlog", linthresh=_LINEAR_UP_TO, linscale=1.2)
    low, high = sweep.thresholds[0], sweep.thresholds[-1]
    panel.xaxis.set_major_locator(FixedLocator([tick for tick in _TICKS[sweep.option] if low <= tick <= high]))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(plain)
    panel.margins(x=0.02)
    panel.tick_params(labelbottom=True)
    if _is_count(measure):
        panel.set_yscale("log")
        bottom, top = panel.get_ylim()
        steps = (1, 3) if top > _WIDE_RANGE * bottom else (1, 2, 5)
        ticks = [step * 10.0**exponent for exponent in range(-2, 5) for step in steps]
        panel.yaxis.set_major_locator(FixedLocator([tick for tick in ticks if bottom <= tick <= top]))
        panel.yaxis.set_minor_locator(NullLocator())
        panel.yaxis.set_major_formatter(plain)
    elif measure.is_fraction:
        panel.set_ylim(-0.02, 1.02)
        panel.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
