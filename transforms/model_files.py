"""Files of models on this machine: their sums, where they come from, and what is made of them once."""

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
_STARTS_OF_PATHS = ("/", "./", "../", "~")


class ModelUnavailableError(RuntimeError):
    """A model, or what is needed to load it, is not to be had; the message names the ways out."""


def looks_like_path(name: str) -> bool:
    """Whether a model's name is meant to be a path: it begins like one, or there is such a folder."""
    return name.startswith(_STARTS_OF_PATHS) or (bool(name) and Path(name).is_dir())


def is_hub_id(name: str) -> bool:
    """Whether a model's name reads like `owner/name` on a model hub."""
    return _HUB_ID.fullmatch(name) is not None


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hexadecimal; computed once a process for a file that stays as it is."""
    state = path.stat()
    return _sha256(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, _modified: int, _size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def package_dir(package: str) -> Path | None:
    """The folder of an installed package, which is not imported; None: there is none."""
    found = importlib.util.find_spec(package)
    return Path(found.origin).parent if found and found.origin else None


def download_snapshot(hub_id: str, patterns: Sequence[str], extra: str) -> Path:
    """The newest snapshot of a hub's repository; the hub's client keeps it in its cache.

    Args:
        hub_id: `owner/name`.
        patterns: the files that are wanted.
        extra: how the hub's client is installed.

    Raises:
        ModelUnavailableError: when the hub does not give it, or its client is not installed.
    """
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ModelUnavailableError(f"to load {hub_id} from a model hub, {extra}") from error
    try:
        return Path(snapshot_download(hub_id, allow_patterns=list(patterns)))
    except (OSError, RuntimeError, ValueError) as error:
        raise ModelUnavailableError(f"the model hub does not give {hub_id} ({error})") from error


def cache_dir(kind: str) -> Path:
    """Where what was made of models is kept: below `XDG_CACHE_HOME`, or `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "interest-journeys" / kind


def build_once(folder: Path, make: Callable[[Path], None]) -> Path:
    """A folder that is made where it is not there yet; nobody ever sees half of one.

    Args:
        folder: where it is to be.
        make: fills an empty folder.
    """
    with _locked(folder.with_suffix(".lock")):
        if not folder.exists():
            hidden = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
            try:
                make(hidden)
                hidden.rename(folder)
            except BaseException:
                shutil.rmtree(hidden, ignore_errors=True)
                raise
    return folder


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """One process of this machine at a time; the lock ends with its process."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def without_progress_bar() -> Iterator[None]:
    """No bar of transformers': loading takes a moment, and a local run draws a bar of its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
