"""Configuration of the experiment on the life of journeys. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.datasets.interaction_filter import InteractionFilter
from transforms.evaluation.config import seed_setting
from transforms.evaluation.experiments.recommendation.config import fitted_users_setting
from transforms.lifecycle.config import RhythmConfig, TopListConfig
from transforms.salience.config import SalienceConfig
from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class LifecycleExperimentConfig:
    """Configuration of the experiment.

    Attributes:
        rhythm: how the stage is decided.
        top_list: how journeys are ordered.
        salience: how salient terms are extracted.
        level: the level of the tree, from 1; 0: the last one.
        interactions: conditions on interactions, those of the workspace.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    fitted_users: int = fitted_users_setting()
    future_days: int = setting(
        90, minimum=30, maximum=10_000, help="Days before the end of the log at which the date lies that divides it."
    )
    evergreen_months: float = setting(
        3.0, help="Minimum effective number of months of an evergreen journey.", minimum=1, maximum=1e6
    )
    seed: int = seed_setting()
    rhythm: RhythmConfig = dataclasses.field(default_factory=RhythmConfig)
    top_list: TopListConfig = dataclasses.field(default_factory=TopListConfig)
    salience: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    level: int = 0
    interactions: InteractionFilter = dataclasses.field(default_factory=InteractionFilter)

    def __post_init__(self) -> None:
        validate(self)
