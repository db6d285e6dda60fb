"""Local folders of models and adapters by their names, and fingerprints over their files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from transforms.extras import INSTALL_LLM
from transforms.language_models.folder import (
    HUB_FILES,
    AdapterFolder,
    FolderError,
    ModelFolder,
    read_adapter,
    read_model,
)
from transforms.language_models.smollm2 import GGUF_SHA256, RECIPE, find_smollm2, packaged_weights
from transforms.model_files import ModelUnavailableError, download_snapshot, file_sha256, package_dir

ModelKind = Literal["smollm2", "folder", "hub", "endpoint"]

PACKAGE_PREFIX = "package:"
"""Begins the name of an adapter that is part of a Python package: `package:dotted.name`. Its path differs between
machines, its name does not."""


def locate_model(kind: ModelKind, name: str) -> ModelFolder:
    """Find the folder with the weights of a model, after a download if they are not on this machine.

    Args:
        kind: the kind of `name`; not an endpoint.
        name: path of a folder, or hub id; empty for `smollm2`.

    Raises:
        ModelUnavailableError: if the weights are unavailable.
    """
    if kind == "smollm2":
        return find_smollm2()
    try:
        return read_model(download_snapshot(name, HUB_FILES, INSTALL_LLM) if kind == "hub" else Path(name))
    except (FolderError, ModelUnavailableError) as error:
        raise ModelUnavailableError(f"language model {name}: {error}") from error


def locate_adapter(adapter: str) -> AdapterFolder | None:
    """Find the folder of an adapter.

    Args:
        adapter: path, or `package:` and the name of a Python package; empty: None is returned.

    Raises:
        ModelUnavailableError: if there is no such adapter.
    """
    if not adapter:
        return None
    try:
        return read_adapter(adapter_path(adapter))
    except FolderError as error:
        raise ModelUnavailableError(f"adapter {adapter}: {error}") from error


def adapter_path(adapter: str) -> Path:
    """Return the path of an adapter's folder.

    Raises:
        FolderError: if its Python package is not installed.
    """
    if not adapter.startswith(PACKAGE_PREFIX):
        return Path(adapter)
    folder = package_dir(adapter.removeprefix(PACKAGE_PREFIX))
    if folder is None:
        raise FolderError("the Python package is not installed")
    return folder


def model_fingerprint(kind: ModelKind, name: str, adapter: str) -> str:
    """Compute the SHA-256, in hexadecimal, of all files that completions depend on; needs no torch.

    That of `smollm2` from its Python package covers the file it is converted from, so it is the same on every machine.
    That of an endpoint covers the model's name there.

    Raises:
        ModelUnavailableError: if the weights are unavailable.
    """
    if kind == "endpoint":
        return sha256_of(["endpoint", name])
    folder = locate_adapter(adapter)
    if kind == "smollm2" and packaged_weights() is not None:
        parts = [GGUF_SHA256, RECIPE]
    else:
        parts = _checksums(locate_model(kind, name).fingerprinted_files)
    return sha256_of(parts + (_checksums(folder.fingerprinted_files) if folder else []))


def sha256_of(parts: Iterable[str]) -> str:
    """Compute the SHA-256 of texts, in hexadecimal."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _checksums(paths: Iterable[Path]) -> list[str]:
    return [f"{path.name} {file_sha256(path)}" for path in paths]
