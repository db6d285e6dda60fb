"""Ways to a name that `evaluate` compares, as a command line writes them: `salient; few_shot=smollm2,examples=4`."""

from __future__ import annotations

import argparse
import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, get_args

from pipelines.common.command_line import UsageError
from pipelines.common.models import (
    check_adapter,
    model_label,
    resolve_language_model,
    resolve_name_selector,
    resolve_prompt_fields,
)
from pipelines.common.options import bounded_number
from transforms.evaluation.experiments.naming.config import HEURISTICS, MODEL_METHODS, NamingMethod
from transforms.language_models.decoding import MAX_SEQUENCES, DecodingConfig
from transforms.language_models.endpoint_name import is_endpoint
from transforms.language_models.spec import GenerationSpec
from transforms.naming.config import MAX_FEW_SHOT_EXAMPLES, NamingConfig, PromptFieldSet
from transforms.naming.prompt import prompt_template

_OPTION = "--ways"
_ENTRY = re.compile(r"(?:(?P<label>[^=,;:]+):\s+)?(?P<kind>[a-z_]+)(?:=(?P<model>[^,]+))?(?:,(?P<settings>.*))?")
_FORM = "[LABEL: ]WAY[=MODEL][,SETTING=VALUE...]"
_TITLES: Mapping[str, str] = {
    "first_title": "first title",
    "medoid_title": "medoid title",
    "few_shot": "few-shot",
    "prompt_tuned": "prompt-tuned",
    "fine_tuned": "fine-tuned",
}
"""How ways are called in tables, where that is not their name."""


def _metadata(text: str) -> str:
    if text not in get_args(PromptFieldSet):
        raise argparse.ArgumentTypeError(f"must be one of {', '.join(get_args(PromptFieldSet))}, got {text!r}")
    return text


_SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "adapter": str,
    "candidates": bounded_number(int, 1, MAX_SEQUENCES),
    "encoder": str,
    "examples": bounded_number(int, 0, MAX_FEW_SHOT_EXAMPLES),
    "max_items": bounded_number(int, 1, 1000),
    "metadata": _metadata,
}
"""What may be said of a way that asks a model; each means what the option of `name` does."""
_NOT_OF_QUESTIONS = ("adapter", "candidates", "encoder")
_TOLD: Mapping[str, str] = {"max_items": "{} items", "candidates": "{} candidates", "encoder": "chosen by {}"}


class NamingMethodSpec(NamedTuple):
    """A way as it is written; models are not looked for yet.

    Attributes:
        label: what it is called; empty: by what it is.
        kind: where names come from.
        model: the language model; empty where none is asked.
        settings: some of `adapter`, `candidates`, `encoder`, `examples`, `max_items` and `metadata`.
    """

    label: str
    kind: str
    model: str
    settings: Mapping[str, Any]


def parse_naming_methods(text: str) -> tuple[NamingMethodSpec, ...]:
    """Reads `WAY; WAY; ...`, a type of an option.

    Raises:
        ArgumentTypeError: naming what was given and what is allowed.
    """
    ways = tuple(_read_way(entry.strip()) for entry in text.split(";") if entry.strip())
    if not ways:
        raise argparse.ArgumentTypeError(f"must be {_FORM}; ..., got {text!r}")
    return ways


def _read_way(entry: str) -> NamingMethodSpec:
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise argparse.ArgumentTypeError(f"must be {_FORM}, got {entry!r}")
    label, kind, model = (found[name] or "" for name in ("label", "kind", "model"))
    if kind not in (*HEURISTICS, *MODEL_METHODS):
        raise argparse.ArgumentTypeError(
            f"{kind!r} is none of {', '.join((*HEURISTICS, *MODEL_METHODS))}, in {entry!r}"
        )
    if (kind in MODEL_METHODS) != bool(model):
        raise argparse.ArgumentTypeError(
            f"{kind} needs a model, such as {kind}=smollm2, got {entry!r}"
            if kind in MODEL_METHODS
            else f"{kind} asks no model, got {entry!r}"
        )
    if "|" in label:
        raise argparse.ArgumentTypeError(f"a label has no '|', of which tables are made, got {label!r}")
    return NamingMethodSpec(label.strip(), kind, model.strip(), _read_settings(found["settings"] or "", kind, entry))


def _read_settings(text: str, kind: str, entry: str) -> dict[str, Any]:
    allowed = [name for name in _SETTINGS if kind in MODEL_METHODS and (name != "examples" or kind == "few_shot")]
    settings: dict[str, Any] = {}
    for setting in filter(None, map(str.strip, text.split(","))):
        name, _, value = setting.partition("=")
        if name not in allowed or not value or name in settings:
            raise argparse.ArgumentTypeError(
                f"{setting!r} is no setting of {kind}; allowed are {', '.join(allowed) or 'none'}, each once as "
                f"SETTING=VALUE, in {entry!r}"
            )
        try:
            settings[name] = _SETTINGS[name](value)
        except argparse.ArgumentTypeError as error:
            raise argparse.ArgumentTypeError(f"{name} {error}, in {entry!r}") from error
    return settings


def resolve_naming_methods(written: tuple[NamingMethodSpec, ...]) -> tuple[NamingMethod, ...]:
    """The ways, with the models that they ask, whose weights and packages are there.

    Raises:
        UsageError: when a model is not there, or two ways are called the same.
    """
    labels = [each.label or _label(each) for each in written]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise UsageError(f"{_OPTION}: two are called {twice[0]!r}; give them labels: {_FORM}")
    return tuple(_find_way(each, label) for each, label in zip(written, labels, strict=True))


def _find_way(written: NamingMethodSpec, label: str) -> NamingMethod:
    kind: Any = written.kind  # is one of both, as `parse_naming_methods` looked
    if kind in HEURISTICS:
        return NamingMethod(label, kind)
    adapter = written.settings.get("adapter", "")
    if kind == "prompt_tuned" and not adapter:
        why = "which goes with no endpoint" if is_endpoint(written.model) else "the folder of the tuned prompt"
        raise UsageError(f"{_OPTION}: prompt_tuned needs an adapter, {why}")
    model = resolve_language_model(_OPTION, written.model, adapter)
    if adapter:
        check_adapter(_OPTION, adapter, kind)
    told = {name: value for name, value in written.settings.items() if name not in _NOT_OF_QUESTIONS}
    told.setdefault("metadata", resolve_prompt_fields(_OPTION, written.model, adapter))
    naming = dataclasses.replace(NamingConfig(method=kind), **told)
    candidates, encoder = (written.settings.get(name) for name in ("candidates", "encoder"))
    num_candidates, selector = resolve_name_selector(_OPTION, written.model, candidates, encoder, naming)
    asked = GenerationSpec(model, prompt_template(naming), DecodingConfig(num_sequences=num_candidates))
    return NamingMethod(label, kind, naming, asked, model_label(asked), selector)


def _label(written: NamingMethodSpec) -> str:
    """What a way is called by what it is: `few-shot smollm2, 8 examples`."""
    settings = dict(written.settings)
    names = [Path(written.model.rpartition("#")[2]).name] if written.model else []
    if "adapter" in settings:
        names += ["+", Path(settings.pop("adapter")).name]
    more = [f"{settings.pop('examples', NamingConfig.examples)} examples"] if written.kind == "few_shot" else []
    more += [_TOLD.get(name, "{}").format(value) for name, value in sorted(settings.items())]
    return ", ".join([" ".join([_TITLES.get(written.kind, written.kind), *names]), *more])
