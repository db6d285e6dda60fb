"""What decides the figures of experiments. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

from transforms.interest.config import InterestConfig
from transforms.salience.config import SalienceConfig
from transforms.settings import setting, validate

Proportions = Literal["equal", "skewed"]

SKEW = 3
"""How many times as many items the first collection of a skewed mixture brings in, at least."""


def _seed() -> Any:
    """Declare the setting `seed`, one option for all experiments."""
    return setting(0, minimum=0, help="Random seed of samples, mixtures, item orders and bootstrap intervals.")


@dataclasses.dataclass(frozen=True)
class BootstrapConfig:
    """Configuration of the intervals of an experiment without other randomness."""

    seed: int = _seed()

    def __post_init__(self) -> None:
        validate(self)


@dataclasses.dataclass(frozen=True)
class MixtureConfig:
    """How collections are mixed.

    Attributes:
        ks: numbers of collections in a mixture, each at least 1.
        mixtures_per_k: how many mixtures there are of each.
        fewest: least number of items that a collection brings in; smaller collections are not used.
        most: greatest number; of larger collections a part is drawn.
        proportions: `equal`: each collection brings in a number drawn from [fewest, min(most, its size)]; `skewed`: the
            first brings in at least three times as many as each of the others.
        seed: of all draws.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    ks: tuple[int, ...] = (2, 3, 5)
    mixtures_per_k: int = 200
    fewest: int = 8
    most: int = 40
    proportions: Proportions = "equal"
    seed: int = 0

    def __post_init__(self) -> None:
        if not self.ks or min(self.ks) < 1 or len(set(self.ks)) < len(self.ks):
            raise ValueError(f"ks must be different numbers of at least 1, got {self.ks}")
        if self.mixtures_per_k < 1:
            raise ValueError(f"mixtures_per_k must be at least 1, got {self.mixtures_per_k}")
        if self.proportions not in get_args(Proportions):
            raise ValueError(f"proportions must be one of {get_args(Proportions)}, got {self.proportions!r}")
        if self.fewest < 1:
            raise ValueError(f"fewest must be at least 1, got {self.fewest}")
        if self.most < self.fewest_of_first:
            raise ValueError(f"most must be at least {self.fewest_of_first}, got {self.most}")

    @property
    def fewest_of_first(self) -> int:
        """Least number of items that the first collection brings in."""
        return SKEW * self.fewest if self.proportions == "skewed" else self.fewest


@dataclasses.dataclass(frozen=True)
class SeparationConfig:
    """What decides the figures of experiment E2, besides the methods.

    Attributes:
        mixtures: how collections are mixed.
        most_collections_of_source: sources with more collections are left out; None: none is.
        salience: how statistical salient terms are found.
        fixed_thresholds: by the name of the method; the others are judged at the best that they tried.
        stability: whether methods see the mixtures in another order too.
    """

    mixtures: MixtureConfig = dataclasses.field(default_factory=MixtureConfig)
    most_collections_of_source: int | None = None
    salience: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)
    fixed_thresholds: tuple[tuple[str, float], ...] = ()
    stability: bool = False


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
