"""Configuration of the sequence recommender. Kept import-light so that errors in options surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.settings import setting, validate

FULL_SOFTMAX_BELOW = 20_000
"""Number of items of the training log below which all items are in the softmax."""


@dataclasses.dataclass(frozen=True)
class SequenceConfig:
    """Configuration of the sequence recommender and its training.

    The defaults are those of eSASRec for small data sets, except for recent popularity, conditions and the dropout
    of ids, which it does not have.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    dimensions: int = setting(64, minimum=1, maximum=1024, help="Dimensions of the vectors of items and users.")
    blocks: int = setting(2, minimum=1, help="Number of layers of the Transformer.")
    heads: int = setting(1, minimum=1, help="Number of attention heads; they divide the dimensions.")
    dropout: float = setting(0.2, minimum=0, maximum=1, below=True, help="Fraction of units that dropout sets to 0.")
    length: int = setting(
        50, minimum=1, help="Maximum number of interactions from which the vector of a user is computed, the last ones."
    )
    max_history: int = setting(
        0, minimum=0, help="Maximum number of interactions of a user that are trained on, the last ones; 0: all."
    )
    negatives: int = setting(
        256,
        minimum=1,
        help="Number of items that are sampled for the softmax of a batch, if the training log has 20,000 items or "
        "more; with fewer, all items are in the softmax.",
    )
    learning_rate: float = setting(1e-3, minimum=0, above=True, help="Learning rate of Adam.")
    batch_size: int = setting(128, minimum=1, help="Sequences of one step.")
    max_epochs: int = setting(100, minimum=1, help="Maximum number of passes over the training log.")
    patience: int = setting(
        10,
        minimum=1,
        help="Training stops when nDCG@10 on the validation period has not risen for this number of epochs.",
    )
    validation_fraction: float = setting(
        0.1,
        minimum=0,
        maximum=1,
        above=True,
        below=True,
        help="Fraction of the interactions, the latest ones, on which the number of epochs is chosen; then the "
        "recommender is trained anew on all.",
    )
    popularity_days: float = setting(
        7.0,
        minimum=0,
        help="Number of days in which the recent popularity of items is counted, which the vectors of users weight; 0: "
        "it is not used.",
    )
    id_dropout: float = setting(
        0.1,
        minimum=0,
        maximum=1,
        below=True,
        help="Fraction of the items of a batch whose vectors are computed from their content alone, as those of items "
        "are that the training log does not have.",
    )
    conditioned: float = setting(
        0.2,
        minimum=0,
        maximum=1,
        help="Fraction of the training examples with the cluster of the next item as condition; 0: the model has no "
        "conditions.",
    )
    seed: int = setting(0, minimum=0, help="Random seed of the parameters, of the order of sequences, and of dropout.")

    def __post_init__(self) -> None:
        validate(self)
        if self.dimensions % self.heads:
            raise ValueError(f"heads must divide dimensions, got {self.heads} and {self.dimensions}")
