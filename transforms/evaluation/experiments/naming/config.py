"""What decides the figures of the experiment on names. Imports nothing that takes long."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

from transforms.evaluation.experiments.naming.bleurt import BleurtSource
from transforms.evaluation.experiments.naming.overlap import OVERLAPS, signature
from transforms.language_models.spec import GenerationSpec
from transforms.naming.config import NamingConfig
from transforms.naming.selection import NameSelectorConfig

Heuristic = Literal["reference", "salient", "first_title", "medoid_title"]
"""Ways to a name that ask no model: the name that people gave, which is a mark; the terms; the first title; the title
that is nearest to the mean of all by its vector."""

ModelMethod = Literal["few_shot", "prompt_tuned", "fine_tuned"]
"""Ways that ask a language model, as methods of naming are called."""

HEURISTICS: tuple[Heuristic, ...] = get_args(Heuristic)
MODEL_METHODS: tuple[ModelMethod, ...] = get_args(ModelMethod)


@dataclasses.dataclass(frozen=True)
class NamingMethod:
    """A way to name journeys, which is compared with others.

    Attributes:
        label: what it is called in metrics and tables; no two are called the same.
        kind: where names come from.
        naming: what is told of a journey, and how long its name may be; its method is `kind`, for all that ask a model.
        generation: the language model, with what is said around questions; None where none is asked.
        model: the model's name and a fingerprint of all that decides its answers; empty where none is asked.
        selector: selects one of several candidates of the model; None: the most probable one is taken.

    Raises:
        ValueError: where a model is given to a way that asks none, or none to one that does.
    """

    label: str
    kind: Heuristic | ModelMethod
    naming: NamingConfig = dataclasses.field(default_factory=NamingConfig)
    generation: GenerationSpec | None = None
    model: str = ""
    selector: NameSelectorConfig | None = None

    def __post_init__(self) -> None:
        if (self.kind in MODEL_METHODS) != (self.generation is not None) or bool(self.model) != (
            self.generation is not None
        ):
            raise ValueError(
                f"{self.label}: {MODEL_METHODS} ask a model, {HEURISTICS} none; got {self.kind} and {self.model!r}"
            )
        if self.generation is not None and self.naming.method != self.kind:
            raise ValueError(f"{self.label}: names of {self.kind} must be judged so, got {self.naming.method}")

    def described(self) -> dict[str, Any]:
        """The same for manifests."""
        return {
            "label": self.label,
            "kind": self.kind,
            "model": self.model,
            "candidates": self.generation.decoding.num_sequences if self.generation else 0,
            "selector": self.selector.fingerprint() if self.selector else "",
            "naming": dataclasses.asdict(self.naming),
        }


@dataclasses.dataclass(frozen=True)
class NamingExperimentConfig:
    """What decides the figures of the experiment on names, besides the examples.

    Attributes:
        ways: what is compared; the others are compared with the first.
        most_examples: held-out examples that are judged, a sample, at least 2.
        bleurt: the checkpoint that scores names; None: they have no such score.
        seed: of the intervals.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    ways: tuple[NamingMethod, ...]
    most_examples: int = 1000
    bleurt: BleurtSource | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        labels = [way.label for way in self.ways]
        if not labels or len(set(labels)) < len(labels):
            raise ValueError(f"ways must have labels of their own, got {labels}")
        if self.most_examples < 2:
            raise ValueError(f"most_examples must be at least 2, got {self.most_examples}")

    @property
    def asks(self) -> bool:
        """Whether one of the ways asks a model."""
        return any(way.generation is not None for way in self.ways)

    @property
    def needs_encoder(self) -> bool:
        """Whether one of the ways looks at vectors."""
        return any(way.kind == "medoid_title" for way in self.ways)

    def described(self) -> dict[str, Any]:
        """The same for manifests."""
        return {
            "ways": [way.described() for way in self.ways],
            "most_examples": self.most_examples,
            "bleurt": self.bleurt.fingerprint() if self.bleurt else "",
            "seed": self.seed,
            "signatures": {overlap: signature(overlap) for overlap in OVERLAPS},
        }
