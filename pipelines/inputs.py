"""Inputs and workspaces, found before a job is built; what is wrong is told by the name of its option."""

from __future__ import annotations

import argparse
import importlib.util
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pipelines.options import UsageError
from schemas import DatasetSchema
from transforms.datasets.files import Source, check_writable, find
from transforms.datasets.manifest import current_versions
from transforms.datasets.storage import StorageError
from transforms.encoders.spec import EncoderSpec, parse_spec
from transforms.encoders.weights import EXTRA, find_layout
from transforms.language_models.smollm2 import EXTRA as LANGUAGE_MODELS_EXTRA
from transforms.language_models.spec import ModelSpec, parse_model
from transforms.naming.safety_classifier import ListsAndClassifier
from transforms.naming.safety_model import parse_safety_model
from transforms.weights import WeightsError

_BYTES_PER_PART = 32 << 20
_FEWEST_PARTS = 16
_PACKAGES = ("safetensors", "tokenizers")
_MORE_PACKAGES = (*_PACKAGES, "torch", "transformers")
"""What loads an encoder that is a table, and one that is a transformer or must be distilled from one."""


def find_input(option: str, path: str) -> Source:
    """The files behind a path.

    Raises:
        UsageError: when there are none.
    """
    try:
        return find(path)
    except (ValueError, StorageError) as error:
        raise UsageError(f"{option}: {error}") from error


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


def check_apart(workspace: str, inputs: Iterable[tuple[str, Source]]) -> None:
    """Refuses a workspace that lies in an input.

    Raises:
        UsageError: naming the option of the input.
    """
    for option, source in inputs:
        if workspace.startswith(f"{source.path.rstrip('/')}/"):
            raise UsageError(f"--workspace: {workspace!r} lies inside {option}, which would read it again")


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
            _check_installed(option, name, (*_MORE_PACKAGES, *(("peft",) if adapter else ())), LANGUAGE_MODELS_EXTRA)
        spec.fingerprint()
    except UsageError:
        raise
    except (ValueError, WeightsError) as error:
        raise UsageError(f"{option}: {error}") from error
    return spec


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
