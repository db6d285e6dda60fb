"""Configuration of the experiment on conformity. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.config import MixtureConfig
from transforms.interest.config import InterestConfig
from transforms.salience.config import SalienceConfig
from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class ConformityConfig:
    """Configuration of the injection of popular items into mixtures.

    Attributes:
        popular_items: number of popular items, at least 1.
        mixtures: how collections are mixed.
        salience: how terms are extracted.
        learning: training of DICE; its seed is that of the mixtures.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    max_collections: int = setting(
        40,
        minimum=1,
        help="Maximum number of collections that are mixed, a sample. Few, so that users share interests.",
    )
    popular_fraction: float = setting(
        0.1,
        minimum=0,
        maximum=1,
        above=True,
        help="Fraction of the mixtures that each popular item is injected into.",
    )
    popular_items: int = 20
    mixtures: MixtureConfig = dataclasses.field(default_factory=MixtureConfig)
    salience: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    learning: InterestConfig = dataclasses.field(default_factory=InterestConfig)

    def __post_init__(self) -> None:
        validate(self)
        if self.popular_items < 1:
            raise ValueError(f"popular_items must be at least 1, got {self.popular_items}")
