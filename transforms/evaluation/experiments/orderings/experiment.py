"""The experiment on orderings: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import METRICS
from transforms.evaluation.dataset_inputs import EVALUATIONS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.orderings.config import OrderingsConfig
from transforms.evaluation.experiments.orderings.evaluations import workspace_name
from transforms.evaluation.metric_rows import MetricIndex
from transforms.report.table import Table
from transforms.shuffle import ApplyGlobally

_ABOUT_VERDICTS = (
    "Reproduced: the 95 % interval of the difference excludes 0 on the side that the paper states; not reproduced: it "
    "excludes 0 on the other side; undecided: it contains 0. An equality is reproduced if the interval is within a "
    "margin, and not reproduced if it is beyond it. Not testable: there are no values."
)
_ABOUT_INTERVALS = (
    "Intervals are of paired differences that an experiment measured on the same objects, of Student's t over seeds, "
    "or from the intervals of two values as if they were independent (MOVER), which is wider than necessary for values "
    "of the same objects."
)


@dataclasses.dataclass(frozen=True)
class OrderingsExperiment(Experiment):
    """Comparison of the metrics of other evaluations with orderings that the papers state.

    Attributes:
        config: trainings of models.
        evaluations: names of the workspaces.
    """

    name: ClassVar[str] = "orderings"
    title: ClassVar[str] = "Orderings: what the papers state, and what these evaluations measured"
    summary: ClassVar[str] = "Which orderings of the papers other evaluations reproduce."
    needs: ClassVar[Needs] = Needs(inputs=((EVALUATIONS_INPUT,),), packages=("scipy",), runs_alone=True)
    configs: ClassVar[tuple[type, ...]] = (OrderingsConfig,)

    config: OrderingsConfig = dataclasses.field(default_factory=OrderingsConfig)
    evaluations: tuple[str, ...] = ()

    @classmethod
    def from_options(cls, options: Options) -> Self:
        config = options.read(OrderingsConfig)
        folders = {file.path.rpartition("/")[0]: file.path for file in options.sources[METRICS.name].files}
        names = [workspace_name(path) for path in folders.values()]
        names += [training.name for training in config.trainings]
        if twice := sorted(name for name, count in Counter(names).items() if count > 1):
            raise ValueError(f"evaluations: each must have a name of its own, but several are named {twice[0]!r}")
        return cls(config, tuple(sorted(names)))

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.orderings.judging import ordering_metrics

        judge = ApplyGlobally(ordering_metrics, (self.config.trainings,))
        return ExperimentResult(inputs.rows[METRICS.name] | "JudgeOrderings" >> judge)

    def configuration(self) -> dict[str, Any]:
        trainings = {training.name: training.digest for training in self.config.trainings}
        return {"evaluations": list(self.evaluations), "trainings": trainings}

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        from transforms.evaluation.experiments.orderings.tables import (
            comparisons_table,
            summary_table,
            untestable_table,
        )

        index = MetricIndex(metrics)
        index.require("orderings_verdict")
        return [summary_table(index), comparisons_table(index), untestable_table(index)]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        index = MetricIndex(metrics)
        numbers = ", ".join(
            f"{index.count('orderings_comparisons', **parts)} {parts['verdict']}"
            for parts in index.slices("orderings_comparisons")
        )
        return [
            f"Comparisons: {numbers}.",
            _ABOUT_VERDICTS,
            _ABOUT_INTERVALS,
        ]
