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


class LocalStorage(Storage):
    """Local disks."""

    def list_files(self, pattern: str) -> list[FileMetadata]:
        return [file for file in super().list_files(pattern) if not self.has_folder(file.path)]

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


def _lock(path: Path) -> int:
    """Open and lock a lock file; retry if the previous holder removed it while this process waited."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)
