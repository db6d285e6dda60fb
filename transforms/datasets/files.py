"""Finding the parquet files behind a path, a folder or a glob, on any file system that Beam knows."""

from __future__ import annotations

import dataclasses
import os
import posixpath
import uuid

from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.filesystems import FileSystems

from transforms.datasets.manifest import Manifest, read_manifest
from transforms.datasets.storage import StorageError, open_storage

GLOB_CHARACTERS = "*?["


class InputNotFoundError(ValueError):
    """A path, folder or glob that names no parquet file."""


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
    """What a path stood for when the job was launched.

    Attributes:
        path: the absolute path, folder or glob.
        files: the parquet files, by path.
        manifest: the folder's manifest, where the project wrote it.
    """

    path: str
    files: tuple[InputFile, ...]
    manifest: Manifest | None = None

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


def absolute_path(path: str) -> str:
    """The path as every process on every machine must see it: a relative one is resolved here, where the user is."""
    return path if "://" in path else os.path.abspath(os.path.expanduser(path))


def resolve_source(path: str) -> Source:
    """Resolves a file, a folder or a glob to its parquet files.

    A glob may name files, or folders that hold some. A folder with a manifest stands for the parts that the manifest
    lists; any other folder for all `*.parquet` and `*.pq` below it, except under names that begin with `_` or `.`.

    Raises:
        InputNotFoundError: when there is no such file.
        ValueError: when the folder's manifest is none.
        StorageError: when the file system fails.
    """
    path = absolute_path(path)
    storage = open_storage(path)
    match = storage.list_files
    if any(character in path for character in GLOB_CHARACTERS):
        files = _visible(match(path), path) or _parquet(_visible(match(FileSystems.join(path, "**")), path))
        if not files:
            raise InputNotFoundError(f"no file matches {path!r}")
        return Source(path, files)
    folder = path.rstrip("/")
    manifest = read_manifest(folder)
    if manifest is not None:
        parts = tuple(InputFile(FileSystems.join(folder, part.name), part.bytes) for part in manifest.parts)
        return Source(folder, parts, manifest)
    inside = match(FileSystems.join(folder, "**"))
    files = _parquet(_visible(inside, f"{folder}/"))
    if files:
        return Source(folder, files)
    if inside or storage.has_folder(path):
        raise InputNotFoundError(
            f"no parquet file (*.parquet or *.pq) in folder {path!r}, which holds {len(inside)} files"
        )
    exact = match(path)
    if not exact:
        raise InputNotFoundError(f"no such file or folder: {path!r}")
    return Source(path, tuple(InputFile(file.path, file.size_in_bytes) for file in exact))


def _parquet(files: tuple[InputFile, ...]) -> tuple[InputFile, ...]:
    return tuple(file for file in files if file.path.endswith((".parquet", ".pq")))


def _visible(found: list[FileMetadata], base: str) -> tuple[InputFile, ...]:
    """The files whose path below `base` has no component that begins with `_` or `.`, sorted."""
    fixed = posixpath.dirname(base.split("*")[0].split("?")[0].split("[")[0] + "x")
    return tuple(
        sorted(
            InputFile(file.path, file.size_in_bytes)
            for file in found
            if not any(name.startswith(("_", ".")) for name in file.path[len(fixed) :].split("/"))
        )
    )


def check_writable(folder: str) -> None:
    """Makes a folder and writes and deletes a file there.

    Raises:
        StorageError: when that is not possible.
    """
    if any(character in folder for character in GLOB_CHARACTERS):
        raise StorageError(f"cannot write in {folder!r}: its name may not have one of {GLOB_CHARACTERS}")
    storage = open_storage(folder)
    probe = FileSystems.join(folder, f".writable.{uuid.uuid4().hex}")
    try:
        storage.write(probe, b"This file shows that the folder can be written.\n")
        storage.delete([probe])
    except StorageError as error:
        reason = str(error).removeprefix(f"cannot write {probe!r}: ")
        raise StorageError(f"cannot write in {folder!r}: {reason}") from error
