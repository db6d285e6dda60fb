"""Configurations that several experiments share. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from transforms.interest.config import InterestConfig
from transforms.salience.config import SalienceConfig
from transforms.settings import setting, validate

Proportions = Literal["equal", "skewed"]

SKEW = 3
"""How many times as many items the first collection of a skewed mixture contributes, at least."""


def seed_setting() -> Any:
    """Declare the setting `seed`, one option for all experiments."""
    return setting(0, minimum=0, help="Random seed of samples, mixtures, item orders and bootstrap intervals.")


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
    max_collections_of_source: int | None = setting(
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


@dataclasses.dataclass(frozen=True)
class SeparationConfig:
    """Configuration of an experiment on mixtures.

    Attributes:
        mixtures: how collections are mixed.
        salience: how statistical salient terms are extracted.
        fixed_thresholds: by method; the others are evaluated at the best that they tried.
        measure_stability: whether methods are run on the mixtures in another order too.
    """

    mixtures: MixtureConfig = dataclasses.field(default_factory=MixtureConfig)
    salience: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    fixed_thresholds: tuple[tuple[str, float], ...] = ()
    measure_stability: bool = False


@dataclasses.dataclass(frozen=True)
class InterventionConfig:
    """How recommendations are judged on a test set in which popularity does not help.

    Attributes:
        test_share: share of the pairs of user and item that are tested, in (0, 1).
        fewest: pairs that each user and each item must have, at least 1; others are not used.
        length: of the lists of recommended items, at least 1.
        most_users: users that are judged, a sample, at least 1.
        learning: how DICE learns; its seed is `seed`.
        seed: of all draws, of learning and of the intervals.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    test_share: float = 0.2
    fewest: int = 5
    length: int = 20
    most_users: int = 5000
    learning: InterestConfig = dataclasses.field(default_factory=InterestConfig)
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.test_share < 1:
            raise ValueError(f"test_share must be in (0, 1), got {self.test_share}")
        for name in ("fewest", "length", "most_users"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


@dataclasses.dataclass(frozen=True)
class ConformityConfig:
    """How popular items are planted into mixtures, for rules to take them out again.

    Attributes:
        separation: how collections are mixed, and how terms are found.
        most_collections: collections that are mixed, a sample, at least 1: of few collections, so that users share
            interests.
        popular: how many popular items there are, at least 1.
        share: of all mixtures that each of them is planted into, in (0, 1].
        learning: how DICE learns; its seed is that of the mixtures.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    separation: SeparationConfig = dataclasses.field(default_factory=SeparationConfig)
    most_collections: int = 40
    popular: int = 20
    share: float = 0.1
    learning: InterestConfig = dataclasses.field(default_factory=InterestConfig)

    def __post_init__(self) -> None:
        for name in ("most_collections", "popular"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 < self.share <= 1:
            raise ValueError(f"share must be in (0, 1], got {self.share}")
