"""Configuration of the experiment on naming. Kept import-light so that option errors surface quickly."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal, get_args

from transforms.evaluation.config import seed_setting
from transforms.evaluation.experiments.naming.bleurt import BleurtSource, parse_bleurt
from transforms.language_models.spec import GenerationSpec
from transforms.naming.config import NamingConfig
from transforms.naming.selection import NameSelectorConfig
from transforms.settings import setting, validate

Heuristic = Literal["reference", "salient", "first_title", "medoid_title"]
"""Methods without a language model: the reference itself, an upper bound; the name from salient terms; the first title;
the title whose vector is nearest to the mean of all."""

ModelMethod = Literal["few_shot", "prompt_tuned", "fine_tuned"]
"""Methods with a language model; values of `NamingConfig.method`."""

ExampleSet = Literal["N1", "N2", "N3"]
"""Sets of 2305.15498: collections of experts; collections of the kind a model was tuned on; journeys of users."""

HEURISTICS: tuple[Heuristic, ...] = get_args(Heuristic)
MODEL_METHODS: tuple[ModelMethod, ...] = get_args(ModelMethod)


def bleurt_setting() -> Any:
    """Declare the setting `bleurt`, one option for all experiments."""
    return setting(
        None,
        parse=parse_bleurt,
        help="Folder of a BLEURT checkpoint for PyTorch, which scores names. Default: names have no such score.",
    )


@dataclasses.dataclass(frozen=True)
class NamingMethod:
    """A method of naming journeys, to be compared with others.

    Attributes:
        label: its name in metrics and tables, unique in the experiment.
        kind: where names come from.
        naming: fields of prompts and limits of names; its method is `kind` where a language model is used.
        generation: the language model with its prompt template and decoding; None without a language model.
        model: name of the model and fingerprint of all that determines completions; empty without a language model.
        selector: selects one of several candidates of the model; None: the most probable one is taken.

    Raises:
        ValueError: when a model is given without need, or is missing, or `naming` is of another method.
    """

    label: str
    kind: Heuristic | ModelMethod
    naming: NamingConfig = dataclasses.field(default_factory=NamingConfig)
    generation: GenerationSpec | None = None
    model: str = ""
    selector: NameSelectorConfig | None = None

    def __post_init__(self) -> None:
        uses_model = self.generation is not None
        if (self.kind in MODEL_METHODS) != uses_model or bool(self.model) != uses_model:
            raise ValueError(
                f"{self.label}: a language model is needed by {', '.join(MODEL_METHODS)} and by no other method, got "
                f"{self.kind} with {self.model!r}"
            )
        if uses_model and self.naming.method != self.kind:
            raise ValueError(f"{self.label}: naming.method must be {self.kind}, got {self.naming.method}")

    def configuration(self) -> dict[str, Any]:
        """Return what determines the names, for manifests."""
        return {
            "label": self.label,
            "kind": self.kind,
            "model": self.model,
            "num_candidates": self.generation.decoding.num_sequences if self.generation else 0,
            "selector": self.selector.fingerprint() if self.selector else "",
            "naming": dataclasses.asdict(self.naming),
        }


@dataclasses.dataclass(frozen=True)
class NamingExperimentConfig:
    """Configuration of the comparison of naming methods."""

    methods: tuple[NamingMethod, ...] = setting(
        help="Naming methods, separated by `;`; each is compared with the first: `reference`, `salient`, "
        "`first_title`, `medoid_title`, `few_shot=MODEL,num_examples=4`, `prompt_tuned=MODEL,adapter=FOLDER`, "
        "`fine_tuned=MODEL`. Models are those of `name`, and so are the settings `adapter`, `dtype`, `encoder`, "
        "`max_items`, `num_candidates`, `num_examples` and `prompt_fields`. `LABEL: ` before a method is its label in "
        "tables.",
    )
    max_examples: int = setting(
        1000, minimum=2, help="Maximum number of examples of the test split that are named, a sample."
    )
    example_set: ExampleSet | None = setting(
        None,
        help="Set of 2305.15498 that the examples stand for, by which `orderings` finds them: `N1`, collections of "
        "experts; `N2`, collections of the kind that a model was tuned on; `N3`, journeys of users. Default: none, and "
        "`N3` for --journeys.",
    )
    bleurt: BleurtSource | None = bleurt_setting()
    seed: int = seed_setting()

    def __post_init__(self) -> None:
        validate(self)
        labels = [method.label for method in self.methods]
        if not labels or len(set(labels)) < len(labels):
            raise ValueError(f"methods must have distinct labels, at least one, got {labels}")

    @property
    def uses_language_model(self) -> bool:
        """Whether one of the methods uses a language model."""
        return any(method.generation is not None for method in self.methods)

    @property
    def needs_encoder(self) -> bool:
        """Whether one of the methods uses vectors."""
        return any(method.kind == "medoid_title" for method in self.methods)
