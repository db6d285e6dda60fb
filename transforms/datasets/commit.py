"""Atomic commit of all datasets of a job, with optimistic concurrency control.

At its launch a job records the current versions (`current_versions`). When all its parts are written, `commit` replaces
the manifests of exactly these versions. All jobs replace manifests in the same order, so the job that replaces the
first manifest wins; the others fail, and `discard_parts` removes their parts.
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

ROLLBACK_FAILED = "could not be restored"
"""Part of the message of a failure after which some datasets are not in their previous state."""

_POLL_ATTEMPTS = 20
_POLL_SECONDS = 0.5
_LOGGER = logging.getLogger(__name__)


def commit(workspace: str, manifests: Sequence[Manifest], versions: Mapping[str, str | None]) -> None:
    """Make `manifests` the current versions of their datasets, all or none, then remove the parts of replaced versions.

    The replacement is not atomic for readers: for a moment, some datasets are replaced and others are not. If the
    process is killed in this moment, they stay so until a retry of the job, or its next run, replaces all.

    Args:
        workspace: the folder that contains the folders of the datasets.
        manifests: the versions to commit.
        versions: the result of `current_versions` at the launch of the job. Versions that the job itself committed in
            a previous attempt are accepted too.

    Raises:
        CommitError: when another job committed in the meantime, a part is missing, or a manifest is malformed.
        StorageError: when the file system fails; the message says if previous versions could not be restored.
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
    """Replace all manifests or none.

    Afterwards the parts are checked again: a failed job may have removed a part that is equal to one of its own.
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
            if lost or not replacement.undo():  # after one failure, each further attempt would time out too
                lost.append(replacement.manifest.dataset)
        if lost:
            raise StorageError(f"{error}; the previous version of {', '.join(lost)} {ROLLBACK_FAILED}") from error
        raise


class _Replacement:
    """The replacement of one manifest.

    Raises:
        CommitError: from any method, when the dataset is not in the expected state.
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
        """Check that the version to replace was current at the launch, or was committed by this job."""
        current = self.replaced.digest if self.replaced else None
        if current not in (launched, self.manifest.digest):
            raise self._lost()

    def check_parts(self) -> None:
        """Check that all parts exist and have their size."""
        listed = self.storage.list_files(FileSystems.join(self.folder, "**"))
        sizes = {FileSystems.split(file.path)[1]: file.size_in_bytes for file in listed}
        for part in self.manifest.parts:
            if sizes.get(part.name) != part.bytes:
                path = FileSystems.join(self.folder, part.name)
                raise CommitError(f"{path!r} is not the {part.bytes} bytes that were written; nothing was committed")

    def apply(self) -> None:
        """Replace the manifest, even by an equal one, so that an earlier attempt that still runs cannot undo it."""
        try:
            self.written = self.storage.replace(self.path, self.content, self.before)
        except VersionConflictError as error:
            raise self._lost() from error

    def undo(self) -> bool:
        """Restore the previous manifest, unless another job replaced it since; return False if that fails."""
        try:
            ours = self.written or self.storage.read(self.path)  # a failed upload may have succeeded on the server
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
    """Remove the parts of a job that did not commit, except parts that a current version lists.

    Args:
        workspace: the folder that contains the folders of the datasets.
        manifests: the manifests of the job.
        versions: the result of `current_versions` at its launch.
    """
    settled = _settled_datasets(workspace, versions)
    for manifest in manifests:
        if manifest.dataset in settled:
            _remove_unlisted(FileSystems.join(workspace, manifest.dataset), manifest.parts)


def _settled_datasets(workspace: str, versions: Mapping[str, str | None]) -> set[str]:
    """Return the datasets that no other job is about to commit.

    The version of another job might list parts equal to those of this job, which must not be deleted. While only some
    versions have changed, another job is committing; this function waits some seconds for it.
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
    """Delete the parts that the current version does not list. Parts that cannot be deleted are harmless and stay."""
    try:
        current = read_manifest(folder)
        listed = {part.name for part in current.parts} if current else set()
        open_storage(folder).delete(FileSystems.join(folder, part.name) for part in parts if part.name not in listed)
    except (StorageError, ValueError) as error:
        _LOGGER.warning("Unused parts remain in %s: %s", folder, error)
