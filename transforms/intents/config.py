"""Configuration of models of exploration intent. Kept import-light."""

from __future__ import annotations

import dataclasses
from typing import Literal

from transforms.settings import setting, validate

ExplorationModelName = Literal["logistic_regression", "boosted_trees", "cross_network", "base_rate"]


@dataclasses.dataclass(frozen=True)
class IntentConfig:
    """Configuration of the features and of the model of exploration intent.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    session_gap_minutes: float = setting(
        30.0, minimum=0, help="Time without an interaction, in minutes, after which a session ends."
    )
    activity_days: float = setting(28.0, minimum=0, help="Number of days whose interactions count as recent activity.")
    fitted_users: int = setting(
        50_000, minimum=1, help="Maximum number of users that the model is fitted to, selected by a hash of their ids."
    )
    examples_per_user: int = setting(
        200, minimum=1, help="Maximum number of interactions of a user that are examples, evenly spaced in the history."
    )
    intent_model: ExplorationModelName = setting(
        "logistic_regression",
        help="Model of the probabilities: `logistic_regression`, `boosted_trees`, `cross_network` (DCN-v2, needs "
        "torch) or `base_rate`.",
    )
    test_fraction: float = setting(
        0.2,
        minimum=0,
        maximum=1,
        below=True,
        option="intent_test_fraction",
        help="Fraction of the examples, the last ones, on which the model is measured.",
    )
    validation_fraction: float = setting(
        0.1,
        minimum=0,
        maximum=1,
        below=True,
        option="intent_validation_fraction",
        help="Fraction of the examples, the last ones, on which the model is stopped and calibrated.",
    )
    seed: int = setting(0, minimum=0, option="intent_seed", help="Random seed of the model.")

    def __post_init__(self) -> None:
        validate(self)
