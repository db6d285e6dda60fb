"""The experiment on exploration: options, graph, tables and plot."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

import pyarrow as pa

from schemas import CLUSTER_HISTORIES, CLUSTERS, LOOKUP
from transforms.datasets.files import absolute_path, resolve_source
from transforms.evaluation.dataset_inputs import CLUSTER_HISTORIES_INPUT, CLUSTERS_INPUT
from transforms.evaluation.experiment import Experiment, ExperimentInputs, ExperimentResult, Needs, Options, Plot
from transforms.evaluation.experiments.exploration.config import ExplorationConfig
from transforms.evaluation.experiments.exploration.report import (
    describe_sources,
    selection_table,
    size_table,
    source_table,
    unseen_table,
)
from transforms.evaluation.metric_rows import MetricIndex
from transforms.exploration.config import TransitionConfig
from transforms.report.table import Table


@dataclasses.dataclass(frozen=True)
class ExplorationExperiment(Experiment):
    """Comparison of the sources of the next novel cluster.

    Attributes:
        config: configuration of the experiment.
        digests: the digest of each compared table.
    """

    name: ClassVar[str] = "exploration"
    title: ClassVar[str] = "Exploration: the next novel cluster"
    summary: ClassVar[str] = "Sources of the next novel cluster are compared on a later period."
    needs: ClassVar[Needs] = Needs(
        inputs=((CLUSTERS_INPUT, CLUSTER_HISTORIES_INPUT),), plot_packages=("matplotlib",), runs_alone=True
    )
    configs: ClassVar[tuple[type, ...]] = (ExplorationConfig,)

    config: ExplorationConfig = dataclasses.field(default_factory=ExplorationConfig)
    digests: tuple[str, ...] = ()

    @classmethod
    def from_options(cls, options: Options) -> Self:
        clusters, histories = (options.sources[schema.name].manifest for schema in (CLUSTERS, CLUSTER_HISTORIES))
        if clusters is None or histories is None or histories.inputs.get(CLUSTERS.name) != clusters.digest:
            raise ValueError("exploration: its cluster histories are of another tree; run `transitions` again")
        stored = histories.configuration
        config = options.read(
            ExplorationConfig, transitions=TransitionConfig(**stored["transitions"]), level=stored["level"]
        )
        tables = tuple(absolute_path(path) for path in config.tables or ())
        digests = tuple(_digest(path, clusters.digest, stored["level"]) for path in tables)
        if len({path.rstrip("/").rpartition("/")[2] for path in tables}) < len(tables):
            raise ValueError(f"tables must be in workspaces of different names, got {', '.join(tables)}")
        return cls(dataclasses.replace(config, tables=tables or None), digests)

    def expand(self, inputs: ExperimentInputs) -> ExperimentResult:
        from transforms.evaluation.experiments.exploration.stages import EvaluateExploration

        evaluate = EvaluateExploration(inputs.rows[CLUSTERS.name], self.config)
        return ExperimentResult(inputs.rows[CLUSTER_HISTORIES.name] | "EvaluateExploration" >> evaluate)

    def tables(self, metrics: Iterable[pa.RecordBatch]) -> list[Table]:
        index = MetricIndex(metrics)
        index.require("exploration_recall")
        return [source_table(index), unseen_table(index), size_table(index), selection_table(index)]

    def describe(self, metrics: Iterable[pa.RecordBatch]) -> list[str]:
        return describe_sources(MetricIndex(metrics))

    def plots(self, metrics: Iterable[pa.RecordBatch]) -> list[Plot]:
        from transforms.evaluation.experiments.exploration.plot import plot_sources

        index = MetricIndex(metrics)

        def draw(path: Path) -> None:
            plot_sources(index, path)

        return [Plot("recall@10 and effective number of clusters in the top 3, by source", draw)]

    def configuration(self) -> dict[str, Any]:
        return dataclasses.asdict(self.config) | {"tables": list(self.digests)}


def _digest(path: str, tree: str, level: int) -> str:
    """Return the digest of a table.

    Raises:
        ValueError: when there is none, or it is of another tree.
    """
    try:
        manifest = resolve_source(f"{path}/{LOOKUP.name}").manifest
    except ValueError as error:
        raise ValueError(f"tables: {error}") from error
    if manifest is None:
        raise ValueError(f"tables: {path!r} holds no lookup that `explore` wrote")
    if manifest.inputs.get(CLUSTERS.name) != tree or manifest.configuration["level"] != level:
        raise ValueError(f"tables: the lookup of {path!r} is of another tree or level than --exploration")
    return manifest.digest
