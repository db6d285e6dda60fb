"""A digest of the content of files that no job wrote, which have no manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from transforms.datasets.files import InputFile
from transforms.datasets.storage import open_storage


def content_digest(files: Iterable[InputFile]) -> str:
    """Compute the SHA-256, in hexadecimal, of the paths of files and the digests of their contents.

    The order of the files does not matter. Each byte is read once, except where the storage has checksums of its own.

    Raises:
        StorageError: when a file cannot be read.
    """
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(f"{file.path}\n{open_storage(file.path).content_digest(file.path)}\n".encode())
    return found.hexdigest()
