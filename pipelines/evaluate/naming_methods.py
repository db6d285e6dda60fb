"""Resolution of the models of naming methods, with a check of their weights and packages."""

from __future__ import annotations

import dataclasses
from typing import Any

from pipelines.common.command_line import UsageError
from pipelines.common.models import (
    check_adapter,
    model_label,
    resolve_language_model,
    resolve_name_selector,
    resolve_prompt_fields,
)
from transforms.evaluation.experiments.naming.config import HEURISTICS, NamingMethod
from transforms.evaluation.experiments.naming.methods import NamingMethodSpec, parse_naming_methods
from transforms.evaluation.experiments.prompting.config import SCOPES, PromptedModel
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.endpoint_name import is_endpoint
from transforms.language_models.spec import GenerationSpec
from transforms.naming.adapter import PACKAGED_MODELS
from transforms.naming.config import NamingConfig
from transforms.naming.prompt import prompt_template

_OPTION = "--methods"


def resolve_naming_methods(text: str) -> tuple[NamingMethod, ...]:
    """Parse naming methods, and locate their models.

    Raises:
        UsageError: when the text is invalid, or a model is unavailable.
    """
    try:
        specs = parse_naming_methods(text)
    except ValueError as error:
        raise UsageError(f"{_OPTION}: {error}") from error
    return tuple(map(_resolve, specs))


def resolve_prompted_model(text: str) -> PromptedModel:
    """Locate the model of the experiment on prompting.

    Raises:
        UsageError: when it is unavailable.
    """
    from transforms.evaluation.experiments.prompting.stages import generation_of_scope

    spec = resolve_language_model("--prompted_model", text)
    return PromptedModel(spec, tuple(model_label(generation_of_scope(spec, scope)) for scope in SCOPES))


def _resolve(spec: NamingMethodSpec) -> NamingMethod:
    kind: Any = spec.kind  # one of both literals, as `parse_naming_methods` checked
    if kind in HEURISTICS:
        return NamingMethod(spec.label, kind)
    adapter = spec.settings.get("adapter", "")
    if kind == "prompt_tuned" and not adapter:
        why = "which endpoints do not support" if is_endpoint(spec.model) else "the folder of the tuned prompt"
        raise UsageError(f"{_OPTION}: prompt_tuned needs an adapter, {why}")
    model = resolve_language_model(_OPTION, spec.model, adapter)
    if adapter:
        check_adapter(_OPTION, adapter, kind)
    naming = _naming_config(spec, adapter)
    candidates, encoder = (spec.settings.get(name) for name in ("num_candidates", "encoder"))
    dtype = spec.settings.get("dtype", GenerationSpec.dtype)
    num_candidates, selector = resolve_name_selector(_OPTION, spec.model, candidates, encoder, naming, dtype=dtype)
    if spec.settings.get("dtype") and is_endpoint(spec.model):
        raise UsageError(f"{_OPTION}: dtype needs a model that is loaded here, not an endpoint")
    generation = GenerationSpec(
        model,
        prompt_template(naming),
        DecodingConfig(num_sequences=num_candidates),
        dtype=dtype,
        int8_without_bfloat16=model in PACKAGED_MODELS.values(),
    )
    return NamingMethod(spec.label, kind, naming, generation, model_label(generation), selector)


def _naming_config(spec: NamingMethodSpec, adapter: str) -> NamingConfig:
    """Return the configuration of prompts; fields are by default those that the model was tuned with."""
    settings = spec.settings
    fields = settings.get("prompt_fields") or resolve_prompt_fields(_OPTION, spec.model, adapter)
    config = NamingConfig(method=spec.kind, prompt_fields=fields)  # type: ignore[arg-type]
    return dataclasses.replace(
        config,
        max_items=settings.get("max_items", config.max_items),
        num_examples=settings.get("num_examples", config.num_examples),
    )
