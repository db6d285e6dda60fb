"""The manifest of a dataset: the list of its parts, written last and atomically; readers read only listed parts."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from apache_beam.io.filesystems import FileSystems

from transforms.datasets.storage import VersionedFile, open_storage

MANIFEST_NAME = "_manifest.json"


class CommitError(RuntimeError):
    """Datasets could not be committed; the previous versions are unchanged."""


@dataclasses.dataclass(frozen=True, order=True)
class Part:
    """One parquet file of a dataset.

    Attributes:
        name: file name inside the dataset's folder, with the first digits of the content's SHA-256.
        rows: number of rows.
        bytes: size of the file.
        sha256: SHA-256 of the content, in hexadecimal.
    """

    name: str
    rows: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Manifest:
    """The content and the lineage of a dataset.

    Attributes:
        dataset: name of the dataset.
        schema_fingerprint: `DatasetSchema.fingerprint` of the rows.
        parts: the files, sorted by name.
        configuration: the options that determine the content.
        code_version: version of this package.
        inputs: by input, its digest (of a dataset with a manifest), or its path and number of files.
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
        """Serialize to JSON; equal manifests give equal bytes."""
        return json.dumps(dataclasses.asdict(self) | {"rows": self.rows}, indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Parse the result of `to_json`.

        Raises:
            ValueError: when the text is not a manifest.
        """
        try:
            fields = json.loads(text)
            if not isinstance(fields, dict) or not {"dataset", "parts", "rows"} <= fields.keys():
                raise ValueError(
                    "not a manifest of this project: another tool wrote it, or it is damaged; if it is not needed, "
                    "name the files by a glob, such as FOLDER/*.parquet"
                )
            fields.pop("rows")
            return cls(**fields | {"parts": tuple(Part(**part) for part in fields["parts"])})
        except (TypeError, KeyError, AttributeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a manifest: {error}") from error

    @property
    def digest(self) -> str:
        """SHA-256 of the manifest in hexadecimal; identifies this version of the dataset."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def read_manifest(folder: str) -> Manifest | None:
    """Read the manifest of the dataset in `folder`; return None if there is none.

    Raises:
        ValueError: when the file exists but is not a manifest.
        StorageError: when it cannot be read.
    """
    storage = open_storage(folder)  # before the path is joined, which fails where packages of a bucket are missing
    path = FileSystems.join(folder, MANIFEST_NAME)
    return parse_manifest(path, storage.read(path))


def parse_manifest(path: str, stored: VersionedFile | None) -> Manifest | None:
    """Parse the content of a manifest file; return None if there is no file.

    Raises:
        ValueError: when the file is not a manifest.
    """
    try:
        return Manifest.from_json(stored.content.decode()) if stored else None
    except ValueError as error:
        raise ValueError(f"{path!r}: {error}") from error


def current_versions(workspace: str, datasets: Iterable[str]) -> dict[str, str | None]:
    """Read the digest of each dataset's manifest, None if there is none.

    Raises:
        ValueError: when a file exists but is not a manifest.
        StorageError: when one cannot be read.
    """
    manifests = {dataset: read_manifest(FileSystems.join(workspace, dataset)) for dataset in datasets}
    return {dataset: manifest.digest if manifest else None for dataset, manifest in manifests.items()}
