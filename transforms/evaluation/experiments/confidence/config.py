"""Configuration of the experiment on confidence. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.config import MixtureConfig, noise_fractions_setting
from transforms.salience.config import SalienceConfig
from transforms.settings import validate


@dataclasses.dataclass(frozen=True)
class ConfidenceConfig:
    """Configuration of the experiment on confidence.

    Attributes:
        mixtures: how collections are mixed, in each half of the sources.
        salience: how salient terms are extracted.
    """

    noise_fractions: tuple[float, ...] = noise_fractions_setting()
    mixtures: MixtureConfig = dataclasses.field(default_factory=MixtureConfig)
    salience: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)

    def __post_init__(self) -> None:
        validate(self)
