"""Plot of hits against novelty: a curve for each method. Needs the extra `report`."""

from __future__ import annotations

from pathlib import Path

from transforms.evaluation.experiments.recommendation.comparison import FRACTIONS
from transforms.evaluation.experiments.recommendation.methods import OURS
from transforms.evaluation.experiments.recommendation.report import measured_methods
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.chart import written_chart

_SIZE = (9.6, 4.4)
_OURS = "#d55e00"
_OTHERS = ("#0072b2", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#444444", "#999999")
_STYLES = ("-", "--")


def plot_curves(index: MetricIndex, path: Path) -> None:
    """Write the hit rate, and that on novel targets, over the novelty ratio; equal values give equal bytes.

    Args:
        index: the metrics.
        path: the file, such as `curves.svg`.

    Raises:
        ImportError: when matplotlib is not installed.
    """
    with written_chart(path, _SIZE) as chart:
        panels = chart.subplots(1, 2)
        labels = {"novel_hit_rate": "hit rate on novel targets", "hit_rate": "hit rate on all targets"}
        for panel, (measure, label) in zip(panels, labels.items(), strict=True):
            for place, name in enumerate(measured_methods(index)):
                points = [_point(index, measure, name, fraction) for fraction in FRACTIONS]
                across, up = zip(*(each for each in points if each is not None), strict=True)
                is_ours = name == OURS
                colour = _OURS if is_ours else _OTHERS[(place - 1) % len(_OTHERS)]
                style = "-" if is_ours else _STYLES[(place - 1) // len(_OTHERS) % len(_STYLES)]
                panel.plot(
                    across,
                    up,
                    style,
                    color=colour,
                    linewidth=2.4 if is_ours else 1.1,
                    label=name,
                    zorder=3 if is_ours else 2,
                )
            panel.set_xlabel("novelty ratio")
            panel.set_ylabel(label)
            panel.grid(color="#e6e6e6", linewidth=0.7)
            panel.spines[["top", "right"]].set_visible(False)
        handles, names = panels[0].get_legend_handles_labels()
        chart.legend(handles, names, loc="outside right center", fontsize=8, frameon=False)


def _point(index: MetricIndex, measure: str, name: str, fraction: float) -> tuple[float, float] | None:
    novelty = index.get("recommendation_novelty_ratio", method=name, novel=str(fraction))
    hits = index.get(f"recommendation_{measure}", method=name, novel=str(fraction))
    return (novelty.value, hits.value) if novelty and hits else None
