"""Plot of novelty against satisfaction, one line for each scorer. Needs the extra `report`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from transforms.report.chart import written_chart

_SIZE = (6.4, 4.6)
_COLOURS = ("#0072b2", "#d55e00", "#009e73")


def plot_curves(curves: Mapping[str, Sequence[tuple[int, float, float]]], path: Path) -> None:
    """Write the curves as an image in the format of the file name; equal values give equal bytes.

    Args:
        curves: by scorer: number of candidates, novelty and satisfaction; 0 candidates: a single point.
        path: the file, such as `curve.svg`.

    Raises:
        ImportError: when matplotlib is not installed.
    """
    with written_chart(path, _SIZE) as chart:
        panel = chart.subplots()
        colours = iter(_COLOURS)
        for scorer, points in curves.items():
            numbers, novelty, satisfaction = zip(*points, strict=True)
            is_single = numbers == (0,)
            colour = "#666666" if is_single else next(colours)
            panel.plot(novelty, satisfaction, color=colour, marker="s" if is_single else "o", label=scorer)
            for number, x, y in points:
                if number:
                    panel.annotate(f"{number}", (x, y), xytext=(5, 4), textcoords="offset points", color=colour)
        panel.set_xlabel("novelty of the first cluster")
        panel.set_ylabel("satisfaction: its return rate in the test period")
        panel.grid(color="#e6e6e6", linewidth=0.7)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False)
