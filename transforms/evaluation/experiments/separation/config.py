"""Configuration of the experiment on separation. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.config import MixtureConfig, noise_fractions_setting
from transforms.salience.config import SalienceConfig
from transforms.settings import setting, validate


def parse_names(text: str) -> tuple[str, ...]:
    """Parse `ICPC;Ward`: names of algorithms, which may have commas."""
    return tuple(name.strip() for name in text.split(";") if name.strip())


def parse_thresholds(text: str) -> tuple[tuple[str, float], ...]:
    """Parse `ALGORITHM=VALUE;...`, sorted by algorithm.

    Raises:
        ValueError: saying what is allowed.
    """
    found = {}
    for entry in parse_names(text):
        name, separator, value = entry.rpartition("=")
        if not separator or not name:
            raise ValueError(f"must be ALGORITHM=VALUE;..., got {entry!r}")
        try:
            found[name.strip()] = float(value)
        except ValueError as error:
            raise ValueError(f"must be a number after '=', got {value!r}") from error
        if not found[name.strip()]:
            raise ValueError(f"a threshold must not be 0, got {entry!r}")
    return tuple(sorted(found.items()))


@dataclasses.dataclass(frozen=True)
class SeparationConfig:
    """Configuration of the separation of mixtures.

    Attributes:
        mixtures: how collections are mixed.
        salience: how statistical salient terms are extracted.
    """

    algorithms: tuple[str, ...] | None = setting(
        None,
        parse=parse_names,
        help="Names of algorithms or their beginnings, separated by `;`: `ICPC;Ward`. Default: all but the slow ones.",
    )
    fixed_thresholds: tuple[tuple[str, float], ...] = setting(
        (),
        parse=parse_thresholds,
        help="Thresholds chosen in advance: `ALGORITHM=VALUE;...`. Default: the best on these mixtures.",
    )
    measure_stability: bool = setting(
        False, help="Whether to measure how labels change with the order of the items, which doubles the work."
    )
    noise_fractions: tuple[float, ...] = noise_fractions_setting()
    mixtures: MixtureConfig = dataclasses.field(default_factory=MixtureConfig)
    salience: SalienceConfig = dataclasses.field(default_factory=SalienceConfig)

    def __post_init__(self) -> None:
        validate(self)
