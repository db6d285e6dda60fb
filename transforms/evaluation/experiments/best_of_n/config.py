"""Configuration of the experiment on best-of-n. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.config import seed_setting
from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class BestOfNConfig:
    """Configuration of the experiment on best-of-n."""

    candidate_numbers: tuple[int, ...] = setting(
        (1, 2, 5, 10, 20), minimum=1, help="Numbers n of sampled candidates, with commas between them."
    )
    temperature: float = setting(
        1.0,
        minimum=0,
        above=True,
        help="Temperature at which candidates are sampled from the blend; above 1, they are more diverse.",
    )
    min_feedback_users: int = setting(
        5,
        minimum=1,
        help="Minimum number of users of a context and a candidate whose return rate the models are fitted to.",
    )
    return_fraction: float = setting(
        0.25,
        minimum=0,
        above=True,
        maximum=1,
        below=True,
        help="Time within which a user must come back to a cluster, as a fraction of the test period. Only users who "
        "are observed that long are counted.",
    )
    seed: int = seed_setting()

    def __post_init__(self) -> None:
        validate(self)
        numbers = self.candidate_numbers
        if not numbers or list(numbers) != sorted(set(numbers)):
            raise ValueError(f"candidate_numbers must be distinct and ascending, at least one, got {numbers}")
