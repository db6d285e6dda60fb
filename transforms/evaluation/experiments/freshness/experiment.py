"""The experiment on freshness: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import ClassVar, Self

import pyarrow as pa

from transforms.evaluation.dataset_inputs import CLUSTER_HISTORIES_INPUT, CLUSTERS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.freshness.config import FreshnessConfig
from transforms.evaluation.exploration_config import ExplorationConfig, read_exploration
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Table, number_columns, row, text_columns


@dataclasses.dataclass(frozen=True)
class FreshnessExperiment(Experiment):
    """Drift of the successors of contexts, and the gain of a refresh (2510.20260).

    Attributes:
        exploration: the configuration of the workspace.
        config: configuration of the experiment.
    """

    name: ClassVar[str] = "freshness"
    title: ClassVar[str] = "Freshness: change of successors"
    summary: ClassVar[str] = "How successors of contexts change, and what a refresh of the changed contexts gains."
    needs: ClassVar[Needs] = Needs(inputs=((CLUSTERS_INPUT, CLUSTER_HISTORIES_INPUT),))
    configs: ClassVar[tuple[type, ...]] = (FreshnessConfig,)

    exploration: ExplorationConfig = dataclasses.field(default_factory=ExplorationConfig)
    config: FreshnessConfig = dataclasses.field(default_factory=FreshnessConfig)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(read_exploration(options), options.read(FreshnessConfig))

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.freshness.scoring import evaluate_freshness
        from transforms.evaluation.exploration_sample import EvaluateExploration

        evaluate = EvaluateExploration(inputs, self.exploration, evaluate_freshness, self.config)
        return ExperimentResult(inputs.root | "EvaluateFreshness" >> evaluate)

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        index = MetricIndex(metrics)
        return [_drift_table(index), _recent_table(index), _refresh_table(index)]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        index = MetricIndex(metrics)
        return [
            (
                f"{index.count('freshness_users')} users. Periods of drift have equal numbers of first interactions and"
                f" last {index.value('freshness_period_days'):.0f} days on average. The Jaccard index is that of the "
                "five most frequent successors of a context, weighted by the transitions after it. Halves of the users "
                "have other successors by chance alone: what the next period adds to that is change. Small numbers are "
                "95 % intervals, by bootstrap over contexts for the Jaccard index, and over users otherwise."
            )
        ]


def _drift_table(index: MetricIndex) -> Table:
    rows = []
    for parts in index.require("freshness_contexts"):
        cells = (index.cell(f"freshness_{name}", **parts) for name in ("jaccard", "traffic"))
        rows.append(row(parts["size"], parts["compared"], index.count("freshness_contexts", **parts), *cells))
    return Table(
        (
            *number_columns("context size"),
            *text_columns("compared with"),
            *number_columns("contexts", "Jaccard@5", "traffic"),
        ),
        tuple(rows),
    )


def _recent_table(index: MetricIndex) -> Table:
    rows = []
    for parts in index.slices("freshness_recent_coverage"):
        fractions = sorted(
            each["fraction"] for each in index.slices("freshness_recent_hits") if each["size"] == parts["size"]
        )
        for fraction in fractions:
            hits = index.cell("freshness_recent_hits", size=parts["size"], fraction=fraction)
            rows.append(row(parts["size"], f"{float(fraction):.0%}", hits))
    coverage = ", ".join(
        f"{index.value('freshness_recent_coverage', **parts):.0%} with contexts of {parts['size']}"
        for parts in index.slices("freshness_recent_coverage")
    )
    return Table(
        number_columns("context size", "last interactions before the test period", "next cluster is the most frequent"),
        tuple(rows),
        title="The most frequent successor of a recent period",
        notes=(f"Of the test transitions whose context has a successor in the shortest period: {coverage}.",),
    )


def _refresh_table(index: MetricIndex) -> Table:
    slices = sorted(index.slices("freshness_recall"), key=lambda parts: _ORDER.get(parts["threshold"], 1))
    rows = [
        row(
            _LABELS.get(parts["threshold"], f"below {parts['threshold']}"),
            index.count("freshness_refreshed", **parts),
            index.cell("freshness_refreshed_traffic", **parts),
            index.cell("freshness_recall", **parts),
        )
        for parts in slices
    ]
    days = index.value("freshness_refresh_days")
    return Table(
        (*text_columns("contexts ranked again, by Jaccard"), *number_columns("contexts", "traffic", "recall@10")),
        tuple(rows),
        title="A refreshed table",
        notes=(
            f"The table was computed {days:.0f} days before the test period.",
            "Contexts are ranked again at its start.",
        ),
    )


_ORDER = {"none": 0, "all": 2}
_LABELS = {"none": "none", "all": "all", "0": "new contexts alone"}
