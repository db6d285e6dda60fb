"""Naming methods as text, such as `salient; few_shot=smollm2,num_examples=4`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

from transforms.evaluation.experiments.naming.config import HEURISTICS, MODEL_METHODS
from transforms.language_models.decoding import MAX_SEQUENCES
from transforms.naming.config import MAX_FEW_SHOT_EXAMPLES, NamingConfig, PromptFieldSet
from transforms.precision.dtype import DTypeName

FORM = "[LABEL: ]METHOD[=MODEL][,SETTING=VALUE...]"
_ENTRY = re.compile(r"(?:(?P<label>[^=,;:]+):\s+)?(?P<kind>[a-z_]+)(?:=(?P<model>[^,]+))?(?:,(?P<settings>.*))?")
_TITLES: Mapping[str, str] = {
    "first_title": "first title",
    "medoid_title": "medoid title",
    "few_shot": "few-shot",
    "prompt_tuned": "prompt-tuned",
    "fine_tuned": "fine-tuned",
}
"""Labels of methods that differ from their names."""


def _integer(minimum: int, maximum: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not re.fullmatch(r"\d+", text) or not minimum <= int(text) <= maximum:
            raise ValueError(f"must be an integer in [{minimum}, {maximum}], got {text!r}")
        return int(text)

    return parse


def _one_of(allowed: Sequence[str]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError(f"must be one of {', '.join(allowed)}, got {text!r}")
        return text

    return parse


_SETTINGS: Mapping[str, Callable[[str], Any]] = {
    "adapter": str,
    "dtype": _one_of(get_args(DTypeName)),
    "encoder": str,
    "max_items": _integer(1, 1000),
    "num_candidates": _integer(1, MAX_SEQUENCES),
    "num_examples": _integer(0, MAX_FEW_SHOT_EXAMPLES),
    "prompt_fields": _one_of(get_args(PromptFieldSet)),
}
"""Settings of methods with a language model; each is the option of `name` with its name."""
_LABELS: Mapping[str, str] = {
    "encoder": "selected by {}",
    "max_items": "{} items",
    "num_candidates": "{} candidates",
}
"""Text of settings in labels."""


class NamingMethodSpec(NamedTuple):
    """A naming method as it is written, before its model is located.

    Attributes:
        label: its label; empty: derived from the rest.
        kind: the method.
        model: the language model; empty without one.
        settings: values of some of `_SETTINGS`.
    """

    label: str
    kind: str
    model: str
    settings: Mapping[str, Any]

    @property
    def default_label(self) -> str:
        """The label derived from the rest, such as `few-shot smollm2, 8 examples`."""
        settings = dict(self.settings)
        names = [Path(self.model.rpartition("#")[2]).name] if self.model else []
        if "adapter" in settings:
            names += ["+", Path(settings.pop("adapter")).name]
        parts = [" ".join([_TITLES.get(self.kind, self.kind), *names])]
        if self.kind == "few_shot":
            parts.append(f"{settings.pop('num_examples', NamingConfig.num_examples)} examples")
        parts += [_LABELS.get(name, "{}").format(value) for name, value in sorted(settings.items())]
        return ", ".join(parts)


def parse_naming_methods(text: str) -> tuple[NamingMethodSpec, ...]:
    """Parse `METHOD; METHOD; ...`.

    Raises:
        ValueError: saying what was given and what is allowed.
    """
    specs = tuple(_parse_entry(entry.strip()) for entry in text.split(";") if entry.strip())
    if not specs:
        raise ValueError(f"must be {FORM}; ..., got {text!r}")
    labels = [spec.label or spec.default_label for spec in specs]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        raise ValueError(f"two methods have the label {twice[0]!r}; write {FORM}")
    return tuple(spec._replace(label=label) for spec, label in zip(specs, labels, strict=True))


def _parse_entry(entry: str) -> NamingMethodSpec:
    match = _ENTRY.fullmatch(entry)
    if match is None:
        raise ValueError(f"must be {FORM}, got {entry!r}")
    label, kind, model = (match[name] or "" for name in ("label", "kind", "model"))
    if kind not in (*HEURISTICS, *MODEL_METHODS):
        raise ValueError(f"{kind!r} is not one of {', '.join((*HEURISTICS, *MODEL_METHODS))}, in {entry!r}")
    if kind in MODEL_METHODS and not model:
        raise ValueError(f"{kind} needs a model, such as {kind}=smollm2, got {entry!r}")
    if kind not in MODEL_METHODS and model:
        raise ValueError(f"{kind} uses no model, got {entry!r}")
    return NamingMethodSpec(label.strip(), kind, model.strip(), _parse_settings(match["settings"] or "", kind, entry))


def _parse_settings(text: str, kind: str, entry: str) -> dict[str, Any]:
    allowed = [name for name in _SETTINGS if kind in MODEL_METHODS and (name != "num_examples" or kind == "few_shot")]
    settings: dict[str, Any] = {}
    for setting in filter(None, map(str.strip, text.split(","))):
        name, _, value = setting.partition("=")
        if name not in allowed or not value or name in settings:
            raise ValueError(
                f"{setting!r} is not a setting of {kind}; allowed are {', '.join(allowed) or 'none'}, each once as "
                f"SETTING=VALUE, in {entry!r}"
            )
        try:
            settings[name] = _SETTINGS[name](value)
        except ValueError as error:
            raise ValueError(f"{name} {error}, in {entry!r}") from error
    return settings
