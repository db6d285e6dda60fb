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
from transforms.datasets.storage import Storage, StorageError, open_storage
from transforms.datasets.table_formats import check_enclosing, check_files, check_listing

GLOB_CHARACTERS = "*?["


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
    """

    path: str
    files: tuple[InputFile, ...]
    manifest: Manifest | None = None

    @property
    def size(self) -> int:
        """Total size of the files in bytes."""
        return sum(file.size for file in self.files)


def absolute_path(path: str) -> str:
    """Make a path absolute, so that it means the same in every process: workers have other working directories."""
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))


def resolve_source(path: str) -> Source:
    """Resolve a file, a folder or a glob to its parquet files.

    A glob may match files, or folders with files. A folder with a manifest resolves to the parts that the manifest
    lists; any other folder to all `*.parquet` and `*.pq` at any depth, except below names that begin with `_` or `.`.

    Raises:
        InputNotFoundError: when there is no such file.
        TableFormatError: when the files are those of a table format, which says which of them are current.
        ValueError: when the manifest of the folder is malformed.
        StorageError: when the file system fails.
    """
    path = absolute_path(path)
    storage = open_storage(path)
    match = storage.list_files
    if any(character in path for character in GLOB_CHARACTERS):
        files = _visible(match(path), path) or _parquet(_visible(match(FileSystems.join(path, "**")), path))
        if not files:
            raise InputNotFoundError(f"no file matches {path!r}")
        _check_no_table(files, storage)
        return Source(path, files)
    folder = path.rstrip("/")
    manifest = read_manifest(folder)
    if manifest is not None:
        parts = tuple(InputFile(FileSystems.join(folder, part.name), part.bytes) for part in manifest.parts)
        return Source(folder, parts, manifest)
    inside = match(FileSystems.join(folder, "**"))
    check_listing(folder, (file.path for file in inside))
    files = _parquet(_visible(inside, f"{folder}/"))
    if files:
        check_enclosing(folder, lambda glob: bool(match(glob)))
        return Source(folder, files)
    if inside or storage.has_folder(path):
        raise InputNotFoundError(_without_parquet(path, _visible(inside, f"{folder}/"), len(inside)))
    exact = tuple(InputFile(file.path, file.size_in_bytes) for file in match(path))
    if not exact:
        raise InputNotFoundError(f"no such file or folder: {path!r}")
    _check_no_table(exact, storage)
    return Source(path, exact)


def list_input_files(path: str) -> tuple[InputFile, ...]:
    """List the files of any format behind a path: a file, the files of a folder at any depth, or those of a glob.

    Names that begin with `_` or `.` are left out, except for that of a single file.

    Raises:
        InputNotFoundError: when there is none.
        StorageError: when the file system fails.
    """
    path = absolute_path(path)
    match = open_storage(path).list_files
    if any(character in path for character in GLOB_CHARACTERS):
        files = _visible(match(path), path) or _visible(match(FileSystems.join(path, "**")), path)
    else:
        folder = path.rstrip("/")
        files = _visible(match(FileSystems.join(folder, "**")), f"{folder}/")
        files = files or tuple(InputFile(file.path, file.size_in_bytes) for file in match(path))
    if not files:
        raise InputNotFoundError(f"no such file or folder, or no file in it: {path!r}")
    return files


def _check_no_table(files: tuple[InputFile, ...], storage: Storage) -> None:
    check_files([file.path for file in files], lambda glob: bool(storage.list_files(glob)))


def _without_parquet(path: str, visible: tuple[InputFile, ...], count: int) -> str:
    message = f"no parquet file (*.parquet or *.pq) in folder {path!r}, which contains {count} files"
    for file in visible:
        if text_format := format_of_name(file.path):
            return f"{message}; convert {text_format}: {convert_command(file.path, text_format)}"
    return message


def _parquet(files: tuple[InputFile, ...]) -> tuple[InputFile, ...]:
    return tuple(file for file in files if file.path.endswith((".parquet", ".pq")))


def _visible(found: list[FileMetadata], base: str) -> tuple[InputFile, ...]:
    """Return the files whose path below `base` has no component that begins with `_` or `.`, sorted."""
    fixed = posixpath.dirname(_fixed_beginning(base) + "x")
    return tuple(
        sorted(
            InputFile(file.path, file.size_in_bytes)
            for file in found
            if not any(name.startswith(("_", ".")) for name in file.path[len(fixed) :].split("/"))
        )
    )


def _fixed_beginning(path: str) -> str:
    """Return the part of a path before its first glob character."""
    return path.split("*")[0].split("?")[0].split("[")[0]


def check_writable(folder: str) -> None:
    """Check that a folder is writable: create it, and write and delete a file in it.

    Raises:
        StorageError: when it is not writable.
    """
    if any(character in folder for character in GLOB_CHARACTERS):
        raise StorageError(f"cannot write in {folder!r}: its name may not contain any of {GLOB_CHARACTERS}")
    storage = open_storage(folder)
    probe = FileSystems.join(folder, f".writable.{uuid.uuid4().hex}")
    try:
        storage.write(probe, b"This file shows that the folder can be written.\n")
        storage.delete([probe])
    except StorageError as error:
        reason = str(error).removeprefix(f"cannot write {probe!r}: ")
        raise StorageError(f"cannot write in {folder!r}: {reason}") from error
