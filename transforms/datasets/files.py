"""Resolution of a path, folder or glob to its parquet files, on any file system that Beam supports."""

from __future__ import annotations

import dataclasses
import os
import posixpath
import uuid

from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.filesystems import FileSystems

from transforms.datasets.file_formats import convert_command, format_of_name
from transforms.datasets.manifest import Manifest, read_manifest
from transforms.datasets.parquet_names import parquet_paths
from transforms.datasets.partitions import is_hidden
from transforms.datasets.storage import Storage, StorageError, open_storage
from transforms.datasets.storage.base import translate_errors
from transforms.datasets.storage.globs import CHARACTERS, escape, fixed_beginning, is_glob
from transforms.datasets.table_formats import FindFiles, check_enclosing, check_files, check_listing

_MAGIC_BYTES = 4


class InputNotFoundError(ValueError):
    """A path, folder or glob does not match any parquet file."""


@dataclasses.dataclass(frozen=True, order=True)
class InputFile:
    """One parquet file to read.

    Attributes:
        path: absolute path or URL.
        size: bytes.
    """

    path: str
    size: int


@dataclasses.dataclass(frozen=True)
class Source:
    """The files of a path at the launch of a job.

    Attributes:
        path: the absolute path, folder or glob.
        files: the parquet files, sorted by path.
        manifest: the manifest of the folder, if the project wrote it.
        passed_over: the paths of other files in the folder that are not hidden, and not read.
    """

    path: str
    files: tuple[InputFile, ...]
    manifest: Manifest | None = None
    passed_over: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Total size of the files in bytes."""
        return sum(file.size for file in self.files)


def absolute_path(path: str) -> str:
    """Make a path absolute, so that it means the same in every process: workers have other working directories."""
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))


def resolve_source(path: str) -> Source:
    """Resolve a file, a folder or a glob to its parquet files.

    A glob may match files, or folders with files; a path that exists is no glob. A folder with a manifest resolves to
    the parts that the manifest lists; any other folder to all parquet files at any depth, except below names that begin
    with `_` or `.`, which partitions such as `_date=2024-01-15` do not count among. Links to folders are followed.

    Raises:
        InputNotFoundError: when there is no such file.
        TableFormatError: when the files are those of a table format, which says which of them are current.
        ValueError: when the manifest of the folder is malformed.
        StorageError: when the file system fails.
    """
    path = absolute_path(path)
    storage = open_storage(path)
    if _names_several(path, storage):
        return _resolve_glob(path, storage)
    folder = path.rstrip("/")
    manifest = read_manifest(folder)
    if manifest is not None:
        parts = tuple(InputFile(FileSystems.join(folder, part.name), part.bytes) for part in manifest.parts)
        return Source(folder, parts, manifest)
    inside = _list_folder(folder, storage)
    if inside or storage.has_folder(path):
        return _resolve_folder(path, inside, storage)
    exact = _list_exact(path, storage)
    if not exact:
        raise InputNotFoundError(f"no such file or folder: {path!r}")
    _check_no_table(exact, storage)
    return Source(path, exact)


def _resolve_glob(path: str, storage: Storage) -> Source:
    base = _base(path)
    files = _visible(storage.list_inputs(path), base)
    passed_over: tuple[str, ...] = ()
    if not files:
        inside = _visible(storage.list_inputs(FileSystems.join(path, "**")), base)
        files, passed_over = _parquet_and_others(inside, storage)
    if not files:
        raise InputNotFoundError(f"no file matches {path!r}")
    _check_no_table(files, storage)
    return Source(path, files, passed_over=passed_over)


def _resolve_folder(path: str, inside: list[FileMetadata], storage: Storage) -> Source:
    folder = path.rstrip("/")
    check_listing(folder, [file.path for file in inside], _finder(storage))
    visible = _visible(inside, folder)
    files, others = _parquet_and_others(visible, storage)
    if not files:
        raise InputNotFoundError(_without_parquet(path, visible, len(inside)))
    check_enclosing(folder, _finder(storage))
    return Source(folder, files, passed_over=others)


def list_input_files(path: str) -> tuple[InputFile, ...]:
    """List the files of any format behind a path: a file, the files of a folder at any depth, or those of a glob.

    Names that begin with `_` or `.` are left out, except for that of a single file.

    Raises:
        InputNotFoundError: when there is none.
        TableFormatError: when the files are those of a table format, which says which of them are current.
        StorageError: when the file system fails.
    """
    path = absolute_path(path)
    storage = open_storage(path)
    if _names_several(path, storage):
        files = _visible(storage.list_inputs(path), _base(path))
        files = files or _visible(storage.list_inputs(FileSystems.join(path, "**")), _base(path))
        _check_no_table(files, storage)
    else:
        folder = path.rstrip("/")
        inside = _list_folder(folder, storage)
        check_listing(folder, [file.path for file in inside], _finder(storage))
        files = _visible(inside, folder)
        if files:
            check_enclosing(folder, _finder(storage))
        else:
            files = _list_exact(path, storage)
            _check_no_table(files, storage)
    if not files:
        raise InputNotFoundError(f"no such file or folder, or no file in it: {path!r}")
    return files


def _names_several(path: str, storage: Storage) -> bool:
    """Return whether a path is a glob: it has characters of one, and nothing has exactly this name."""
    return is_glob(path) and not storage.has_file(path) and not storage.has_folder(path)


def _list_folder(folder: str, storage: Storage) -> list[FileMetadata]:
    return storage.list_inputs(FileSystems.join(escape(folder), "**"))


def _list_exact(path: str, storage: Storage) -> tuple[InputFile, ...]:
    return tuple(InputFile(file.path, file.size_in_bytes) for file in storage.list_inputs(escape(path)))


def _finder(storage: Storage) -> FindFiles:
    """Return the test whether a folder has files that match a glob."""
    return lambda folder, glob: bool(storage.list_files(f"{escape(folder)}/{glob}"))


def _check_no_table(files: tuple[InputFile, ...], storage: Storage) -> None:
    check_files([file.path for file in files], _finder(storage))


def _without_parquet(path: str, visible: tuple[InputFile, ...], count: int) -> str:
    message = f"no parquet file in folder {path!r}, which contains {count} files"
    for file in visible:
        if text_format := format_of_name(file.path):
            return f"{message}; convert {text_format}: {convert_command(file.path, text_format)}"
    return f"{message}, such as {visible[0].path!r}" if visible else message


def _parquet_and_others(
    files: tuple[InputFile, ...], storage: Storage
) -> tuple[tuple[InputFile, ...], tuple[str, ...]]:
    """Return the parquet files of a folder, and the paths of the others."""

    def read_beginning(path: str) -> bytes:
        with translate_errors("read", path), storage.open(path) as file:
            return file.read(_MAGIC_BYTES)

    chosen = parquet_paths({file.path: file.size for file in files}, read_beginning)
    others = tuple(file.path for file in files if file.path not in chosen)
    return tuple(file for file in files if file.path in chosen), others


def _base(glob: str) -> str:
    """Return the folder below which names differ between the files of a glob."""
    return posixpath.dirname(fixed_beginning(glob) + "x")


def _visible(found: list[FileMetadata], base: str) -> tuple[InputFile, ...]:
    """Return the files whose path below a folder has no hidden component, sorted."""
    return tuple(
        sorted(
            InputFile(file.path, file.size_in_bytes)
            for file in found
            if not any(map(is_hidden, file.path[len(base) :].split("/")))
        )
    )


def check_writable(folder: str) -> None:
    """Check that a folder is writable: create it, and write and delete a file in it.

    Raises:
        StorageError: when it is not writable.
    """
    if is_glob(folder):
        raise StorageError(f"cannot write in {folder!r}: its name may not contain any of {CHARACTERS}")
    storage = open_storage(folder)
    probe = FileSystems.join(folder, f".writable.{uuid.uuid4().hex}")
    try:
        storage.write(probe, b"This file shows that the folder can be written.\n")
        storage.delete([probe])
    except StorageError as error:
        reason = str(error).removeprefix(f"cannot write {probe!r}: ")
        raise StorageError(f"cannot write in {folder!r}: {reason}") from error
