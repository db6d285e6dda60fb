"""The experiment on the life of journeys: options, graph and tables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import EMBEDDINGS
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.dataset_inputs import LOG_AND_TREE
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options
from transforms.evaluation.experiments.lifecycle.config import LifecycleExperimentConfig
from transforms.evaluation.exploration_config import read_exploration_of_log
from transforms.evaluation.metric_rows import MetricIndex
from transforms.lifecycle.config import RhythmConfig, TopListConfig
from transforms.report.table import Table
from transforms.salience.config import SalienceConfig


@dataclasses.dataclass(frozen=True)
class LifecycleExperiment(Experiment):
    """Stages, recurrence and lists of journeys before a date, compared with what follows it.

    Attributes:
        encoder: where vectors of items come from.
        config: configuration of the experiment.
    """

    name: ClassVar[str] = "lifecycle"
    title: ClassVar[str] = "Life of journeys: stages and lists"
    summary: ClassVar[str] = (
        "Stages, recurrence and lists of the journeys before a date are compared with what users do after it."
    )
    needs: ClassVar[Needs] = Needs(
        inputs=(LOG_AND_TREE,), requires_encoder=True, packages=("scipy", "sklearn"), runs_alone=True
    )
    configs: ClassVar[tuple[type, ...]] = (LifecycleExperimentConfig, RhythmConfig, TopListConfig, SalienceConfig)

    encoder: EncoderSource
    config: LifecycleExperimentConfig = dataclasses.field(default_factory=LifecycleExperimentConfig)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        if options.encoder is None:
            raise ValueError(f"{cls.name} needs an encoder")
        exploration, interactions = read_exploration_of_log(options)
        config = options.read(
            LifecycleExperimentConfig,
            rhythm=options.read(RhythmConfig),
            top_list=options.read(TopListConfig),
            salience=options.read(SalienceConfig),
            level=exploration.level,
            interactions=interactions,
        )
        return cls(options.encoder, config)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.lifecycle.scoring import EvaluateLifecycle
        from transforms.evaluation.experiments.lifecycle.stages import TermsOfItems
        from transforms.evaluation.experiments.recommendation.sample import LOG
        from transforms.evaluation.log_and_tree import EvaluateLogAndTree

        evaluate = EvaluateLogAndTree(
            inputs,
            self.encoder,
            inputs.rows.get(EMBEDDINGS.name),
            self.config.interactions,
            LOG,
            self.config.fitted_users,
            EvaluateLifecycle(self.config),
            TermsOfItems(self.config.salience),
        )
        return inputs.root | "EvaluateLifecycle" >> evaluate

    def configuration(self) -> dict[str, Any]:
        return dataclasses.asdict(self.config) | {"salience": self.config.salience.described()}

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        from transforms.evaluation.experiments.lifecycle.report import lifecycle_tables

        return lifecycle_tables(MetricIndex(metrics))

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        from transforms.evaluation.experiments.lifecycle.report import describe_lifecycle

        return describe_lifecycle(MetricIndex(metrics))
