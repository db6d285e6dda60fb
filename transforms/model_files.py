"""Files of models: locating, downloading, hashing, and building derived files once per machine."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.util
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_PATH_PREFIXES = ("/", "./", "../", "~")


class ModelUnavailableError(RuntimeError):
    """A model or a package it needs is unavailable; the message says how to get it."""


def looks_like_path(name: str) -> bool:
    """Whether the name of a model is a path: it has the prefix of a path, or there is such a folder."""
    return name.startswith(_PATH_PREFIXES) or (bool(name) and Path(name).is_dir())


def is_hub_id(name: str) -> bool:
    """Whether the name of a model has the form of a hub id, `owner/name`."""
    return _HUB_ID.fullmatch(name) is not None


def file_sha256(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal; once per process unless the file changes."""
    state = path.stat()
    return _sha256(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, _modified: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def package_dir(package: str) -> Path | None:
    """Return the folder of a package without importing it; None if it is not installed."""
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def download_snapshot(hub_id: str, patterns: Sequence[str], install_command: str) -> Path:
    """Download the newest snapshot of a repository of the hub; the hub's client caches it.

    Args:
        hub_id: `owner/name`.
        patterns: glob patterns of the files to download.
        install_command: how the hub's client is installed, for the error message.

    Raises:
        ModelUnavailableError: when the download fails, or the hub's client is not installed.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ModelUnavailableError(f"to load {hub_id} from a model hub, {install_command}") from error
    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(patterns)))
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelUnavailableError(f"cannot download {hub_id} from the model hub ({error})") from error


def cache_dir(kind: str) -> Path:
    """Return the cache folder of derived model files, below `XDG_CACHE_HOME`, by default `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "interest-journeys" / kind


def build_once(folder: Path, build: Callable[[Path], None]) -> Path:
    """Return a folder, built first if it does not exist; other processes never see a partial folder.

    Args:
        folder: the path of the folder.
        build: writes the content into an empty folder.
    """
    with _locked(folder.with_suffix(".lock")):
        if not folder.exists():
            hidden = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            try:
                build(hidden)
                hidden.rename(folder)
            except BaseException:
                shutil.rmtree(hidden, ignore_errors=True)
                raise
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold a lock of this machine; the system releases it when the process ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def without_progress_bar() -> Iterator[None]:
    """Disable the progress bars of transformers, since a local run draws bars of its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
