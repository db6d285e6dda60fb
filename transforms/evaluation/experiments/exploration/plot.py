"""Plot of recall against variety, one point for each source. Needs the extra `report`."""

from __future__ import annotations

from pathlib import Path

from transforms.evaluation.experiments.exploration.report import source_names
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.chart import written_chart

_SIZE = (6.4, 4.2)
_DEFAULT, _OTHER = "#d55e00", "#444444"


def plot_sources(index: MetricIndex, path: Path) -> None:
    """Write recall@10 with its interval over the effective number of clusters; equal values give equal bytes.

    Args:
        index: the metrics.
        path: the file, such as `sources.svg`.

    Raises:
        ImportError: when matplotlib is not installed.
    """
    with written_chart(path, _SIZE) as chart:
        panel = chart.subplots()
        for name in source_names(index):
            recall = index.get("exploration_recall", source=name, contexts="all", k=10)
            if recall is None:
                continue
            breadth = index.value("exploration_effective_clusters", source=name)
            colour = _DEFAULT if name == "blend" else _OTHER
            ends = [[recall.value - recall.low], [recall.high - recall.value]]
            panel.errorbar([breadth], [recall.value], ends, fmt="o", color=colour, capsize=3, linewidth=1.2)
            panel.annotate(
                name, (breadth, recall.value), xytext=(6, 4), textcoords="offset points", color=colour, fontsize=9
            )
        panel.set_xlabel("effective number of clusters in the top 3")
        panel.set_ylabel("recall@10")
        panel.margins(x=0.15, y=0.1)
        panel.grid(color="#e6e6e6", linewidth=0.7)
        panel.spines[["top", "right"]].set_visible(False)
