"""Configuration of rankers by counts and of recommendation lists. Kept import-light."""

from __future__ import annotations

import dataclasses
from typing import Literal

from transforms.settings import setting, validate

ContextSource = Literal["recent", "journeys"]
Allocation = Literal["by_probability", "in_turn"]


@dataclasses.dataclass(frozen=True)
class CountRankerConfig:
    """Configuration of the ranker by counts.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    dimensions: int = setting(
        64, minimum=1, maximum=256, help="Dimensions of item vectors that are computed from which users consumed what."
    )
    content_dimensions: int = setting(
        64, minimum=0, maximum=256, help="Dimensions of item vectors that are computed from the content; 0: none."
    )
    history_length: int = setting(
        50, minimum=1, help="Number of most recent interactions of a user from which the user's vector is computed."
    )
    ranker_users: int = setting(
        50_000, minimum=1, help="Maximum number of users that the ranker is fitted to, selected by a hash of their ids."
    )
    validation_fraction: float = setting(
        0.1,
        minimum=0,
        maximum=1,
        below=True,
        option="ranker_validation_fraction",
        help="Fraction of the interactions, the last ones, on which the weights of the ranker are chosen; then it is "
        "fitted to all.",
    )
    seed: int = setting(0, minimum=0, help="Random seed of the ranker.")

    def __post_init__(self) -> None:
        validate(self)


@dataclasses.dataclass(frozen=True)
class ListConfig:
    """Configuration of recommendation lists.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    slots: int = setting(10, minimum=1, maximum=1000, help="Number of recommended items of a user.")
    novel_fraction: float = setting(
        0.5,
        minimum=0,
        maximum=1,
        help="Fraction of the slots for items of novel clusters; with --intents, its mean over users.",
    )
    next_clusters: int = setting(
        30, minimum=1, maximum=1000, help="Number of novel clusters that are looked up in the table for a user."
    )
    allocation: Allocation = setting(
        "by_probability",
        help="Rule by which the places of novel items are allocated to the looked-up clusters: `by_probability`, by "
        "the score of the item times the probability of its cluster to the power of --cluster_power; `in_turn`, the "
        "best item of each cluster, then the second of each.",
    )
    cluster_power: float = setting(
        0.25,
        minimum=0,
        help="Power of the probability of a cluster, with --allocation=by_probability; 0: only the scores of items "
        "count, and the higher it is, the more places the most probable clusters get.",
    )
    familiar_clusters: int = setting(
        10,
        minimum=1,
        help="Number of most recent clusters of a user, or of journeys with --context=journeys, for familiar items.",
    )
    context: ContextSource = setting(
        "recent",
        help="Clusters of a user that the table is looked up for: `recent`, the last distinct ones of the history; "
        "`journeys`, those of the journeys that were continued last.",
    )

    def __post_init__(self) -> None:
        validate(self)

    @property
    def power(self) -> float | None:
        """The power of the probability of a cluster; None: items are taken from the clusters in turn."""
        return self.cluster_power if self.allocation == "by_probability" else None
