"""Configuration of the tuning of a language model. Kept import-light so that errors in options surface quickly."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal, NamedTuple

from transforms.settings import setting, validate

TuningMethod = Literal["lora", "prompt_tuning", "full"]

_LEARNING_RATES: dict[TuningMethod, float] = {"lora": 1e-3, "prompt_tuning": 3e-2, "full": 5e-5}


class TrainingExample(NamedTuple):
    """A prompt with its target completion.

    Attributes:
        prompt: the prompt, without the prompt template.
        completion: the target.
        weight: weight of its tokens in the loss, above 0.
        excluded: completions that are not valid after the prompt, of a task with a closed set; None: none.
    """

    prompt: str
    completion: str
    weight: float = 1.0
    excluded: Sequence[str] | None = None


@dataclasses.dataclass(frozen=True)
class TuningConfig:
    """Configuration of the tuning of a language model.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    method: TuningMethod = setting(
        "lora",
        option="tuning_method",
        help="Trainable parameters: `lora`, low-rank additions to the weights; `prompt_tuning`, the vectors of a soft "
        "prompt (Lester et al. 2021); `full`, all weights.",
    )
    learning_rate: float | None = setting(
        None,
        minimum=0,
        above=True,
        help="Peak learning rate. Default: 1e-3 for LoRA, 3e-2 for a soft prompt, 5e-5 for all weights.",
    )
    epochs: int = setting(1, minimum=1, help="Passes over the training pairs.")
    batch_size: int = setting(16, minimum=1, help="Training pairs of one step.")
    rank: int = setting(16, minimum=1, help="Rank of LoRA; alpha is twice the rank.")
    top_layers: int = setting(
        10, minimum=0, help="Number of last layers that LoRA is applied to; 0: all layers. Fewer train faster."
    )
    prompt_tokens: int = setting(20, minimum=1, help="Vectors of the soft prompt.")
    warmup: float = setting(
        0.05,
        minimum=0,
        maximum=1,
        below=True,
        help="Fraction of the steps in which the learning rate rises; in the others it falls to 0.",
    )
    evaluations: int = setting(8, minimum=1, help="Number of evaluations on the validation split, evenly spaced.")
    patience: int = setting(
        3, minimum=1, help="Training stops when the validation loss has not decreased for this number of evaluations."
    )
    max_tokens: int = setting(
        512, minimum=16, help="Maximum tokens of prompt and completion; longer pairs are skipped."
    )
    seed: int = setting(0, minimum=0, help="Random seed of initialization and order.")

    def __post_init__(self) -> None:
        validate(self)

    @property
    def peak_learning_rate(self) -> float:
        """The peak learning rate."""
        return self.learning_rate or _LEARNING_RATES[self.method]


@dataclasses.dataclass(frozen=True)
class ClosedSetThresholds:
    """Requirements for a model that is tuned to generate members of a closed set, and how they are measured.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    min_match_rate: float = setting(
        0.9,
        minimum=0,
        maximum=1,
        help="For pairs with a closed set of completions: minimum fraction of completions, generated without a "
        "constraint, that are in the set. A model below it is rejected.",
    )
    min_recall_ratio: float = setting(
        1.2,
        minimum=0,
        help="For such pairs: minimum recall@10 as a multiple of that of a random order. A model below it is rejected.",
    )
    max_gini: float | None = setting(
        None,
        minimum=0,
        maximum=1,
        help="For such pairs: maximum Gini coefficient of the distribution of the first ranks over the set. A model "
        "above it is rejected. Default: none, it is reported only.",
    )
    measured_pairs: int = setting(
        200, minimum=1, help="For such pairs: maximum number of validation pairs that each evaluation measures."
    )

    def __post_init__(self) -> None:
        validate(self)
