"""Configuration of the experiment on salience. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.salience.config import LearnedSalienceConfig
from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class SalienceExperimentConfig:
    """Configuration of the sample that scorers are evaluated on."""

    max_items: int = setting(
        LearnedSalienceConfig.max_items,
        minimum=1,
        help="Maximum number of catalogue items that are used, a sample.",
    )

    def __post_init__(self) -> None:
        validate(self)
