"""Resolution of encoders, language models and classifiers by name, with a check of their weights and packages."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipelines.common.command_line import UsageError
from transforms.encoders.locate import locate_encoder
from transforms.encoders.spec import EncoderSpec, parse_encoder
from transforms.extras import INSTALL_ENCODER, INSTALL_LLM, INSTALL_NAMING
from transforms.language_models.endpoint_name import is_endpoint
from transforms.language_models.folder import FolderError, read_adapter
from transforms.language_models.spec import GenerationSpec, ModelSpec, parse_model_spec
from transforms.model_files import ModelUnavailableError
from transforms.naming.adapter import ADAPTER_DIR, BUILTIN, PACKAGED_MODELS
from transforms.naming.config import NamingConfig, PromptFieldSet
from transforms.naming.safety.classifier import CombinedFilter, parse_safety_model
from transforms.naming.selection import NameSelectorConfig
from transforms.naming.tuning_metadata import trained_prompt_fields

DEFAULT_NUM_CANDIDATES = 8
"""Names that the model of this package thinks of, of which one is chosen."""
DEFAULT_SELECTION_ENCODER = "minilm"
"""What makes vectors for that choice where nobody says it."""

_PACKAGES = ("safetensors", "tokenizers")
_MORE_PACKAGES = (*_PACKAGES, "torch", "transformers")
"""What loads an encoder that is a table, and one that is a transformer or must be distilled from one."""
_ADAPTERS = {"prompt_tuned": "PROMPT_TUNING", "fine_tuned": "LORA"}
"""The kind of adapter that methods of naming go with; others go with any."""


def check_word_lists(what: str) -> None:
    """Refuses a job without the word lists that names are checked against.

    Args:
        what: what is checked, with a verb.

    Raises:
        UsageError: when they are not installed.
    """
    if importlib.util.find_spec("glin_profanity") is None:
        raise UsageError(f"{what} checked against word lists, which are not installed: {INSTALL_NAMING}")


def resolve_encoder(option: str, name: str) -> EncoderSpec:
    """The encoder that a name stands for, whose weights and packages are there.

    Raises:
        UsageError: when it is not known, or something is missing.
    """
    try:
        spec = parse_encoder(name)
        is_table = spec.kind == "folder" and locate_encoder(spec.kind, spec.name).kind == "static"
        _check_installed(option, name, _PACKAGES if is_table else _MORE_PACKAGES)
        spec.fingerprint()
    except UsageError:
        raise
    except (ValueError, ModelUnavailableError) as error:
        raise UsageError(f"{option}: {error}") from error
    return spec


def resolve_language_model(option: str, name: str, adapter: str = "") -> ModelSpec:
    """The language model that a name stands for, whose weights and packages are there; an endpoint is not looked for.

    Raises:
        UsageError: when it is not known, or something is missing.
    """
    try:
        spec = parse_model_spec(name, adapter, PACKAGED_MODELS)
        if spec.kind != "endpoint":
            adapted = ("peft",) if spec.adapter else ()
            _check_installed(option, name, (*_MORE_PACKAGES, *adapted), INSTALL_LLM)
        spec.fingerprint()
    except UsageError:
        raise
    except (ValueError, ModelUnavailableError) as error:
        raise UsageError(f"{option}: {error}") from error
    return spec


def check_adapter(option: str, adapter: str, method: str) -> None:
    """Refuses an adapter that is not of the kind that a method of naming goes with.

    Raises:
        UsageError: when it is another one, or none at all.
    """
    try:
        kind = read_adapter(Path(adapter).expanduser().resolve()).kind
    except FolderError as error:
        raise UsageError(f"{option}: {error}") from error
    if method in _ADAPTERS and kind != _ADAPTERS[method]:
        raise UsageError(f"{option}: {method} goes with an adapter of the kind {_ADAPTERS[method]}, got {kind}")


def model_label(asked: GenerationSpec) -> str:
    """What a model is called in datasets: the ends of its paths, and a fingerprint of all that decides its answers.

    Whole paths are not the same on every machine.
    """
    return f"{asked.model.short_name}@{asked.fingerprint()[:16]}"


def resolve_prompt_fields(option: str, model: str, adapter: str) -> PromptFieldSet:
    """What a model is told of a journey where nobody says it: what it was taught with, or titles.

    Raises:
        UsageError: when the model's folder says something that cannot be read.
    """
    folder = ADAPTER_DIR if model == BUILTIN else Path(adapter or model).expanduser()
    try:
        return trained_prompt_fields(folder) or NamingConfig.metadata
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def resolve_name_selector(
    option: str, model: str, candidates: int | None, encoder: str | None, naming: NamingConfig, drawn: bool = False
) -> tuple[int, NameSelectorConfig | None]:
    """Resolve the number of candidates and the selection among them, with an encoder whose weights are available.

    Args:
        option: what an error begins with.
        model: as it is given.
        candidates: how many names it thinks of; None: as is usual for it.
        encoder: what makes vectors; None: `DEFAULT_SELECTION_ENCODER`.
        naming: how long a name may be, and what it must not be.
        drawn: whether names are drawn.

    Returns:
        The number of candidates, and what selects one of them; None for one candidate.

    Raises:
        UsageError: when there is no choice to be made, the encoder is not known, or something is missing.
    """
    number = candidates or (DEFAULT_NUM_CANDIDATES if model == BUILTIN and not drawn else 1)
    if number == 1:
        if encoder:
            raise UsageError(f"{option}: an encoder is for a choice among candidates, of which there is one")
        return 1, None
    if is_endpoint(model):
        raise UsageError(f"{option}: candidates are told by a model that this machine loads, and by no endpoint")
    if drawn:
        raise UsageError(f"{option}: candidates are the likeliest names; with a temperature above 0 they are drawn")
    return number, NameSelectorConfig(naming, resolve_encoder(option, encoder or DEFAULT_SELECTION_ENCODER))


def resolve_safety_model(option: str, name: str, labels: Sequence[str], threshold: float) -> CombinedFilter:
    """The filter of names with the classifier that a name stands for, whose weights and packages are there.

    Raises:
        UsageError: when it is not known, or something is missing.
    """
    _check_installed(option, name, _MORE_PACKAGES, INSTALL_LLM)
    try:
        model = parse_safety_model(name, labels, threshold)
        return CombinedFilter(model, model.fingerprint())
    except (ValueError, ModelUnavailableError) as error:
        raise UsageError(f"{option}: {error}") from error


def _check_installed(option: str, name: str, packages: Iterable[str], extra: str = INSTALL_ENCODER) -> None:
    if missing := [package for package in packages if importlib.util.find_spec(package) is None]:
        raise UsageError(f"{option}: {name!r} needs {', '.join(missing)}: {extra}")
