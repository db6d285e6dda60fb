"""A language model's name -> its fingerprint, and the model itself."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
import os
from pathlib import Path

from transforms.language_models.builtin import BUILTIN
from transforms.language_models.choosing import BEGINNINGS, Choosing
from transforms.language_models.folder import (
    HUB_FILES,
    AdapterFolder,
    FolderError,
    ModelFolder,
    read_adapter,
    read_model,
)
from transforms.language_models.smollm2 import EXTRA, GGUF_SHA256, RECIPE, find_smollm2, packaged_weights
from transforms.language_models.spec import ConsideringModel, GenerationSpec, LanguageModel, ModelSpec
from transforms.model_files import ModelUnavailableError, download_snapshot, file_sha256

_LOGGER = logging.getLogger(__name__)


def locate_model(spec: ModelSpec) -> ModelFolder:
    """The folder with the weights that `spec` names.

    Raises:
        ModelUnavailableError: when they are not to be had.
    """
    if spec.kind in ("builtin", "smollm2"):
        return find_smollm2()
    try:
        return read_model(download_snapshot(spec.name, HUB_FILES, EXTRA) if spec.kind == "hub" else Path(spec.name))
    except (FolderError, ModelUnavailableError) as error:
        raise ModelUnavailableError(f"language model {spec}: {error}") from error


def locate_adapter(spec: ModelSpec) -> AdapterFolder | None:
    """The folder of the adapter that `spec` names; None: it names none.

    Raises:
        ModelUnavailableError: when it is not to be had.
    """
    named = str(BUILTIN) if spec.kind == "builtin" else spec.adapter
    if not named:
        return None
    try:
        return read_adapter(Path(named))
    except FolderError as error:
        raise ModelUnavailableError(f"adapter {named}: {error}") from error


def fingerprint(spec: ModelSpec) -> str:
    """SHA-256 in hexadecimal over all files that decide answers; over an endpoint's name of its model.

    `smollm2` from its package is told by what it is made of, so that it is the same on every machine.

    Raises:
        ModelUnavailableError: when the weights are not to be had.
    """
    if spec.kind == "endpoint":
        return _digest(["endpoint", spec.name])
    adapter = locate_adapter(spec)
    if spec.kind in ("builtin", "smollm2") and packaged_weights() is not None:
        parts = [GGUF_SHA256, RECIPE]
    else:
        parts = _sums(locate_model(spec).fingerprinted_files)
    return _digest(parts + (_sums(adapter.fingerprinted_files) if adapter else []))


def generation_fingerprint(spec: GenerationSpec) -> str:
    """The same, with dialogue, decoding, precision and choice."""
    decoding = json.dumps(dataclasses.asdict(spec.decoding), sort_keys=True)
    choice = [] if spec.choice is None else [BEGINNINGS, spec.choice.fingerprint()]
    return _digest([spec.model.fingerprint(), spec.template.fingerprint(), decoding, spec.dtype, *choice])


def load_model(spec: GenerationSpec, device: str | None = None) -> LanguageModel:
    """Loads a model.

    Args:
        spec: which, and what it is asked for.
        device: as torch names it; None: the GPU where there is one.

    Raises:
        ModelUnavailableError: when the weights, or the packages to load them, are not to be had, or the key of an
            endpoint is none. Its server is first asked with the first question: where all answers are stored it
            need not run.
    """
    _LOGGER.info("process %d loads the language model %s", os.getpid(), spec.model)
    if spec.model.kind == "endpoint":
        return _endpoint(spec)
    model = _model_here(spec, device)
    return model if spec.choice is None else Choosing(model, spec.choice.load(), spec.choice.candidates)


def _model_here(spec: GenerationSpec, device: str | None) -> ConsideringModel:
    from transforms.language_models.transformers_model import TransformersModel

    return TransformersModel(
        locate_model(spec.model),
        locate_adapter(spec.model),
        spec.template,
        spec.decoding,
        device,
        dtype=spec.dtype,
    )


def _endpoint(spec: GenerationSpec) -> LanguageModel:
    from transforms.language_models.endpoint import OpenAIEndpoint

    return OpenAIEndpoint(spec.model.url, spec.model.name, spec.template, spec.decoding, spec.limits, reach_first=True)


def has_gpu() -> bool:
    """Whether there is a GPU that torch can use."""
    try:
        import torch
    except ImportError:
        return False
    return bool(torch.cuda.is_available())


def _sums(paths: list[Path]) -> list[str]:
    return [f"{path.name} {file_sha256(path)}" for path in paths]


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
