"""Files on disks and in buckets: what differs between file systems, behind one small class.

Nobody ever sees half of a file that is written here, and `replace` writes only over the version that its caller read:

| path | a file appears | `replace` |
| --- | --- | --- |
| local | renamed from a hidden name | under a lock that ends with its process |
| `gs://` | with the end of its upload | the server compares generations |
| other buckets | with the end of its upload | reads, then writes |
| others with folders, such as `hdfs://` | renamed from a hidden name | reads, then writes |

Where it reads, then writes, of two writers in the same moment the later one wins and neither is told. Where others with
folders replace a file, there is none for a moment.
"""

from __future__ import annotations

import dataclasses
import fcntl
import functools
import os
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import BinaryIO

from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems

_BINARY = {"mime_type": "application/octet-stream", "compression_type": CompressionTypes.UNCOMPRESSED}


class StorageError(OSError):
    """A file system refused or did not answer; the message names the path and says why."""


class VersionConflictError(RuntimeError):
    """A file is not the version that was to be replaced."""


@dataclasses.dataclass(frozen=True)
class VersionedFile:
    """A small file as it was read or written.

    Attributes:
        content: all of it.
        version: its generation where the file system counts them; elsewhere the content is the version.
    """

    content: bytes
    version: int | None = None


class Storage:
    """Any file system that Beam knows.

    Raises:
        StorageError: from any method, when the file system refuses or does not answer.
    """

    def list_files(self, pattern: str) -> list[FileMetadata]:
        """The files that match: `*` within a name, `**` across folders, a plain path itself."""
        with translate_errors("look for", pattern):
            (result,) = FileSystems.match([pattern])
            return [file for file in result.metadata_list if not file.path.endswith("/")]

    def has_folder(self, path: str) -> bool:
        """Whether there is a folder even when no file lies in it; buckets have none."""
        return False

    def open(self, path: str) -> BinaryIO:
        """A file to read and seek in; what fails while it is read is given to `explained`."""
        with translate_errors("read", path):
            return FileSystems.open(path, **_BINARY)

    def translate_error(self, error: Exception, path: str) -> Exception:
        """What to raise for a failure of a file from `open`."""
        return error

    def read(self, path: str) -> VersionedFile | None:
        """A small file with its version, or None when there is none."""
        with translate_errors("read", path):
            if not FileSystems.exists(path):
                return None
            with FileSystems.open(path, **_BINARY) as file:
                return VersionedFile(file.read())

    def write(self, path: str, content: bytes) -> None:
        """Writes a file in one piece, and its folder where needed. An empty file is not possible in every bucket."""
        with translate_errors("write", path):
            if FileSystems.get_filesystem(path).has_dirs():
                self._write_and_rename(path, content)
            else:
                _create(path, content)

    def _write_and_rename(self, path: str, content: bytes) -> None:
        folder, name = FileSystems.split(path)
        if not FileSystems.exists(folder):
            FileSystems.mkdirs(folder)
        hidden = FileSystems.join(folder, f".{name}.{uuid.uuid4().hex}")
        try:
            _create(hidden, content)
            self.delete([path])  # not every file system renames over a file
            FileSystems.rename([hidden], [path])
        except BaseException:
            with suppress(Exception):
                self.delete([hidden])
            raise

    def replace(self, path: str, content: bytes | None, expected: VersionedFile | None) -> VersionedFile | None:
        """Writes a small file, or deletes it, if nobody changed it meanwhile.

        Args:
            path: the file.
            content: what it shall hold; None deletes it.
            expected: what `read` or `replace` gave; None for no file.

        Returns:
            What is stored now.

        Raises:
            VersionConflictError: when the file is neither `expected` nor `content`; it stays as it is.
        """
        with self._locked(path):
            current = self.read(path)
            if current != expected:
                return self._accept_if_equal(path, current, content)
            if content is None:
                self.delete([path])
                return None
            self.write(path, content)
            return VersionedFile(content)

    @staticmethod
    def _accept_if_equal(path: str, current: VersionedFile | None, content: bytes | None) -> VersionedFile | None:
        if (current and current.content) != content:
            raise VersionConflictError(path)
        return current

    def _locked(self, path: str) -> AbstractContextManager[None]:
        """Keeps other processes from replacing a file, where the file system has a way to do so."""
        return nullcontext()

    def delete(self, paths: Iterable[str]) -> None:
        """Deletes files; those that are gone already are fine."""
        for path in paths:
            with translate_errors("delete", path):
                if FileSystems.exists(path):
                    FileSystems.delete([path])


class LocalStorage(Storage):
    """The disks of this machine."""

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
    """Opens a lock file and waits until it is ours; its holder before may have removed it meanwhile."""
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def _create(path: str, content: bytes) -> None:
    file = FileSystems.create(path, **_BINARY)
    file.write(content)
    file.close()  # `with` would finish the file when writing fails, too


def _root_cause(error: Exception) -> str:
    """What Beam's error tells of."""
    while isinstance(error, BeamIOError) and error.exception_details:
        error = next(iter(error.exception_details.values()))
    return str(error) or type(error).__name__


@contextmanager
def translate_errors(doing: str, path: str, reason: Callable[[Exception], str] = _root_cause) -> Iterator[None]:
    """Makes every failure a `StorageError`: file systems raise errors of their own, of any type."""
    try:
        yield
    except (StorageError, VersionConflictError):
        raise
    except Exception as error:
        raise StorageError(f"cannot {doing} {path!r}: {reason(error)}") from error


def open_storage(path: str) -> Storage:
    """The storage that holds a path.

    Raises:
        StorageError: when Beam does not know it, or what it needs is not installed.
    """
    scheme = FileSystems.get_scheme(path)
    if scheme is None:
        return LocalStorage()
    if scheme == "gs":
        return _google_storage(os.environ.get("STORAGE_EMULATOR_HOST"))
    with translate_errors("use", path):
        FileSystems.get_filesystem(path)
    return Storage()


@functools.cache
def _google_storage(emulator: str | None) -> Storage:
    """One for the process: a client holds connections."""
    try:
        from transforms.datasets.google_storage import GoogleStorage
    except ImportError as error:
        raise StorageError(f"gs:// needs more packages: pip install 'interest-journeys[gcp]' ({error})") from error
    return GoogleStorage(anonymous=emulator is not None)
