"""What decides how interest is told from conformity. Imports nothing that takes long."""

from __future__ import annotations

import dataclasses
import math
from typing import Literal, get_args

Discrepancy = Literal["l1", "l2"]


@dataclasses.dataclass(frozen=True)
class InterestConfig:
    """How embeddings of interest and of conformity are learnt (DICE, 2006.11011).

    Attributes:
        dimensions: size of an embedding of interest, and of one of conformity, at least 1.
        epochs: how often each pair of user and item is learnt from, at least 1.
        learning_rate: of the first epoch; it falls linearly to a tenth in the last. Above 0.
        regularisation: weight of the squared embeddings, at least 0.
        negatives: items that a user did not consume, drawn for each that they did, at least 1.
        causal_negatives: False: plain matrix factorisation with uniform negatives, the rival; both halves are then one
            embedding of twice the size.
        margin: a negative is more popular from `1 + margin` times the popularity on, and less popular likewise; at
            least 0. It is multiplied by `decay` after each epoch, so that cases become harder.
        pool: negatives that are more, or less, popular are drawn where there are at least so many, at least 1.
        cause_weight: of what is said of one cause alone, beside the click; multiplied by `decay` after each epoch, so
            that the click has the last word. At least 0.
        decay: in (0, 1].
        discrepancy: the distance that is to keep both embeddings apart: mean absolute or squared difference.
        discrepancy_weight: its weight, at least 0.
        seed: of first values, orders and negatives, at least 0.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    dimensions: int = 32
    epochs: int = 60
    learning_rate: float = 0.05
    regularisation: float = 0.03
    negatives: int = 4
    causal_negatives: bool = True
    margin: float = 0.25
    pool: int = 10
    cause_weight: float = 0.5
    decay: float = 0.97
    discrepancy: Discrepancy = "l1"
    discrepancy_weight: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("dimensions", "epochs", "negatives", "pool"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        for name in ("regularisation", "margin", "cause_weight", "discrepancy_weight", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be at least 0 and finite, got {getattr(self, name)}")
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be above 0 and finite, got {self.learning_rate}")
        if not 0 < self.decay <= 1:
            raise ValueError(f"decay must be in (0, 1], got {self.decay}")
        if self.discrepancy not in get_args(Discrepancy):
            raise ValueError(f"discrepancy must be one of {get_args(Discrepancy)}, got {self.discrepancy!r}")
