"""What decides how a language model is taught. Imports nothing that takes long."""

from __future__ import annotations

import dataclasses
from typing import Literal, NamedTuple, get_args

TuningMethod = Literal["lora", "prompt_tuning", "full"]


class TrainingExample(NamedTuple):
    """A question with the answer that is wanted."""

    question: str
    answer: str


@dataclasses.dataclass(frozen=True)
class TuningConfig:
    """How a language model is taught.

    Attributes:
        method: what is learnt: `lora`, low-rank additions to the weights; `prompt_tuning`, vectors before all else
            (Lester et al. 2021); `full`, all weights.
        learning_rate: at its highest, above 0; None: 1e-3, 3e-2 or 5e-5 by the way.
        batch_size: examples a step, at least 1.
        rank: of LoRA, at least 1; its weights count double (alpha is twice the rank).
        top_layers: LoRA is put on so many layers, the last ones, at least 1; None: on all. Fewer are learnt faster.
        prompt_tokens: vectors of a prompt, at least 1.
        warmup: share of the steps in which the learning rate rises, in [0, 1); it falls to 0 in the others.
        evaluations: how often the loss on the validation part is looked at, evenly spread over the training; at
            least 1.
        patience: training ends when the loss has not fallen for so many evaluations, at least 1.
        max_tokens: longer examples are left out, at least 16.
        seed: of what is drawn, at least 0.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    method: TuningMethod = "lora"
    learning_rate: float | None = None
    batch_size: int = 16
    rank: int = 16
    top_layers: int | None = 10
    prompt_tokens: int = 20
    warmup: float = 0.05
    evaluations: int = 8
    patience: int = 3
    max_tokens: int = 512
    seed: int = 0

    def __post_init__(self) -> None:
        if self.method not in get_args(TuningMethod):
            raise ValueError(f"method must be one of {get_args(TuningMethod)}, got {self.method!r}")
        least = {"batch_size": 1, "rank": 1, "prompt_tokens": 1, "evaluations": 1, "patience": 1, "max_tokens": 16}
        for name, lowest in (least | {"seed": 0}).items():
            if getattr(self, name) < lowest:
                raise ValueError(f"{name} must be at least {lowest}, got {getattr(self, name)}")
        if self.top_layers is not None and self.top_layers < 1:
            raise ValueError(f"top_layers must be at least 1, got {self.top_layers}")
        if self.learning_rate is not None and not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, got {self.learning_rate}")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup must be in [0, 1), got {self.warmup}")

    @property
    def peak_learning_rate(self) -> float:
        """The learning rate at its highest."""
        return self.learning_rate or {"lora": 1e-3, "prompt_tuning": 3e-2, "full": 5e-5}[self.method]
