"""Option of `cluster` for descriptions by a language model."""

from __future__ import annotations

import argparse
import dataclasses

from pipelines.common.models import (
    check_word_lists,
    model_label,
    resolve_language_model,
    resolve_name_selector,
    resolve_prompt_fields,
    spec_of_names,
)
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.spec import GenerationSpec
from transforms.naming.adapter import BUILTIN
from transforms.naming.assignment import NamingContext
from transforms.naming.config import Method, NamingConfig

OPTION = "describe_by"


@dataclasses.dataclass(frozen=True)
class ModelDescriptions:
    """Descriptions of clusters by a language model, which names them as it names journeys.

    Attributes:
        generation: the model, its prompt template and decoding.
        context: the configuration of names.
    """

    generation: GenerationSpec
    context: NamingContext


def add_describe_by(parser: argparse.ArgumentParser) -> None:
    """Declare the option."""
    parser.add_argument(
        f"--{OPTION}",
        help="Language model that describes each cluster, from titles of the items next to its centroid: `builtin`, "
        "the packaged model tuned for naming; `smollm2`; a folder; a hub id; or an endpoint with the name of its "
        "model, `http://host:8000/v1#name`. Where its description is not valid, or that of another cluster, the "
        "keywords are used. Default: keywords.",
    )


def resolve_descriptions(name: str | None) -> ModelDescriptions | None:
    """Return the descriptions by the model of `--describe_by`; None without one.

    Raises:
        UsageError: when the model, its packages or the word lists are unavailable.
    """
    if name is None:
        return None
    check_word_lists("descriptions by a language model are")
    method: Method = "fine_tuned" if name == BUILTIN else "few_shot"
    fields = resolve_prompt_fields(f"--{OPTION}", name, "")
    naming = NamingConfig(method=method, prompt_fields=fields)
    number, selector = resolve_name_selector(f"--{OPTION}", name, None, None, naming)
    model = resolve_language_model(f"--{OPTION}", name)
    generation = spec_of_names(model, naming, DecodingConfig(num_sequences=number))
    return ModelDescriptions(generation, NamingContext(naming, model_label(generation), selector=selector))
