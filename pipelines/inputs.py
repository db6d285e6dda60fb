"""Inputs and workspaces, found before a job is built; what is wrong is told by the name of its option."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipelines.options import UsageError
from schemas import DatasetSchema
from transforms.datasets.files import Source, check_writable, find
from transforms.datasets.manifest import current_versions
from transforms.datasets.storage import StorageError
from transforms.encoders.spec import EncoderSpec, parse_spec
from transforms.encoders.weights import EXTRA, find_layout
from transforms.language_models.builtin import BUILTIN
from transforms.language_models.endpoint_name import is_endpoint
from transforms.language_models.folder import FolderError, read_adapter
from transforms.language_models.smollm2 import EXTRA as LANGUAGE_MODELS_EXTRA
from transforms.language_models.spec import Asked, ModelSpec, parse_model
from transforms.naming.config import Metadata, NamingConfig
from transforms.naming.name_choice import NameChoice
from transforms.naming.safety_classifier import ListsAndClassifier
from transforms.naming.safety_model import parse_safety_model
from transforms.naming.taught import metadata_in_training
from transforms.weights import WeightsError

_BYTES_PER_PART = 32 << 20
_FEWEST_PARTS = 16
CANDIDATES_OF_BUILTIN = 8
"""Names that the model of this package thinks of, of which one is chosen."""
CHOICE_ENCODER = "minilm"
"""What makes vectors for that choice where nobody says it."""

_PACKAGES = ("safetensors", "tokenizers")
_MORE_PACKAGES = (*_PACKAGES, "torch", "transformers")
"""What loads an encoder that is a table, and one that is a transformer or must be distilled from one."""
_ADAPTERS = {"prompt_tuned": "PROMPT_TUNING", "fine_tuned": "LORA"}
"""The kind of adapter that methods of naming go with; others go with any."""


def find_input(option: str, path: str) -> Source:
    """The files behind a path.

    Raises:
        UsageError: when there are none.
    """
    try:
        return find(path)
    except (ValueError, StorageError) as error:
        raise UsageError(f"{option}: {error}") from error


def find_several(option: str, paths: tuple[str, ...]) -> tuple[Source, ...]:
    """The files behind several paths, each once, with the option that gives them.

    Raises:
        UsageError: when there is no path, or there are no files behind one of them.
    """
    if not paths:
        raise UsageError(f"{option} must name a file, folder or glob, or several with commas between them")
    return tuple(find_input(option, path) for path in dict.fromkeys(paths))


def in_one(sources: tuple[Source, ...]) -> Source:
    """Several sources, at least one, as if they were one: the files of all, each once, by path."""
    if len(sources) == 1:
        return sources[0]
    files = {file.path: file for source in sources for file in source.files}
    path = ",".join(sorted(source.path for source in sources))
    return Source(path, tuple(files[name] for name in sorted(files)))


def find_given(own: argparse.Namespace, names: Iterable[str]) -> dict[str, Source]:
    """The files behind those of some options that were given, by the name of the option, in the order of the names.

    Raises:
        UsageError: when there are none behind one of them.
    """
    return {name: find_input(f"--{name}", getattr(own, name)) for name in names if getattr(own, name) is not None}


def find_own(option: str, workspace: str, schema: DatasetSchema) -> Source:
    """A dataset of a workspace, as this version writes it.

    Raises:
        UsageError: when there is none, or another version wrote it.
    """
    source = find_input(option, f"{workspace.rstrip('/')}/{schema.name}")
    if source.manifest is None or source.manifest.schema_fingerprint != schema.fingerprint:
        raise UsageError(f"{option}: {workspace!r} holds no {schema.name} that this version wrote")
    return source


def told_inputs(sources: Mapping[str, Source]) -> dict[str, Any]:
    """What datasets are computed from, for their manifests."""
    return {
        name: source.manifest.digest if source.manifest else {"path": source.path, "files": len(source.files)}
        for name, source in sources.items()
    }


def choose_parts(log: Source) -> int:
    """Into how many parts a dataset about users goes: a power of two, so that one holds what 32 MB of log become."""
    parts = _FEWEST_PARTS
    while parts * _BYTES_PER_PART < log.size:
        parts *= 2
    return parts


def open_workspace(workspace: str, schemas: Iterable[DatasetSchema]) -> dict[str, str | None]:
    """Which versions of the datasets are there, noted before anything of them is read.

    Raises:
        UsageError: when it cannot be written, or a manifest there is none.
    """
    try:
        check_writable(workspace)
        return current_versions(workspace, [schema.name for schema in schemas])
    except (ValueError, StorageError) as error:
        raise UsageError(f"--workspace: {error}") from error


def journal_folder(workspace: str) -> str:
    """Where a job that writes a workspace keeps a model's answers until it is committed."""
    return f"{workspace.rstrip('/')}/_answers_so_far"


def check_apart(workspace: str, inputs: Iterable[tuple[str, Source]]) -> None:
    """Refuses a workspace that lies in an input.

    Raises:
        UsageError: naming the option of the input.
    """
    for option, source in inputs:
        if workspace.startswith(f"{source.path.rstrip('/')}/"):
            raise UsageError(f"--workspace: {workspace!r} lies inside {option}, which would read it again")


def check_word_lists(what: str) -> None:
    """Refuses a job without the word lists that names are checked against.

    Args:
        what: what is checked, with a verb.

    Raises:
        UsageError: when they are not installed.
    """
    if importlib.util.find_spec("glin_profanity") is None:
        raise UsageError(
            f"{what} checked against word lists, which are not installed: pip install 'interest-journeys[naming]'"
        )


def find_encoder(option: str, name: str) -> EncoderSpec:
    """The encoder that a name stands for, whose weights and packages are there.

    Raises:
        UsageError: when it is not known, or something is missing.
    """
    try:
        spec = parse_spec(name)
        is_table = spec.kind == "folder" and find_layout(spec).kind == "static"
        _check_installed(option, name, _PACKAGES if is_table else _MORE_PACKAGES)
        spec.fingerprint()
    except UsageError:
        raise
    except (ValueError, WeightsError) as error:
        raise UsageError(f"{option}: {error}") from error
    return spec


def find_language_model(option: str, name: str, adapter: str = "") -> ModelSpec:
    """The language model that a name stands for, whose weights and packages are there; an endpoint is not looked for.

    Raises:
        UsageError: when it is not known, or something is missing.
    """
    try:
        spec = parse_model(name, adapter)
        if spec.kind != "endpoint":
            adapted = ("peft",) if adapter or spec.kind == "builtin" else ()
            _check_installed(option, name, (*_MORE_PACKAGES, *adapted), LANGUAGE_MODELS_EXTRA)
        spec.fingerprint()
    except UsageError:
        raise
    except (ValueError, WeightsError) as error:
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


def called(asked: Asked) -> str:
    """What a model is called in datasets: the ends of its paths, and a fingerprint of all that decides its answers.

    Whole paths are not the same on every machine.
    """
    names = [Path(part).name for part in (asked.model.name or asked.model.kind, asked.model.adapter) if part]
    return f"{'+'.join(names)}@{asked.fingerprint()[:16]}"


def find_metadata(option: str, model: str, adapter: str) -> Metadata:
    """What a model is told of a journey where nobody says it: what it was taught with, or titles.

    Raises:
        UsageError: when the model's folder says something that cannot be read.
    """
    folder = BUILTIN if model == "builtin" else Path(adapter or model).expanduser()
    try:
        return metadata_in_training(folder) or NamingConfig.metadata
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from error


def find_choice(
    option: str, model: str, candidates: int | None, encoder: str | None, naming: NamingConfig, drawn: bool = False
) -> NameChoice | None:
    """What chooses one of several names, with an encoder whose weights and packages are there; None for one name.

    Args:
        option: what an error begins with.
        model: as it is given.
        candidates: how many names it thinks of; None: as is usual for it.
        encoder: what makes vectors; None: `CHOICE_ENCODER`.
        naming: how long a name may be, and what it must not be.
        drawn: whether names are drawn.

    Raises:
        UsageError: when there is no choice to be made, the encoder is not known, or something is missing.
    """
    number = candidates or (CANDIDATES_OF_BUILTIN if model == "builtin" and not drawn else 1)
    if number == 1:
        if encoder:
            raise UsageError(f"{option}: an encoder is for a choice among candidates, of which there is one")
        return None
    if is_endpoint(model):
        raise UsageError(f"{option}: candidates are told by a model that this machine loads, and by no endpoint")
    if drawn:
        raise UsageError(f"{option}: candidates are the likeliest names; with a temperature above 0 they are drawn")
    return NameChoice(naming, find_encoder(option, encoder or CHOICE_ENCODER), number)


def find_safety_model(option: str, name: str, labels: Sequence[str], threshold: float) -> ListsAndClassifier:
    """The filter of names with the classifier that a name stands for, whose weights and packages are there.

    Raises:
        UsageError: when it is not known, or something is missing.
    """
    _check_installed(option, name, _MORE_PACKAGES, LANGUAGE_MODELS_EXTRA)
    try:
        model = parse_safety_model(name, labels, threshold)
        return ListsAndClassifier(model, model.fingerprint())
    except (ValueError, WeightsError) as error:
        raise UsageError(f"{option}: {error}") from error


def _check_installed(option: str, name: str, packages: Iterable[str], extra: str = EXTRA) -> None:
    if missing := [package for package in packages if importlib.util.find_spec(package) is None]:
        raise UsageError(f"{option}: {name!r} needs {', '.join(missing)}: {extra}")
