"""Configuration of the experiment on intents. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.datasets.interaction_filter import InteractionFilter
from transforms.evaluation.config import seed_setting
from transforms.evaluation.experiments.recommendation.config import fitted_users_setting, measured_users_setting
from transforms.exploration.config import TransitionConfig
from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class IntentsConfig:
    """Configuration of the experiment.

    Attributes:
        transitions: size of contexts, and fractions of the log that are the test and the validation period.
        level: the level of the tree, from 1; 0: the last one.
        interactions: conditions on interactions, those of the workspace.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    fitted_users: int = fitted_users_setting()
    measured_users: int = measured_users_setting()
    candidates: int = setting(100, minimum=10, help="Number of candidates of a user that are re-ranked.")
    seed: int = seed_setting()
    transitions: TransitionConfig = dataclasses.field(default_factory=TransitionConfig)
    level: int = 0
    interactions: InteractionFilter = dataclasses.field(default_factory=InteractionFilter)

    def __post_init__(self) -> None:
        validate(self)
