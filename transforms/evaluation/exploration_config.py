"""Configuration of the workspace that experiments on exploration read. Kept import-light."""

from __future__ import annotations

import dataclasses

from schemas import CLUSTER_HISTORIES, CLUSTERS, ITEM_CLUSTERS
from transforms.datasets.interaction_filter import InteractionFilter
from transforms.evaluation.experiment import Options
from transforms.exploration.config import TransitionConfig


@dataclasses.dataclass(frozen=True)
class ExplorationConfig:
    """The configuration with which `transitions` wrote the cluster histories of a workspace.

    Attributes:
        transitions: size of contexts, and periods.
        level: the level of the tree, from 1; 0: the last one.
    """

    transitions: TransitionConfig = dataclasses.field(default_factory=TransitionConfig)
    level: int = 0


def read_exploration(options: Options) -> ExplorationConfig:
    """Read the configuration of `--exploration` from its manifests.

    Raises:
        ValueError: naming the option, when the workspace lacks a manifest or its datasets do not belong together.
    """
    clusters, histories = (options.sources[schema.name].manifest for schema in (CLUSTERS, CLUSTER_HISTORIES))
    workspace = options.values["exploration"]
    if clusters is None or histories is None:
        raise ValueError(f"exploration: {workspace!r} was not written by `cluster` and `transitions`")
    if histories.inputs.get(CLUSTERS.name) != clusters.digest:
        raise ValueError(
            f"exploration: the transitions of {workspace!r} were computed from another tree than it holds now; run "
            "`transitions` again"
        )
    stored = histories.configuration
    return ExplorationConfig(TransitionConfig(**stored["transitions"]), stored["level"])


def read_exploration_of_log(options: Options) -> tuple[ExplorationConfig, InteractionFilter]:
    """Read the configuration of `--exploration`, and the conditions on interactions with which it was written.

    Raises:
        ValueError: naming the option, when the workspace lacks a manifest or its datasets do not belong together.
    """
    exploration = read_exploration(options)
    histories, assigned = (options.sources[schema.name].manifest for schema in (CLUSTER_HISTORIES, ITEM_CLUSTERS))
    if histories is None or assigned is None:
        raise ValueError("exploration: its item clusters were not written by `cluster`")
    if histories.inputs.get(ITEM_CLUSTERS.name) != assigned.digest:
        raise ValueError("exploration: its transitions are of other item clusters; run `transitions` again")
    conditions = dict(histories.configuration["filter"])
    conditions["keep_events"] = tuple(conditions["keep_events"])
    return exploration, InteractionFilter(**conditions)
