"""The experiment on intervention: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import INTERACTIONS
from transforms.datasets.error_rate import DataError
from transforms.evaluation.config import BootstrapConfig
from transforms.evaluation.dataset_inputs import INTERACTIONS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.intervention.config import InterventionConfig
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Table, number_columns, row, text_columns
from transforms.shuffle import ApplyGlobally

_COLUMNS = {
    "recall@20": "intervention_recall",
    "NDCG@20": "intervention_ndcg",
    "popularity overlap": "intervention_popularity_overlap",
}


def _evaluate(batches: Iterable[pa.RecordBatch], config: InterventionConfig) -> pa.RecordBatch:
    from transforms.evaluation.experiments.intervention.scoring import evaluate_recommenders

    try:
        return evaluate_recommenders(batches, config)
    except ValueError as error:
        raise DataError(f"{error}; nothing was committed") from error


@dataclasses.dataclass(frozen=True)
class InterventionExperiment(Experiment):
    """Comparison of recommenders where popularity does not help.

    Attributes:
        config: configuration of the experiment.
    """

    name: ClassVar[str] = "intervention"
    title: ClassVar[str] = "Intervention: a test set without popularity bias"
    summary: ClassVar[str] = "Recommenders are compared on a test set in which all items are equally frequent."
    needs: ClassVar[Needs] = Needs(inputs=((INTERACTIONS_INPUT,),), runs_alone=True)
    configs: ClassVar[tuple[type, ...]] = (BootstrapConfig,)

    config: InterventionConfig = dataclasses.field(default_factory=InterventionConfig)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        return cls(InterventionConfig(seed=options.read(BootstrapConfig).seed))

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        # All pairs of user and item are brought to one process: the experiment is for data that fits into memory.
        metrics = inputs.rows[INTERACTIONS.name] | "EvaluateRecommenders" >> ApplyGlobally(_evaluate, (self.config,))
        return ExperimentResult(metrics)

    def configuration(self) -> dict[str, Any]:
        return dataclasses.asdict(self.config)

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        from transforms.evaluation.experiments.intervention.scoring import RECOMMENDERS, TEST_SETS

        index = MetricIndex(metrics)
        index.require("intervention_recall")
        rows = [
            row(
                test_set,
                recommender,
                *(index.cell(metric, recommender=recommender, test_set=test_set) for metric in _COLUMNS.values()),
            )
            for test_set in TEST_SETS
            for recommender in RECOMMENDERS
        ]
        return [Table((*text_columns("test set", "recommender"), *number_columns(*_COLUMNS)), tuple(rows))]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        from transforms.evaluation.experiments.intervention.scoring import AS_LOGGED, INTERVENED

        index = MetricIndex(metrics)
        pairs, users, items = (index.count(f"intervention_{name}") for name in ("pairs", "users", "items"))
        medians = {
            test_set: " and ".join(
                index.count("intervention_median_popularity", split=split, test_set=test_set)
                for split in ("train", "test")
            )
            for test_set in (INTERVENED, AS_LOGGED)
        }
        gains = [
            f"{parts['recommender']} over {parts['baseline']}, {parts['test_set']}: "
            f"{index.text('intervention_recall_difference', **parts)}"
            for parts in index.slices("intervention_recall_difference")
        ]
        return [
            (
                f"{pairs} pairs of {users} users and {items} items. Median number of users of an item, over training "
                f"and test pairs: {medians[INTERVENED]} where the test set is intervened, {medians[AS_LOGGED]} where "
                "it is as logged. Small numbers are 95 % intervals, by bootstrap over users."
            ),
            f"Gains of recall: {'; '.join(gains)}.",
        ]
