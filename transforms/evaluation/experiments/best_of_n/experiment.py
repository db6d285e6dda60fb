"""The experiment on best-of-n: options, graph, tables and plot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Self

import pyarrow as pa

from transforms.evaluation.dataset_inputs import CLUSTER_HISTORIES_INPUT, CLUSTERS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options, Plot
from transforms.evaluation.experiments.best_of_n.config import BestOfNConfig
from transforms.evaluation.exploration_config import ExplorationConfig, read_exploration
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Table, number_columns, row, text_columns

_CURVE = {
    "novelty": ("best_of_n_novelty", {}),
    "effective clusters": ("best_of_n_effective_clusters", {}),
    "satisfaction": ("best_of_n_satisfaction", {}),
    "recall@1": ("best_of_n_recall", {"k": 1}),
    "recall@5": ("best_of_n_recall", {"k": 5}),
    "recall@5, came back": ("best_of_n_returned_recall", {"k": 5}),
}
_HELD_OUT = {"accuracy of pairs": "best_of_n_accuracy", "AUC": "best_of_n_auc"}


@dataclasses.dataclass(frozen=True)
class BestOfNExperiment(Experiment):
    """The curve of novelty against satisfaction, by the number of candidates (2504.05522).

    Attributes:
        exploration: the configuration of the workspace.
        config: configuration of the experiment.
    """

    name: ClassVar[str] = "best_of_n"
    title: ClassVar[str] = "Best-of-n: novelty and satisfaction"
    summary: ClassVar[str] = "Novel clusters are sampled, and a model of collective feedback chooses among them."
    needs: ClassVar[Needs] = Needs(
        inputs=((CLUSTERS_INPUT, CLUSTER_HISTORIES_INPUT),),
        packages=("sklearn", "scipy"),
        plot_packages=("matplotlib",),
    )
    configs: ClassVar[tuple[type, ...]] = (BestOfNConfig,)

    exploration: ExplorationConfig = dataclasses.field(default_factory=ExplorationConfig)
    config: BestOfNConfig = dataclasses.field(default_factory=BestOfNConfig)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(read_exploration(options), options.read(BestOfNConfig))

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.best_of_n.scoring import evaluate_best_of_n
        from transforms.evaluation.exploration_sample import EvaluateExploration

        evaluate = EvaluateExploration(inputs, self.exploration, evaluate_best_of_n, self.config)
        return ExperimentResult(inputs.root | "EvaluateBestOfN" >> evaluate)

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        index = MetricIndex(metrics)
        return [_curve_table(index), _held_out_table(index)]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        index = MetricIndex(metrics)
        rates = [
            f"{index.value(f'best_of_n_{period}_return_rate'):.3f} in {period}"
            for period in ("training", "test")
            if index.get(f"best_of_n_{period}_return_rate")
        ]
        return [
            (
                f"{index.count('best_of_n_users')} users. A user comes back to a novel cluster with another interaction"
                f" within {index.value('best_of_n_horizon_days'):.1f} days; fractions who do: {', '.join(rates)}. The "
                f"alignment models learn from {index.count('best_of_n_feedback_rows')} pairs of a cluster and the next "
                f"one, of {index.count('best_of_n_feedback_users')} transitions."
            ),
            (
                "Novelty is 1 minus the mean cosine of the centroids of the first cluster and of the context; effective"
                " clusters are those of the first rank. Satisfaction is the return rate, in the test period, of the "
                "cluster that is ranked first; the last column is the recall of next clusters to which the user came "
                "back. Small numbers are 95 % intervals, by bootstrap over users, and over contexts for the accuracy."
            ),
        ]

    def plots(self, metrics: Iterable[pa.RecordBatch]) -> list[Plot]:
        from transforms.evaluation.experiments.best_of_n.plot import plot_curves

        curves = read_curves(metrics)

        def draw(path: Path) -> None:
            plot_curves(curves, path)

        return [Plot("novelty against satisfaction of the first cluster, by the number of candidates", draw)]


Curves = dict[str, list[tuple[int, float, float]]]
"""By scorer: number of candidates, novelty and satisfaction, by ascending number; 0 candidates: without sampling."""


def read_curves(metrics: Iterable[pa.RecordBatch]) -> Curves:
    """Read the curves from rows of `metrics`.

    Raises:
        ValueError: when there are no metrics of this experiment.
    """
    index = MetricIndex(metrics)
    curves: Curves = {}
    for scorer, number in _rows_of(index):
        novelty, satisfaction = (
            index.value(f"best_of_n_{name}", scorer=scorer, candidates=number) for name in ("novelty", "satisfaction")
        )
        curves.setdefault(scorer, []).append((number, novelty, satisfaction))
    return curves


def _rows_of(index: MetricIndex) -> list[tuple[str, int]]:
    """Return scorers and numbers of candidates, the source without sampling first."""
    found = [(parts["scorer"], int(parts["candidates"])) for parts in index.require("best_of_n_novelty")]
    order = list(dict.fromkeys(scorer for scorer, _ in found))
    return sorted(found, key=lambda each: (each[1] > 0, order.index(each[0]), each[1]))


def _curve_table(index: MetricIndex) -> Table:
    rows = []
    for scorer, number in _rows_of(index):
        cells = (index.cell(name, **parts, scorer=scorer, candidates=number) for name, parts in _CURVE.values())
        rows.append(row(scorer, str(number or "–"), *cells))
    return Table((*text_columns("scorer"), *number_columns("n", *_CURVE)), tuple(rows))


def _held_out_table(index: MetricIndex) -> Table:
    scorers = [parts["scorer"] for parts in index.slices("best_of_n_auc")]
    rows = [row(scorer, *(index.cell(name, scorer=scorer) for name in _HELD_OUT.values())) for scorer in scorers]
    return Table(
        (*text_columns("scorer"), *number_columns(*_HELD_OUT)),
        tuple(rows),
        title="Who came back, in the test period",
        notes=(
            "The accuracy is that of pairs of a user who came back and one who did not, after the same cluster.",
            "The AUC is that of all pairs. Chance is 0.5.",
        ),
    )
