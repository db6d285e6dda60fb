"""The manifest: the file that makes parts a dataset. Written last and in one piece; readers follow it alone."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

MANIFEST_NAME = "_manifest.json"


class CommitError(RuntimeError):
    """A dataset could not be committed; the version before stays."""


@dataclasses.dataclass(frozen=True, order=True)
class Part:
    """One parquet file of a dataset.

    Attributes:
        name: file name inside the dataset's folder; it ends in the beginning of the content's SHA-256.
        rows: number of rows.
        bytes: size of the file.
        sha256: of the file's content, in hexadecimal.
    """

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What a dataset consists of and what it was computed from.

    Attributes:
        dataset: name of the dataset.
        schema_fingerprint: `DatasetSchema.fingerprint` of the rows.
        parts: the files, by name.
        configuration: the options that decided the content.
        code_version: version of this package.
        inputs: for each input its digest (a dataset with a manifest) or its path and number of files.
    """

    dataset: str
    schema_fingerprint: str
    parts: tuple[Part, ...]
    configuration: dict[str, Any]
    code_version: str
    inputs: dict[str, Any]

    @property
    def rows(self) -> int:
        """Number of rows in all parts."""
        return sum(part.rows for part in self.parts)

    def to_json(self) -> str:
        """Stable text: equal manifests give equal bytes."""
        return json.dumps(dataclasses.asdict(self) | {"rows": self.rows}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The inverse of `to_json`.

        Raises:
            ValueError: when the text is not a manifest.
        """
        try:
            fields = json.loads(text)
            fields.pop("rows")
            return cls(**fields | {"parts": tuple(Part(**part) for part in fields["parts"])})
        except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a manifest: {error}") from error

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest in hexadecimal: names this version of the dataset."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def read_manifest(folder: str) -> Manifest | None:
    """The manifest of the dataset in `folder`, or None when there is none.

    Raises:
        ValueError: when the file is there but is not a manifest.
    """
    path = FileSystems.join(folder, MANIFEST_NAME)
    try:
        if not FileSystems.exists(path):
            return None
        with FileSystems.open(path) as file:
            text = file.read().decode()
    except BeamIOError as error:
        raise ValueError(f"cannot read {path!r}: {error}") from error
    try:
        return Manifest.from_json(text)
    except ValueError as error:
        raise ValueError(f"{path!r}: {error}") from error


def write_atomically(path: str, content: bytes) -> None:
    """Writes a file under another name and renames it: nobody ever sees half of it.

    Raises:
        OSError, BeamIOError: as the file system says; nothing is left at `path` that was not there before.
    """
    _write_all({path: content})


def _write_all(contents: Mapping[str, bytes]) -> None:
    """Writes files under other names and, when all are there, renames them."""
    unfinished = []
    try:
        for path, content in contents.items():
            folder, name = FileSystems.split(path)
            if not FileSystems.exists(folder):
                _make_folder(folder)
            unfinished.append(FileSystems.join(folder, f".{name}.{uuid.uuid4().hex}"))
            try:
                with FileSystems.create(unfinished[-1], mime_type="application/octet-stream") as file:
                    file.write(content)
            except OSError as error:
                raise OSError(f"cannot write {path!r}: {error}") from error
        FileSystems.rename(unfinished, list(contents))
    except BaseException:
        left = [path for path in unfinished if FileSystems.exists(path)]
        if left:
            FileSystems.delete(left)
        raise


def _make_folder(folder: str) -> None:
    try:
        FileSystems.mkdirs(folder)
    except OSError:
        if not FileSystems.exists(folder):  # another worker may have made it meanwhile
            raise


def commit(workspace: str, manifests: Sequence[Manifest]) -> None:
    """Makes `manifests` the current versions of their datasets, all or none, then removes the parts they replace.

    Raises:
        CommitError: when a part of a manifest is not there, as when another job replaced this dataset meanwhile, or
            the manifest to be replaced is none.
        OSError, BeamIOError: when a manifest cannot be written; the versions before are put back.
    """
    folders = [FileSystems.join(workspace, manifest.dataset) for manifest in manifests]
    for folder, manifest in zip(folders, manifests, strict=True):
        _check_parts(folder, manifest)
    try:
        before = [read_manifest(folder) for folder in folders]
    except ValueError as error:
        raise CommitError(f"{error}; nothing was committed") from error
    paths = [FileSystems.join(folder, MANIFEST_NAME) for folder in folders]
    try:
        _write_all({path: manifest.to_json().encode() for path, manifest in zip(paths, manifests, strict=True)})
    except BaseException:
        for folder, replaced in zip(folders, before, strict=True):
            _put_back(folder, replaced)
        raise
    for folder, replaced, manifest in zip(folders, before, manifests, strict=True):
        kept = {part.name for part in manifest.parts}
        remove_parts(folder, [part for part in (replaced.parts if replaced else ()) if part.name not in kept])


def _check_parts(folder: str, manifest: Manifest) -> None:
    paths = [FileSystems.join(folder, part.name) for part in manifest.parts]
    found = {file.path: file.size_in_bytes for result in FileSystems.match(paths) for file in result.metadata_list}
    for path, part in zip(paths, manifest.parts, strict=True):
        if found.get(path) != part.bytes:
            raise CommitError(f"{path!r} is not the {part.bytes} bytes that were written; nothing was committed")


def _put_back(folder: str, manifest: Manifest | None) -> None:
    path = FileSystems.join(folder, MANIFEST_NAME)
    if manifest is not None and read_manifest(folder) != manifest:
        write_atomically(path, manifest.to_json().encode())
    elif manifest is None and FileSystems.exists(path):
        FileSystems.delete([path])


def remove_parts(folder: str, parts: list[Part]) -> None:
    """Deletes parts that no manifest lists any more, where they are still there."""
    paths = [FileSystems.join(folder, part.name) for part in parts]
    there = [path for path in paths if FileSystems.exists(path)]
    if there:
        FileSystems.delete(there)
