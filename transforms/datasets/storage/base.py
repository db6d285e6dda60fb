"""The storage interface, and its implementation on the file systems of Beam.

All writes are atomic: a reader never sees a partial file. `replace` is a compare-and-swap: it overwrites only the
version that its caller read. How strong both are depends on the file system:

| path | a new file becomes visible | compare-and-swap of `replace` |
| --- | --- | --- |
| local | by a rename from a hidden name | under a lock, which the system releases when the process ends |
| `gs://` | when its upload is complete | by the server, which compares generations |
| other buckets | when its upload is complete | not atomic: reads, then writes |
| other file systems with folders, such as `hdfs://` | by a rename from a hidden name | not atomic: reads, then writes |

Where it is not atomic, the later of two simultaneous writers wins, and neither gets an error. On other file systems
with folders, a file that is being replaced does not exist for a moment.
"""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import BinaryIO

from apache_beam.io.filesystem import BeamIOError, CompressionTypes, FileMetadata
from apache_beam.io.filesystems import FileSystems

_CHUNK_BYTES = 1 << 20
_BINARY = {"mime_type": "application/octet-stream", "compression_type": CompressionTypes.UNCOMPRESSED}


class StorageError(OSError):
    """An operation on a file system failed; the message contains the path and the cause."""


class VersionConflictError(RuntimeError):
    """A file changed since the caller read it, so it was not replaced."""


@dataclasses.dataclass(frozen=True)
class VersionedFile:
    """The content of a small file, and its version.

    Attributes:
        content: the whole content.
        version: the object's generation where the storage has generations; elsewhere the content is the version.
    """

    content: bytes
    version: int | None = None


class Storage:
    """Any file system that Beam supports.

    Raises:
        StorageError: from any method, when the operation fails.
    """

    def list_files(self, pattern: str) -> list[FileMetadata]:
        """Return the files that match a path or glob; `*` matches within a name, `**` across folders."""
        with translate_errors("list", pattern):
            (result,) = FileSystems.match([pattern])
            return [file for file in result.metadata_list if not file.path.endswith("/")]

    def list_inputs(self, pattern: str) -> list[FileMetadata]:
        """Return the files that match a path or glob, also those in folders to which symbolic links lead."""
        return self.list_files(pattern)

    def has_file(self, path: str) -> bool:
        """Whether a file has exactly this path, which is no glob. Always False in buckets."""
        return False

    def has_folder(self, path: str) -> bool:
        """Whether the folder exists, even an empty one. Always False in buckets, which have no folders."""
        return False

    def open(self, path: str) -> BinaryIO:
        """Open a file for reading and seeking. Callers pass errors of reading to `translate_error`."""
        with translate_errors("read", path):
            return FileSystems.open(path, **_BINARY)

    def translate_error(self, error: Exception, path: str) -> Exception:
        """Return the exception to raise for an error of a file that `open` returned."""
        return error

    def read(self, path: str) -> VersionedFile | None:
        """Read a small file with its version; return None if there is no such file."""
        with translate_errors("read", path):
            if not FileSystems.exists(path):
                return None
            with FileSystems.open(path, **_BINARY) as file:
                return VersionedFile(file.read())

    def content_digest(self, path: str) -> str:
        """Return a digest of the content of a file: its SHA-256 in hexadecimal, for which the file is read."""
        found = hashlib.sha256()
        with translate_errors("read", path), self.open(path) as file:
            while chunk := file.read(_CHUNK_BYTES):
                found.update(chunk)
        return found.hexdigest()

    def write(self, path: str, content: bytes) -> None:
        """Write a file atomically, and create its folder if needed. Some buckets do not allow empty files."""
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
        """Write or delete a small file if it is still the expected version (compare-and-swap).

        Args:
            path: the file.
            content: the new content; None deletes the file.
            expected: the version that `read` or `replace` returned; None if there was no file.

        Returns:
            The version that is stored now.

        Raises:
            VersionConflictError: when the file is neither `expected` nor `content`; it is left unchanged.
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
        """Lock a file against replacement by other processes, where the file system supports locks."""
        return nullcontext()

    def delete(self, paths: Iterable[str]) -> None:
        """Delete files; files that do not exist are ignored."""
        for path in paths:
            with translate_errors("delete", path):
                if FileSystems.exists(path):
                    FileSystems.delete([path])


def _create(path: str, content: bytes) -> None:
    file = FileSystems.create(path, **_BINARY)
    file.write(content)
    file.close()  # not by `with`, which would complete the file even after a failed write


def _root_cause(error: Exception) -> str:
    """Return the message of the innermost cause of a `BeamIOError`."""
    while isinstance(error, BeamIOError) and error.exception_details:
        error = next(iter(error.exception_details.values()))
    return str(error) or type(error).__name__


@contextmanager
def translate_errors(action: str, path: str, reason: Callable[[Exception], str] = _root_cause) -> Iterator[None]:
    """Convert every exception into a `StorageError`: each file system raises exception types of its own.

    Args:
        action: the verb of the message: `cannot {action} {path}`.
        path: the file.
        reason: converts an exception to the text of its cause.
    """
    try:
        yield
    except (StorageError, VersionConflictError):
        raise
    except Exception as error:
        raise StorageError(f"cannot {action} {path!r}: {reason(error)}") from error
