"""Configuration of the experiment on prompting. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple, get_args

from transforms.evaluation.config import seed_setting
from transforms.evaluation.experiments.naming.bleurt import BleurtSource
from transforms.evaluation.experiments.naming.config import bleurt_setting
from transforms.language_models.spec import ModelSpec
from transforms.settings import setting, validate

Scope = Literal["history in one prompt", "journeys in one prompt", "one prompt a journey"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""The part of a history that one prompt covers when all of its journeys are named; the last scope is that of `name`."""

MAX_TOKENS = 64
"""Maximum number of tokens of a reply with several names."""


class PromptedModel(NamedTuple):
    """A language model that was located.

    Attributes:
        spec: the weights.
        labels: for each of `SCOPES` the name of the model and a fingerprint of all that determines completions.
    """

    spec: ModelSpec
    labels: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class PromptingConfig:
    """Configuration of the comparison of prompts."""

    prompted_model: PromptedModel = setting(
        help="Language model that names the journeys of a history, as for `--model` of `name`; it is not tuned."
    )
    named_collections: tuple[int, ...] = setting(
        (2, 3, 5), minimum=2, help="Numbers k of named collections in a history, with commas between them."
    )
    histories_per_k: int = setting(20, minimum=2, help="Number of histories of each number k of named collections.")
    titles_per_collection: int = setting(
        8, minimum=3, maximum=40, help="Maximum number of titles that a named collection contributes to a history."
    )
    bleurt: BleurtSource | None = bleurt_setting()
    seed: int = seed_setting()

    def __post_init__(self) -> None:
        validate(self)
        if not self.named_collections or len(set(self.named_collections)) < len(self.named_collections):
            raise ValueError(f"named_collections must be distinct numbers, at least one, got {self.named_collections}")
