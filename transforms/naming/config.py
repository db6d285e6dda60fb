"""Configuration of naming. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses
from typing import Literal

from transforms.settings import setting, validate

Method = Literal["salient", "few_shot", "prompt_tuned", "fine_tuned"]
PromptFieldSet = Literal["titles", "terms", "both"]

MAX_FEW_SHOT_EXAMPLES = 8
"""Number of few-shot examples in `examples.yaml`."""


@dataclasses.dataclass(frozen=True)
class NamingConfig:
    """Configuration of prompts and names.

    2305.15498 finds that titles describe a journey best, that terms add little to them, and that names do not improve
    beyond a moderate number of titles.

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    method: Method = setting(
        "salient",
        help="Source of names: `salient`, the terms of a journey; or a language model, with `few_shot` examples in the "
        "prompt, with a tuned prompt (`prompt_tuned`), or with tuned weights (`fine_tuned`).",
    )
    prompt_fields: PromptFieldSet = setting("titles", help="Fields of a journey in the prompt.")
    max_items: int = setting(
        8,
        help="Maximum number of titles in a prompt, sampled evenly over the time of the journey.",
        minimum=1,
        maximum=1000,
    )
    max_terms: int = setting(6, help="Maximum number of terms in a prompt.", minimum=1)
    max_title_characters: int = setting(120, help="Maximum length of a title; longer ones are truncated.", minimum=20)
    num_examples: int = setting(
        MAX_FEW_SHOT_EXAMPLES,
        help="Number of examples in a prompt of the method `few_shot`.",
        minimum=0,
        maximum=MAX_FEW_SHOT_EXAMPLES,
    )
    min_width: int = setting(
        2,
        help="Minimum number of columns of a name; East Asian wide characters take two columns.",
        minimum=1,
    )
    max_width: int = setting(60, help="Maximum number of columns of a name.", minimum=30)
    max_words: int = setting(9, help="Maximum number of words of a name.", minimum=1)

    def __post_init__(self) -> None:
        validate(self)
        if self.min_width > self.max_width:
            raise ValueError(f"min_width must be at most max_width = {self.max_width}, got {self.min_width}")
