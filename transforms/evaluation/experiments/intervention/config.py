"""Configuration of the experiment on intervention. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.config import seed_setting
from transforms.interest.config import InterestConfig
from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class InterventionConfig:
    """Configuration of the test sets and of the recommendation lists.

    Attributes:
        learning: training of DICE; its seed is `seed`.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    test_fraction: float = setting(
        0.2, minimum=0, maximum=1, above=True, below=True, help="Fraction of the pairs of user and item for testing."
    )
    min_pairs: int = setting(5, minimum=1, help="Minimum number of pairs of each user and of each item.")
    length: int = setting(20, minimum=1, help="Number of recommended items.")
    max_users: int = setting(5000, minimum=1, help="Maximum number of users that are scored, a sample.")
    learning: InterestConfig = dataclasses.field(default_factory=InterestConfig)
    seed: int = seed_setting()

    def __post_init__(self) -> None:
        validate(self)
