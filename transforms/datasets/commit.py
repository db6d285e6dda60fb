"""Committing: the datasets of a job become current together, unless another job committed since this one began.

At its launch a job notes the versions that are current (`current_versions`). When all its parts are written, `commit`
replaces the manifests of these versions and of no others. All jobs do so in one order, so whoever replaces the first
manifest has won; the others fail, and `discard_parts` removes what they wrote.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress

from apache_beam.io.filesystems import FileSystems

from transforms.datasets.manifest import (
    MANIFEST_NAME,
    CommitError,
    Manifest,
    Part,
    current_versions,
    parse_manifest,
    read_manifest,
)
from transforms.datasets.storage import StorageError, VersionConflictError, VersionedFile, open_storage

ROLLBACK_FAILED = "could not be put back"
"""In the message of a failure after which not all datasets are as they were before."""

_POLL_ATTEMPTS = 20
_POLL_SECONDS = 0.5
_LOGGER = logging.getLogger(__name__)


def commit(workspace: str, manifests: Sequence[Manifest], versions: Mapping[str, str | None]) -> None:
    """Makes `manifests` the current versions of their datasets, all or none, then removes the parts they replace.

    For a moment readers may see some datasets replaced and others not yet. A process that is killed in this moment
    leaves them so; a second attempt at the job, or the next run, replaces all.

    Args:
        workspace: the folder of the datasets' own folders.
        manifests: what to commit.
        versions: what `current_versions` gave at the job's launch. What a job finds that it committed itself, in a
            first attempt, is as good.

    Raises:
        CommitError: when another job has committed, a part is not there, or a file in the place of a manifest is none.
        StorageError: when the file system fails; the message says when the versions before could not be put back.
    """
    replacements = [_Replacement(workspace, manifest) for manifest in manifests]
    for replacement in replacements:
        replacement.check_version(versions[replacement.manifest.dataset])
    for replacement in replacements:
        replacement.check_parts()
    _replace(replacements)
    for replacement in replacements:
        if replacement.replaced:
            _remove_unlisted(replacement.folder, replacement.replaced.parts)


def _replace(replacements: Sequence[_Replacement]) -> None:
    """Replaces all manifests or none.

    Then the parts are checked once more: a job that failed may have removed one that it, too, had written.
    """
    begun: list[_Replacement] = []
    try:
        for replacement in replacements:
            begun.append(replacement)
            replacement.apply()
        for replacement in replacements:
            replacement.check_parts()
    except BaseException as error:
        lost: list[str] = []
        for replacement in reversed(begun):
            if lost or not replacement.undo():  # after one that failed, each other would wait as long
                lost.append(replacement.manifest.dataset)
        if lost:
            raise StorageError(f"{error}; the version before of {', '.join(lost)} {ROLLBACK_FAILED}") from error
        raise


class _Replacement:
    """One manifest that takes the place of another.

    Raises:
        CommitError: from any method, when the dataset is not as it must be.
        StorageError: from any method but `undo`, when the file system fails.
    """

    def __init__(self, workspace: str, manifest: Manifest) -> None:
        self.workspace = workspace
        self.manifest = manifest
        self.folder = FileSystems.join(workspace, manifest.dataset)
        self.path = FileSystems.join(self.folder, MANIFEST_NAME)
        self.storage = open_storage(self.path)
        self.content = manifest.to_json().encode()
        self.written: VersionedFile | None = None
        self.before = self.storage.read(self.path)
        try:
            self.replaced = parse_manifest(self.path, self.before)
        except ValueError as error:
            raise CommitError(f"{error}; nothing was committed") from error

    def check_version(self, launched: str | None) -> None:
        """Checks that the version that is replaced was current at the launch, or is our own."""
        current = self.replaced.digest if self.replaced else None
        if current not in (launched, self.manifest.digest):
            raise self._lost()

    def check_parts(self) -> None:
        """Checks that all parts are there."""
        listed = self.storage.list_files(FileSystems.join(self.folder, "**"))
        sizes = {FileSystems.split(file.path)[1]: file.size_in_bytes for file in listed}
        for part in self.manifest.parts:
            if sizes.get(part.name) != part.bytes:
                path = FileSystems.join(self.folder, part.name)
                raise CommitError(f"{path!r} is not the {part.bytes} bytes that were written; nothing was committed")

    def apply(self) -> None:
        """Replaces the manifest, even by an equal one: an earlier attempt that still runs can then not undo it."""
        try:
            self.written = self.storage.replace(self.path, self.content, self.before)
        except VersionConflictError as error:
            raise self._lost() from error

    def undo(self) -> bool:
        """Puts back what was there, unless somebody else replaced it since; False when that fails."""
        try:
            ours = self.written or self.storage.read(self.path)  # an upload that failed may yet have arrived
            if ours and ours.content == self.content:
                with suppress(VersionConflictError):
                    self.storage.replace(self.path, self.before.content if self.before else None, ours)
        except StorageError:
            return False
        return True

    def _lost(self) -> CommitError:
        return CommitError(
            f"another run committed {self.manifest.dataset} to {self.workspace} since this one began; "
            "nothing was committed"
        )


def discard_parts(workspace: str, manifests: Sequence[Manifest], versions: Mapping[str, str | None]) -> None:
    """Removes the parts of a job that did not commit, but for those that a current version lists.

    Args:
        workspace: the folder of the datasets' own folders.
        manifests: what the job would have committed.
        versions: what `current_versions` gave at its launch.
    """
    settled = _settled_datasets(workspace, versions)
    for manifest in manifests:
        if manifest.dataset in settled:
            _remove_unlisted(FileSystems.join(workspace, manifest.dataset), manifest.parts)


def _settled_datasets(workspace: str, versions: Mapping[str, str | None]) -> set[str]:
    """The datasets of which no other job is about to commit a version, which might list parts that equal ours.

    While some versions have changed and some not, such a job is at work: it is given some seconds to finish.
    """
    changed: set[str] = set()
    for _ in range(_POLL_ATTEMPTS):
        try:
            current = current_versions(workspace, versions)
        except (StorageError, ValueError):
            return set()
        changed = {dataset for dataset, version in versions.items() if current[dataset] != version}
        if len(changed) in (0, len(versions)):
            return set(versions)
        time.sleep(_POLL_SECONDS)
    return changed


def _remove_unlisted(folder: str, parts: Iterable[Part]) -> None:
    """Deletes the parts that the current version does not list. What cannot be deleted harms nobody and stays."""
    try:
        current = read_manifest(folder)
        listed = {part.name for part in current.parts} if current else set()
        open_storage(folder).delete(FileSystems.join(folder, part.name) for part in parts if part.name not in listed)
    except (StorageError, ValueError) as error:
        _LOGGER.warning("Parts of no version stay in %s: %s", folder, error)
