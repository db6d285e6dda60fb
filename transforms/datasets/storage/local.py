"""Storage on the local disks of this machine."""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from apache_beam.io.filesystem import FileMetadata

from transforms.datasets.storage.base import Storage, VersionedFile, translate_errors
from transforms.datasets.storage.globs import is_glob
from transforms.datasets.storage.linked_files import linked_files


class LocalStorage(Storage):
    """Local disks."""

    def list_files(self, pattern: str) -> list[FileMetadata]:
        return [file for file in super().list_files(pattern) if not self.has_folder(file.path)]

    def list_inputs(self, pattern: str) -> list[FileMetadata]:
        if not is_glob(pattern):
            return self.list_files(pattern)
        with translate_errors("list", pattern):
            return [FileMetadata(path, _size(path)) for path in linked_files(pattern)]

    def has_file(self, path: str) -> bool:
        return Path(path).is_file()

    def has_folder(self, path: str) -> bool:
        return Path(path).is_dir()

    def read(self, path: str) -> VersionedFile | None:
        with translate_errors("read", path):
            try:
                return VersionedFile(Path(path).read_bytes())
            except (FileNotFoundError, NotADirectoryError):
                return None

    def write(self, path: str, content: bytes) -> None:
        target = Path(path)
        hidden = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
        with translate_errors("write", path):
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                hidden.write_bytes(content)
                hidden.replace(target)
            except BaseException:
                with suppress(OSError):
                    hidden.unlink()
                raise

    @contextmanager
    def _locked(self, path: str) -> Iterator[None]:
        target = Path(path)
        lock = target.with_name(f".{target.name}.lock")
        with translate_errors("write", path):
            target.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _lock(lock)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            os.close(descriptor)

    def delete(self, paths: Iterable[str]) -> None:
        for path in paths:
            with translate_errors("delete", path):
                Path(path).unlink(missing_ok=True)


def _size(path: str) -> int:
    """Return the size of a file; 0 of a link to a file that is gone, which the job that reads it reports."""
    return Path(path).stat().st_size if Path(path).exists() else 0


def _lock(path: Path) -> int:
    """Open and lock a lock file; retry if the previous holder removed it while this process waited."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)
