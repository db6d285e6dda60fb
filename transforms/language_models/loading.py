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
from transforms.language_models.smollm2 import EXTRA, GGUF_SHA256, RECIPE, find_smollm2, packaged
from transforms.language_models.spec import Asked, ConsideringModel, LanguageModel, ModelSpec
from transforms.model_files import ModelUnavailableError, download_snapshot, file_sha256

_LOGGER = logging.getLogger(__name__)


def find_model(spec: ModelSpec) -> ModelFolder:
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


def find_adapter(spec: ModelSpec) -> AdapterFolder | None:
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
    adapter = find_adapter(spec)
    if spec.kind in ("builtin", "smollm2") and packaged() is not None:
        parts = [GGUF_SHA256, RECIPE]
    else:
        parts = _sums(find_model(spec).fingerprinted_files)
    return _digest(parts + (_sums(adapter.fingerprinted_files) if adapter else []))


def fingerprint_of_asked(asked: Asked) -> str:
    """The same, with dialogue, decoding, precision and choice."""
    decoding = json.dumps(dataclasses.asdict(asked.decoding), sort_keys=True)
    choice = [] if asked.choice is None else [BEGINNINGS, asked.choice.fingerprint()]
    return _digest([asked.model.fingerprint(), asked.dialogue.fingerprint(), decoding, asked.precision, *choice])


def load_model(asked: Asked, device: str | None = None) -> LanguageModel:
    """Loads a model.

    Args:
        asked: which, and what it is asked for.
        device: as torch names it; None: the GPU where there is one.

    Raises:
        ModelUnavailableError: when the weights, or the packages to load them, are not to be had, or the key of an
            endpoint is none. Its server is first asked with the first question: where all answers are stored it
            need not run.
    """
    _LOGGER.info("process %d loads the language model %s", os.getpid(), asked.model)
    if asked.model.kind == "endpoint":
        return _endpoint(asked)
    model = _model_here(asked, device)
    return model if asked.choice is None else Choosing(model, asked.choice.load(), asked.choice.candidates)


def _model_here(asked: Asked, device: str | None) -> ConsideringModel:
    from transforms.language_models.transformer import Transformer

    return Transformer(
        find_model(asked.model),
        find_adapter(asked.model),
        asked.dialogue,
        asked.decoding,
        device,
        precision=asked.precision,
    )


def _endpoint(asked: Asked) -> LanguageModel:
    from transforms.language_models.endpoint import Endpoint

    return Endpoint(asked.model.url, asked.model.name, asked.dialogue, asked.decoding, asked.limits, reach_first=True)


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
