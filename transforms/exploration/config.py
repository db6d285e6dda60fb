"""Configuration of transitions and of the exploration table. Kept import-light: option errors are reported quickly."""

from __future__ import annotations

import dataclasses
from typing import Literal

from transforms.settings import setting, validate

SourceName = Literal["blend", "popularity", "markov", "item_to_item", "network", "language_model"]
"""A source of the scores of the exploration table."""

SelectionName = Literal["balanced", "frequent"]
"""A selection of transitions for tuning."""


@dataclasses.dataclass(frozen=True)
class TransitionConfig:
    """Configuration of the transitions from contexts to novel clusters (2405.16363, section on fine-tuning data).

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    context_size: int = setting(
        2, help="Number of clusters in a context, which represents a user.", minimum=1, maximum=3
    )
    min_users: int = setting(
        1,
        help="Minimum number of users of a transition; transitions of fewer users are dropped, which protects privacy.",
        minimum=1,
    )
    test_fraction: float = setting(
        0.2,
        help="Fraction of the first interactions with clusters, the latest ones, whose time span is the test period.",
        minimum=0,
        maximum=1,
        below=True,
    )
    validation_fraction: float = setting(
        0.1,
        help="Fraction of the first interactions, before the test period, whose time span is the validation period.",
        minimum=0,
        maximum=1,
        below=True,
    )
    selection: SelectionName = setting(
        "balanced",
        help="Selection of transitions for tuning: `balanced`, the most frequent contexts of each next cluster; "
        "`frequent`, as many of the most frequent transitions, whatever their next cluster.",
    )
    per_label: int = setting(
        100,
        help="Number of transitions per cluster that are selected for tuning; in other periods, number of transitions "
        "per cluster in the sample on which a tuned model is measured.",
        minimum=1,
    )

    def __post_init__(self) -> None:
        validate(self)
        if self.test_fraction + self.validation_fraction >= 1:
            raise ValueError(
                "test_fraction + validation_fraction must be below 1, so that interactions are left for training, "
                f"got {self.test_fraction} + {self.validation_fraction}"
            )
