"""What decides how journeys are named. Imports nothing that takes long, so that a wrong option is told at once."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

Method = Literal["salient", "few_shot", "prompt_tuned", "fine_tuned"]
PromptFieldSet = Literal["titles", "terms", "both"]

MAX_FEW_SHOT_EXAMPLES = 8
"""Worked examples that there are for `few_shot`."""


@dataclasses.dataclass(frozen=True)
class NamingConfig:
    """How journeys are named.

    Attributes:
        method: `salient`: from the journey's terms, without a language model; otherwise how the model was taught:
            `few_shot` by worked examples in the prompt, `prompt_tuned` by a tuned prompt, `fine_tuned` as a whole.
        metadata: what the model is told of a journey: `titles` of its items, its `terms`, or `both`. 2305.15498 finds
            that titles say the most, and that terms beside them add little.
        max_items: titles that are told, at least 1: names get no better after a moderate number of them (2305.15498).
        max_terms: terms that are told, at least 1.
        max_title_characters: longer titles are cut, at least 20.
        examples: worked examples before the question of `few_shot`, in [0, 8].
        min_width: columns that a name takes at least, at least 1. Wide characters, as those of Chinese, Japanese and
            Korean, take two.
        max_width: columns that a name takes at most, at least 30.
        max_words: words, between blanks, that a name has at most, at least 1.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    method: Method = "salient"
    metadata: PromptFieldSet = "titles"
    max_items: int = 8
    max_terms: int = 6
    max_title_characters: int = 120
    examples: int = MAX_FEW_SHOT_EXAMPLES
    min_width: int = 2
    max_width: int = 60
    max_words: int = 9

    def __post_init__(self) -> None:
        for name, allowed in (("method", get_args(Method)), ("metadata", get_args(PromptFieldSet))):
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {allowed}, got {getattr(self, name)!r}")
        least = {"max_items": 1, "max_terms": 1, "max_title_characters": 20, "min_width": 1, "max_width": 30}
        for name, lowest in (least | {"max_words": 1}).items():
            if getattr(self, name) < lowest:
                raise ValueError(f"{name} must be at least {lowest}, got {getattr(self, name)}")
        if not 0 <= self.examples <= MAX_FEW_SHOT_EXAMPLES:
            raise ValueError(f"examples must be in [0, {MAX_FEW_SHOT_EXAMPLES}], got {self.examples}")
        if self.min_width > self.max_width:
            raise ValueError(f"min_width must be at most max_width = {self.max_width}, got {self.min_width}")
