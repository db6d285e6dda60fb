"""Configuration of the life of journeys. Kept import-light, so that option errors are reported quickly."""

from __future__ import annotations

import dataclasses
import datetime

from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class RhythmConfig:
    """Configuration of the stage of journeys.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    ongoing_gaps: float = setting(
        3.0,
        help="A journey is ongoing while it is silent for at most this number of its typical gaps.",
        minimum=0,
        above=True,
        maximum=1e6,
    )
    ongoing_days: float | None = setting(
        None,
        help="A journey is ongoing while it is silent for at most this number of days, whatever its gaps. Default: "
        "--ongoing_gaps decides.",
        minimum=0,
        maximum=1e6,
    )
    gap_weight: float = setting(
        2.0,
        help="Number of gaps that the mean gap of the log counts for in the typical gap of a journey.",
        minimum=0,
        above=True,
        maximum=1e6,
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclasses.dataclass(frozen=True)
class TopListConfig:
    """Configuration of the order of journeys.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    importance_half_life: float = setting(
        70.0,
        help="Half-life in days of an interaction's weight in the importance of a journey, by which journeys are "
        "ordered; relative to the user's last interaction.",
        minimum=0,
        above=True,
        maximum=1e6,
    )
    penalty: float = setting(
        0.95,
        help="Factor of a journey's score for each similar journey above it. 1: no penalty.",
        minimum=0,
        above=True,
        maximum=1,
    )
    min_similarity: float = setting(
        0.3, help="Minimum cosine of the terms of two similar journeys.", minimum=0, above=True, maximum=1
    )

    def __post_init__(self) -> None:
        validate(self)


@dataclasses.dataclass(frozen=True)
class LifecycleConfig:
    """Configuration of the whole dataset.

    Attributes:
        rhythm: the stage.
        top_list: the order.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    rhythm: RhythmConfig = dataclasses.field(default_factory=RhythmConfig)
    top_list: TopListConfig = dataclasses.field(default_factory=TopListConfig)
    evergreen_months: float = setting(
        3.0, help="Minimum effective number of months of an evergreen journey.", minimum=1, maximum=1e6
    )
    month_terms: int = setting(5, help="Maximum number of terms of a month.", minimum=1, maximum=1000)
    last_day: str | None = setting(
        None,
        help="Last day of the log, `2026-01-31`, by whose end journeys are silent. Default: that of the latest "
        "interaction of any journey.",
        parse=lambda text: datetime.date.fromisoformat(text).isoformat(),
    )

    def __post_init__(self) -> None:
        validate(self)

    @property
    def end(self) -> int | None:
        """The end of the last day, in microseconds since 1970; None: it is that of the latest interaction."""
        if self.last_day is None:
            return None
        days = datetime.date.fromisoformat(self.last_day) - datetime.date(1970, 1, 1)
        return (days.days + 1) * 86_400_000_000
