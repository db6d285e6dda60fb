"""Configuration of the experiment on orderings. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses

from transforms.evaluation.experiments.orderings.trainings import Training, parse_trainings
from transforms.settings import setting


@dataclasses.dataclass(frozen=True)
class OrderingsConfig:
    """Configuration of the comparison with the papers."""

    trainings: tuple[Training, ...] = setting(
        (),
        parse=parse_trainings,
        help="Folders that `tune` wrote from pairs of `transitions`, with commas between them: their match rate and "
        "recall by step.",
    )
