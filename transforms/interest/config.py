"""Configuration of interest and conformity. Kept import-light, so that option errors are reported quickly."""

from __future__ import annotations

import dataclasses
from typing import Literal

from transforms.settings import setting, validate

Discrepancy = Literal["l1", "l2"]


@dataclasses.dataclass(frozen=True)
class InterestConfig:
    """Configuration of the embeddings of interest and conformity (DICE, 2006.11011).

    Raises:
        ValueError: naming the attribute, the value given and what is allowed.
    """

    dimensions: int = setting(
        32, help="Size of the embedding of interest, and of the embedding of conformity.", minimum=1, maximum=1024
    )
    epochs: int = setting(60, help="Number of passes over the pairs of user and item.", minimum=1)
    learning_rate: float = setting(
        0.05,
        help="Learning rate of the first epoch; it falls linearly to a tenth in the last epoch.",
        minimum=0,
        above=True,
    )
    regularisation: float = setting(0.03, help="Weight of the squared norm of the embeddings.", minimum=0)
    negatives: int = setting(4, help="Number of negative items sampled per consumed item.", minimum=1)
    causal_negatives: bool = setting(  # False is the baseline; both halves are then one embedding of twice the size
        True,
        help="Whether negatives are sampled by popularity to separate interest from conformity, instead of plain "
        "matrix factorisation with uniform negatives.",
    )
    margin: float = setting(
        0.25,
        help="Relative difference in popularity from which one of two items counts as more popular: 0.5 is 1.5 times "
        "as popular. It is multiplied by `decay` after each epoch, which makes the cases harder.",
        minimum=0,
    )
    pool: int = setting(
        10,
        help="Minimum number of items that are more, or less, popular than an item for negatives to be sampled from "
        "them.",
        minimum=1,
    )
    cause_weight: float = setting(
        0.5,
        help="Weight of the losses of interest and of conformity relative to that of the click. It is multiplied by "
        "`decay` after each epoch, so that the click dominates at the end.",
        minimum=0,
    )
    decay: float = setting(
        0.97, help="Factor of `margin` and `cause_weight` per epoch.", minimum=0, above=True, maximum=1
    )
    discrepancy: Discrepancy = setting(
        "l1",
        help="Distance that separates the embeddings of interest and conformity: mean absolute or squared difference.",
    )
    discrepancy_weight: float = setting(0.01, help="Weight of the discrepancy.", minimum=0)
    seed: int = setting(0, help="Random seed of initialization, shuffling and negative sampling.", minimum=0)

    def __post_init__(self) -> None:
        validate(self)
