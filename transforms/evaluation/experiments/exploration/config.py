"""Configuration of the experiment on exploration. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.config import seed_setting
from transforms.exploration.config import TransitionConfig
from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class ExplorationConfig:
    """Configuration of the comparison of sources.

    Attributes:
        transitions: how transitions are counted and divided into periods.
        level: the level of the tree, from 1; 0: the last one.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    tables: tuple[str, ...] | None = setting(
        None,
        help="Workspaces with `lookup`, as `explore` writes it, such as that of a language model, with commas between "
        "them: their tables are compared too. They must be of the tree of --exploration. Default: none.",
    )
    seed: int = seed_setting()
    transitions: TransitionConfig = dataclasses.field(default_factory=TransitionConfig)
    level: int = 0

    def __post_init__(self) -> None:
        validate(self)
