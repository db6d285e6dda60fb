"""What decides how journeys come about. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, get_args

from schemas import INTERACTIONS, DatasetSchema

Join = Literal["broadcast", "shuffle"]
Assign = Literal["best", "all"]
Centroid = Literal["mean", "sum"]


MAX_HISTORY_BY_VECTORS = 5000
"""Interactions a user may keep where journeys are formed by vectors: memory grows with the square. Four
matrices of float64 are then 0.8 GB."""


@dataclasses.dataclass(frozen=True)
class IcpcConfig:
    """How journeys are formed.

    Attributes:
        threshold: least cosine between an item and a journey's centroid for the item to join, in (0, 1].
        assign: `best`: the item joins the nearest journey; `all`: every journey that is near enough.
        min_size: journeys with fewer distinct items are dropped, at least 1 (the paper's c is `min_size - 1`).
        centroid: whether a journey's term weights are the `mean` or the `sum` over its items. Cosine does not see the
            difference, so the journeys are the same.
        journey_terms: how many of its heaviest terms a journey keeps, at least 1.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    threshold: float = 0.05
    assign: Assign = "best"
    min_size: int = 3
    centroid: Centroid = "mean"
    journey_terms: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], got {self.threshold}")
        if self.assign not in get_args(Assign):
            raise ValueError(f"assign must be one of {get_args(Assign)}, got {self.assign!r}")
        if self.centroid not in get_args(Centroid):
            raise ValueError(f"centroid must be one of {get_args(Centroid)}, got {self.centroid!r}")
        if self.min_size < 1:
            raise ValueError(f"min_size must be at least 1, got {self.min_size}")
        if self.journey_terms < 1:
            raise ValueError(f"journey_terms must be at least 1, got {self.journey_terms}")


@dataclasses.dataclass(frozen=True)
class BayesianConfig:
    """How journeys are formed from vectors. Thresholds are evidence per dimension for one journey above that for two.

    What is at a right angle to a journey speaks against belonging to it, but softly where few items speak: one item
    brings -0.04 to a journey of one, -0.3 to a journey of fifty. So a threshold below 0 is not enough to keep what is
    unrelated out of small journeys; shares of the evidence that a right angle would bring are.

    Attributes:
        assign_threshold: an item joins a journey in the one pass for more than this. High: joins are not undone then.
        merge_threshold: two journeys are merged for more than this. Lower: fewer and wider journeys.
        merge_fraction: and for more than this share of what they would bring if they were at a right angle, in [0, 1].
            Lower: more and narrower journeys, above all where histories are short.
        join_fraction: in the second look an item is left alone that brings less to every journey than this share of
            what it would bring at a right angle, in [0, 1]. Lower: fewer items in journeys.
        min_gain: a journey is kept for more than this above its items apart; the items of others are in none.
        coherence: the share of an item's variance that its journey explains, in (0, 1).
        rounds: how often each item may move in the second look, at least 0.
        refine: whether journeys are merged and items re-assigned at all.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    assign_threshold: float = 0.15
    merge_threshold: float = -0.35
    merge_fraction: float = 0.9
    join_fraction: float = 1.0
    min_gain: float = -0.1
    coherence: float = 0.2
    rounds: int = 3
    refine: bool = True

    def __post_init__(self) -> None:
        for name in ("assign_threshold", "merge_threshold", "min_gain"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")
        for name in ("merge_fraction", "join_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if not 0 < self.coherence < 1:
            raise ValueError(f"coherence must be in (0, 1), got {self.coherence}")
        if self.rounds < 0:
            raise ValueError(f"rounds must be at least 0, got {self.rounds}")


@dataclasses.dataclass(frozen=True)
class InteractionFilter:
    """Which interactions are kept (2305.15498 keeps those with enough time spent and high predicted satisfaction).

    Attributes:
        keep_events: kinds of interaction to keep; empty: all.
        min_value: least `value`, or None.
        min_dwell_seconds: least `dwell_seconds`, or None.
        min_interest: least `interest`, or None.
    """

    keep_events: tuple[str, ...] = ()
    min_value: float | None = None
    min_dwell_seconds: float | None = None
    min_interest: float | None = None

    def required_schema(self) -> DatasetSchema:
        """`interactions`, with the columns that the filter looks at no longer optional."""
        looked_at = {
            "event": bool(self.keep_events),
            "value": self.min_value is not None,
            "dwell_seconds": self.min_dwell_seconds is not None,
            "interest": self.min_interest is not None,
        }
        columns = tuple(
            dataclasses.replace(column, optional=column.optional and not looked_at.get(column.name, False))
            for column in INTERACTIONS.columns
        )
        return dataclasses.replace(INTERACTIONS, columns=columns)


THRESHOLDS = (
    *(0.001, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.06, 0.07, 0.08),
    *(0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5),
)
"""Values of `IcpcConfig.threshold` that a sweep tries."""

MERGE_THRESHOLDS = (
    *(-5.0, -3.0, -2.0, -1.5, -1.2, -1.0, -0.8, -0.7, -0.6, -0.5, -0.45, -0.4, -0.35, -0.3, -0.25),
    *(-0.2, -0.15, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2),
)
"""Values of `BayesianConfig.merge_threshold` that a sweep tries."""

_MIN_SIZES = tuple(range(1, 11))


@dataclasses.dataclass(frozen=True)
class SweepConfig:
    """Whether, and how, the threshold is found from the data at hand.

    Attributes:
        target_journeys_per_user: the mean number of journeys of a user that is wanted, above 0; None: thresholds are
            tried, and the given one is used.
        users: how many users they are tried on, at least 1: those whose hashes are the smallest.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    target_journeys_per_user: float | None = None
    users: int = 4096

    def __post_init__(self) -> None:
        if self.target_journeys_per_user is not None and not 0 < self.target_journeys_per_user < math.inf:
            raise ValueError(
                f"target_journeys_per_user must be above 0 and finite, got {self.target_journeys_per_user}"
            )
        if self.users < 1:
            raise ValueError(f"users must be at least 1, got {self.users}")


@dataclasses.dataclass(frozen=True)
class ExtractConfig:
    """How histories become journeys.

    Attributes:
        icpc: the clustering by terms; its `min_size`, `centroid` and `journey_terms` hold for both.
        interactions: which interactions count.
        max_history: how many interactions a user keeps: the last ones, at least 1.
        min_term_users: terms that fewer users reach are used and written nowhere; 1: all are.
        join: how interactions meet the terms of their items.
        buckets: into how many groups users, and in a shuffle items, are put.
        evidence: the clustering by vectors; None: journeys are formed by terms.
        sweep: how other thresholds are tried on a sample of users; None: they are not.
        half_life_days: journeys are ranked by importance, in which an interaction counts half as much when it is so
            many days older, above 0; None: they are ranked by size.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    icpc: IcpcConfig = dataclasses.field(default_factory=IcpcConfig)
    interactions: InteractionFilter = dataclasses.field(default_factory=InteractionFilter)
    max_history: int = 2000
    min_term_users: int = 1
    join: Join = "broadcast"
    buckets: int = 64
    bayesian: BayesianConfig | None = None
    sweep: SweepConfig | None = None
    half_life_days: float | None = None

    def __post_init__(self) -> None:
        for name in ("max_history", "min_term_users", "buckets"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.half_life_days is not None and not 0 < self.half_life_days < math.inf:
            raise ValueError(f"half_life_days must be above 0 and finite, got {self.half_life_days}")

    @property
    def threshold_option(self) -> str:
        """The name of the threshold that decides how wide journeys are."""
        return "threshold" if self.bayesian is None else "merge_threshold"

    @property
    def threshold(self) -> float:
        """That threshold."""
        return self.icpc.threshold if self.bayesian is None else self.bayesian.merge_threshold

    def with_threshold(self, threshold: float) -> ExtractConfig:
        """The same with another threshold."""
        if self.bayesian is None:
            return dataclasses.replace(self, icpc=dataclasses.replace(self.icpc, threshold=threshold))
        return dataclasses.replace(self, bayesian=dataclasses.replace(self.bayesian, merge_threshold=threshold))

    @property
    def swept_thresholds(self) -> tuple[float, ...]:
        """The thresholds that a sweep tries, ascending, the given one among them."""
        tried = THRESHOLDS if self.bayesian is None else MERGE_THRESHOLDS
        return tuple(sorted({*tried, self.threshold}))

    @property
    def swept_min_sizes(self) -> tuple[int, ...]:
        """The minimum sizes of journeys that a sweep tells of, ascending, the given one among them."""
        return tuple(sorted({*_MIN_SIZES, self.icpc.min_size}))
