"""Configuration of the experiment on freshness. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.config import seed_setting
from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class FreshnessConfig:
    """Configuration of the experiment on freshness."""

    drift_periods: int = setting(
        4, minimum=2, help="Number of periods between which successors are compared; each has as many interactions."
    )
    min_context_users: int = setting(
        10, minimum=1, help="Minimum number of transitions after a context, in each period that is compared."
    )
    seed: int = seed_setting()

    def __post_init__(self) -> None:
        validate(self)
