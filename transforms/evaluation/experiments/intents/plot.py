"""Plot of calibration, and of nDCG against the clusters that lists cover. Needs the extra `report`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.chart import written_chart

_SIZE = (9.6, 4.2)
_COLOURS = ("#d55e00", "#0072b2", "#009e73", "#cc79a7")


def plot_intents(index: MetricIndex, path: Path) -> None:
    """Write the calibration curves of a new cluster, and the curves of re-ranking; equal values give equal bytes.

    Args:
        index: the metrics.
        path: the file, such as `intents.svg`.

    Raises:
        ImportError: when matplotlib is not installed.
    """
    with written_chart(path, _SIZE) as chart:
        left, right = chart.subplots(1, 2)
        _plot_calibration(index, left)
        _plot_reranking(index, right)
        for panel in (left, right):
            panel.grid(color="#e6e6e6", linewidth=0.7)
            panel.spines[["top", "right"]].set_visible(False)
            panel.legend(fontsize=8, frameon=False)


def _plot_calibration(index: MetricIndex, panel: Any) -> None:
    panel.plot([0, 1], [0, 1], color="#999999", linewidth=0.8)
    models = [parts["model"] for parts in index.slices("intents_auc") if parts["intent"] == "cluster"]
    for colour, model in zip(_COLOURS, models, strict=False):
        bins = [
            parts
            for parts in index.slices("intents_calibration_predicted")
            if parts["model"] == model and parts["intent"] == "cluster"
        ]
        bins.sort(key=lambda parts: int(parts["bin"]))
        across, up = (
            [index.value(f"intents_calibration_{name}", **parts) for parts in bins]
            for name in ("predicted", "observed")
        )
        panel.plot(across, up, "o-", color=colour, markersize=3.5, linewidth=1.1, label=model.replace("_", " "))
    panel.set_xlabel("predicted probability of a new cluster")
    panel.set_ylabel("observed fraction")


def _plot_reranking(index: MetricIndex, panel: Any) -> None:
    methods = list(dict.fromkeys(parts["method"] for parts in index.slices("intents_ndcg")))
    for colour, method in zip(_COLOURS, methods, strict=False):
        points = [parts for parts in index.slices("intents_ndcg") if parts["method"] == method]
        points.sort(key=lambda parts: float(parts["strength"]))
        across = [index.value("intents_covered_probability", **parts) for parts in points]
        up = [index.value("intents_ndcg", **parts) for parts in points]
        panel.plot(across, up, "o-", color=colour, markersize=3.5, linewidth=1.1, label=method)
    panel.set_xlabel("probability of the intents that a list covers")
    panel.set_ylabel("nDCG@10")
