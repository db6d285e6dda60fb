"""Configuration of the experiment on recommendation. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.datasets.interaction_filter import InteractionFilter
from transforms.evaluation.config import seed_setting
from transforms.exploration.config import TransitionConfig
from transforms.settings import setting, validate


def fitted_users_setting() -> int:
    """Declare the number of users whose interactions are used."""
    return setting(
        20_000, minimum=1, help="Maximum number of users whose interactions are used; a sample by the hash of the user."
    )


def measured_users_setting() -> int:
    """Declare the number of users whose lists are measured."""
    return setting(5_000, minimum=1, help="Maximum number of users whose lists are measured; a random sample of them.")


@dataclasses.dataclass(frozen=True)
class RecommendationConfig:
    """Configuration of the comparison of recommendations.

    Attributes:
        transitions: size of contexts, and fractions of the log that are the test and the validation period.
        level: the level of the tree, from 1; 0: the last one.
        interactions: conditions on interactions, those of the workspace.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    fitted_users: int = fitted_users_setting()
    measured_users: int = measured_users_setting()
    rolling_weeks: int = setting(
        26, minimum=0, help="Maximum number of weeks of the back-test over time, the last ones. 0: none."
    )
    seed: int = seed_setting()
    transitions: TransitionConfig = dataclasses.field(default_factory=TransitionConfig)
    level: int = 0
    interactions: InteractionFilter = dataclasses.field(default_factory=InteractionFilter)

    def __post_init__(self) -> None:
        validate(self)
