"""The experiment on recommendation: options, graph, tables and plot."""

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
from transforms.evaluation.experiments.recommendation.config import RecommendationConfig
from transforms.evaluation.exploration_config import read_exploration_of_log
from transforms.evaluation.metric_rows import MetricIndex
from transforms.extras import INSTALL_RIVALS
from transforms.report.table import Table


@dataclasses.dataclass(frozen=True)
class RecommendationExperiment(Experiment):
    """Comparison of the lookup table with a restricted recommender and its rivals (2405.16363, live experiments).

    Attributes:
        encoder: where vectors of items come from.
        config: configuration of the experiment.
    """

    name: ClassVar[str] = "recommendation"
    title: ClassVar[str] = "Recommendation: novelty and hits"
    summary: ClassVar[str] = "Methods of recommendation are compared by novelty and by hits in a later period."
    needs: ClassVar[Needs] = Needs(
        inputs=(LOG_AND_TREE,),
        requires_encoder=True,
        packages=("implicit", "scipy", "threadpoolctl"),
        install=INSTALL_RIVALS,
        plot_packages=("matplotlib",),
        runs_alone=True,
    )
    configs: ClassVar[tuple[type, ...]] = (RecommendationConfig,)

    encoder: EncoderSource
    config: RecommendationConfig = dataclasses.field(default_factory=RecommendationConfig)

    @classmethod
    def from_options(cls, options: Options) -> Self:
        if options.encoder is None:
            raise ValueError(f"{cls.name} needs an encoder")
        exploration, interactions = read_exploration_of_log(options)
        config = options.read(
            RecommendationConfig,
            transitions=exploration.transitions,
            level=exploration.level,
            interactions=interactions,
        )
        return cls(options.encoder, config)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.recommendation.sample import LOG
        from transforms.evaluation.experiments.recommendation.scoring import EvaluateRecommendation
        from transforms.evaluation.log_and_tree import EvaluateLogAndTree

        evaluate = EvaluateLogAndTree(
            inputs,
            self.encoder,
            inputs.rows.get(EMBEDDINGS.name),
            self.config.interactions,
            LOG,
            self.config.fitted_users,
            EvaluateRecommendation(self.config, inputs.progress),
        )
        return inputs.root | "EvaluateRecommendation" >> evaluate

    def configuration(self) -> dict[str, Any]:
        return dataclasses.asdict(self.config)

    def progress_steps(self) -> dict[str, tuple[str, int | None]]:
        from transforms.evaluation.experiments.recommendation.scoring import COMPARISONS_COUNTER, NUM_COMPARISONS

        return {COMPARISONS_COUNTER: ("comparisons done", NUM_COMPARISONS)}

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        from transforms.evaluation.experiments.recommendation.further_tables import further_tables
        from transforms.evaluation.experiments.recommendation.report import comparison_tables

        index = MetricIndex(metrics)
        return [*comparison_tables(index), *further_tables(index)]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        from transforms.evaluation.experiments.recommendation.report import describe_comparison

        return describe_comparison(MetricIndex(metrics))

    def plots(self, metrics: Iterable[pa.RecordBatch]) -> list[Plot]:
        from transforms.evaluation.experiments.recommendation.plot import plot_curves

        index = MetricIndex(metrics)

        def draw(path: Path) -> None:
            plot_curves(index, path)

        return [Plot("hit rates over the novelty ratio, as the fraction of novel items rises", draw)]
