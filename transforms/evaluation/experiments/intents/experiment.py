"""The experiment on intents: options, graph, tables and plot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import EMBEDDINGS
from transforms.encoders.interface import EncoderSource
from transforms.evaluation.dataset_inputs import LOG_AND_TREE
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options, Plot
from transforms.evaluation.experiments.intents.config import IntentsConfig
from transforms.evaluation.exploration_config import read_exploration_of_log
from transforms.evaluation.metric_rows import MetricIndex
from transforms.extras import INSTALL_EXPLORATION
from transforms.report.table import Table


@dataclasses.dataclass(frozen=True)
class IntentsExperiment(Experiment):
    """Exploration intent, re-ranking by intent (2405.12327) and latent intent (2211.09832).

    Attributes:
        encoder: where vectors of items come from.
        config: configuration of the experiment.
    """

    name: ClassVar[str] = "intents"
    title: ClassVar[str] = "Intents of users"
    summary: ClassVar[str] = "Models of exploration and latent intent are compared, and methods of re-ranking."
    needs: ClassVar[Needs] = Needs(
        inputs=(LOG_AND_TREE,),
        requires_encoder=True,
        packages=("scipy", "threadpoolctl"),
        install=INSTALL_EXPLORATION,
        plot_packages=("matplotlib",),
        runs_alone=True,
    )
    configs: ClassVar[tuple[type, ...]] = (IntentsConfig,)

    encoder: EncoderSource
    config: IntentsConfig = dataclasses.field(default_factory=IntentsConfig)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        if options.encoder is None:
            raise ValueError(f"{cls.name} needs an encoder")
        exploration, interactions = read_exploration_of_log(options)
        config = options.read(
            IntentsConfig,
            transitions=exploration.transitions,
            level=exploration.level,
            interactions=interactions,
        )
        return cls(options.encoder, config)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.intents.scoring import EvaluateIntents
        from transforms.evaluation.log_and_tree import EvaluateLogAndTree
        from transforms.intents.catalogue import creators_of
        from transforms.intents.rows import EVENTS

        evaluate = EvaluateLogAndTree(
            inputs,
            self.encoder,
            inputs.rows.get(EMBEDDINGS.name),
            self.config.interactions,
            EVENTS,
            self.config.fitted_users,
            EvaluateIntents(self.config),
            creators_of,
        )
        return inputs.root | "EvaluateIntents" >> evaluate

    def configuration(self) -> dict[str, Any]:
        return dataclasses.asdict(self.config)

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        from transforms.evaluation.experiments.intents.report import intents_tables

        return intents_tables(MetricIndex(metrics))

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        from transforms.evaluation.experiments.intents.report import describe_intents

        return describe_intents(MetricIndex(metrics))

    def plots(self, metrics: Iterable[pa.RecordBatch]) -> list[Plot]:
        from transforms.evaluation.experiments.intents.plot import plot_intents

        index = MetricIndex(metrics)

        def draw(path: Path) -> None:
            plot_intents(index, path)

        return [Plot("calibration, and nDCG over the probability of the intents that lists cover", draw)]
