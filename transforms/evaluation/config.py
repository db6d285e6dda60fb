"""Configurations that several experiments share. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from transforms.settings import setting, validate

Proportions = Literal["equal", "skewed"]

SKEW = 3
"""Minimum ratio of the items of the first collection of a skewed mixture to those of each other collection."""


def seed_setting() -> Any:
    """Declare the setting `seed`, one option for all experiments."""
    return setting(0, minimum=0, help="Random seed of samples, mixtures, item orders and bootstrap intervals.")


def noise_fractions_setting() -> Any:
    """Declare the fractions of noise in mixtures, one option for all experiments."""
    return setting(
        (0, 0.1, 0.3, 0.5),
        minimum=0,
        maximum=1,
        below=True,
        help="Fractions of noise, with commas between them: items of no collection are mixed in until they are this "
        "fraction of the items.",
    )


@dataclasses.dataclass(frozen=True)
class BootstrapConfig:
    """Configuration of the intervals of an experiment without other randomness."""

    seed: int = seed_setting()

    def __post_init__(self) -> None:
        validate(self)


@dataclasses.dataclass(frozen=True)
class MixtureConfig:
    """Configuration of mixtures: histories that are put together from item collections."""

    collections_per_mixture: tuple[int, ...] = setting(
        (2, 3, 5), minimum=1, help="Numbers k of collections in a mixture, with commas between them."
    )
    mixtures_per_k: int = setting(200, minimum=1, help="Number of mixtures of each number k of collections.")
    min_collection_items: int = setting(
        8, minimum=1, help="Minimum number of items that a collection contributes; smaller collections are not used."
    )
    max_collection_items: int = setting(40, minimum=1, help="Maximum number of items that a collection contributes.")
    proportions: Proportions = setting(
        "equal",
        help="Whether all collections contribute a random number of items, or the first one at least three times as "
        "many as each of the others.",
    )
    seed: int = seed_setting()
    max_collections_per_source: int | None = setting(
        None,
        minimum=1,
        help="Leave out sources with more collections than this, such as training data. Default: no source.",
    )

    def __post_init__(self) -> None:
        validate(self)
        collections_per_mixture = self.collections_per_mixture
        if not collections_per_mixture or len(set(collections_per_mixture)) < len(collections_per_mixture):
            raise ValueError(
                f"collections_per_mixture must be distinct numbers, at least one, got {collections_per_mixture}"
            )
        if self.max_collection_items < self.min_first_items:
            raise ValueError(
                f"max_collection_items must be at least {self.min_first_items}, got {self.max_collection_items}"
            )

    @property
    def min_first_items(self) -> int:
        """Minimum number of items that the first collection contributes."""
        return SKEW * self.min_collection_items if self.proportions == "skewed" else self.min_collection_items
