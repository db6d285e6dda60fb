"""A digest of the content of files that no job wrote, which have no manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from transforms.datasets.files import InputFile
from transforms.datasets.storage import open_storage
from transforms.datasets.storage.base import translate_errors

_CHUNK_BYTES = 1 << 20


def content_digest(files: Iterable[InputFile]) -> str:
    """Compute the SHA-256, in hexadecimal, of the paths and the contents of files; their order does not matter.

    Each byte is read once.

    Raises:
        StorageError: when a file cannot be read.
    """
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(f"{file.path}\n{_digest_of_file(file.path)}\n".encode())
    return found.hexdigest()


def _digest_of_file(path: str) -> str:
    found = hashlib.sha256()
    with translate_errors("read", path), open_storage(path).open(path) as opened:
        while chunk := opened.read(_CHUNK_BYTES):
            found.update(chunk)
    return found.hexdigest()
