"""What decides how journeys come about. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

from schemas import INTERACTIONS, DatasetSchema

Join = Literal["broadcast", "shuffle"]
Assign = Literal["best", "all"]
Centroid = Literal["mean", "sum"]


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
class InteractionFilter:
    """Which interactions are kept (2305.15498 keeps those with enough time spent and high predicted satisfaction).

    Attributes:
        keep_events: kinds of interaction to keep; empty: all.
        min_value: least `value`, or None.
        min_dwell_seconds: least `dwell_seconds`, or None.
    """

    keep_events: tuple[str, ...] = ()
    min_value: float | None = None
    min_dwell_seconds: float | None = None

    def required_schema(self) -> DatasetSchema:
        """`interactions`, with the columns that the filter looks at no longer optional."""
        looked_at = {
            "event": bool(self.keep_events),
            "value": self.min_value is not None,
            "dwell_seconds": self.min_dwell_seconds is not None,
        }
        columns = tuple(
            dataclasses.replace(column, optional=column.optional and not looked_at.get(column.name, False))
            for column in INTERACTIONS.columns
        )
        return dataclasses.replace(INTERACTIONS, columns=columns)


@dataclasses.dataclass(frozen=True)
class ExtractConfig:
    """How histories become journeys.

    Attributes:
        icpc: the clustering.
        interactions: which interactions count.
        max_history: how many interactions a user keeps: the last ones, at least 1.
        min_term_users: terms that fewer users reach are used and written nowhere; 1: all are.
        join: how interactions meet the terms of their items.
        buckets: into how many groups users, and in a shuffle items, are put.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    icpc: IcpcConfig = dataclasses.field(default_factory=IcpcConfig)
    interactions: InteractionFilter = dataclasses.field(default_factory=InteractionFilter)
    max_history: int = 2000
    min_term_users: int = 1
    join: Join = "broadcast"
    buckets: int = 64

    def __post_init__(self) -> None:
        for name in ("max_history", "min_term_users", "buckets"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
