"""Files on disks and in buckets: `open_storage` selects the implementation by the scheme of a path."""

from __future__ import annotations

import functools
import os

from apache_beam.io.filesystems import FileSystems

from transforms.datasets.storage.base import Storage as Storage
from transforms.datasets.storage.base import StorageError as StorageError
from transforms.datasets.storage.base import VersionConflictError as VersionConflictError
from transforms.datasets.storage.base import VersionedFile as VersionedFile
from transforms.datasets.storage.base import translate_errors
from transforms.datasets.storage.local import LocalStorage as LocalStorage
from transforms.extras import INSTALL_GCP


def open_storage(path: str) -> Storage:
    """Return the storage of a path.

    Raises:
        StorageError: when Beam does not support its scheme, or packages for it are missing.
    """
    scheme = FileSystems.get_scheme(path)
    if scheme is None:
        return LocalStorage()
    if scheme == "gs":
        return _gcs(os.environ.get("STORAGE_EMULATOR_HOST"))
    with translate_errors("use", path):
        FileSystems.get_filesystem(path)
    return Storage()


@functools.cache
def _gcs(emulator: str | None) -> Storage:
    """Return one storage per process, since its client keeps connections."""
    try:
        from transforms.datasets.storage.gcs import GoogleCloudStorage
    except ImportError as error:
        raise StorageError(f"gs:// needs more packages: {INSTALL_GCP} ({error})") from error
    return GoogleCloudStorage(anonymous=emulator is not None)
