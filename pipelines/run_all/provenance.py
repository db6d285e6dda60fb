"""The provenance of the outputs in a workspace, and that of a run now.

Manifests have the configuration, the versions of the datasets that a job read, and the code version. The record
`_run_all.json` of the workspace has the rest: the digests of inputs that no job wrote, such as the log, and the whole
provenance of outputs without a manifest.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from collections.abc import Mapping
from typing import Any, TypeAlias

from apache_beam.io.filesystems import FileSystems

from pipelines.common.command_line import UsageError
from pipelines.common.job import Job
from pipelines.common.run import create_job
from pipelines.registry import load_job
from pipelines.run_all.plan import UNKNOWN, Committed, Provenance
from pipelines.run_all.stages import Stage
from schemas import CACHES, EMBEDDINGS, GENERATIONS, OUTPUTS
from transforms.datasets.content_digest import content_digest
from transforms.datasets.files import InputFile, absolute_path
from transforms.datasets.manifest import Manifest, read_manifest
from transforms.datasets.storage import StorageError, open_storage

RECORD_NAME = "_run_all.json"

_CACHES = frozenset((EMBEDDINGS.name, GENERATIONS.name))
"""Inputs that do not change an output: their rows are found by the content from which they were computed."""

_FINGERPRINTS = {schema.name: schema.fingerprint for schema in (*OUTPUTS, *CACHES)}

StageRecord: TypeAlias = dict[str, Any]
"""The last run of a stage: `outputs`, their digests by name, and fields of `Provenance`: all, or only `inputs`."""


class Workspace:
    """A workspace as `run_all` sees it.

    Args:
        path: the folder or bucket prefix.
    """

    def __init__(self, path: str) -> None:
        self.path = absolute_path(path).rstrip("/")
        self._digests: dict[tuple[InputFile, ...], str] = {}

    def committed(self, stage: Stage) -> Committed:
        """Return what the current outputs of a stage were computed from.

        Raises:
            UsageError: when a manifest or the record cannot be read.
        """
        record = self._read_record().get(stage.job, {})
        return {
            **{name: self._of_dataset(name, record) for name in stage.writes},
            **{name: self._of_file(name, record) for name in stage.files},
        }

    def expected(self, stage: Stage, flags: tuple[str, ...]) -> Provenance:
        """Return what a run of a stage now would compute its outputs from.

        Args:
            stage: the stage, whose inputs exist.
            flags: its arguments.

        Raises:
            UsageError: when the stage cannot be carried out.
        """
        job, _ = create_job(load_job(stage.job), flags)
        configuration = json.loads(json.dumps(job.recorded_configuration))
        return Provenance(configuration, self._inputs(job), importlib.metadata.version("interest-journeys"))

    def record(self, stage: Stage, provenance: Provenance) -> None:
        """Record that a stage has run.

        Raises:
            UsageError: when the record cannot be written.
        """
        outputs = {name: self._digest_of(stage, name) for name in stage.outputs}
        ran = provenance._asdict() if stage.files else {"inputs": provenance.inputs}
        records = {**self._read_record(), stage.job: {"outputs": outputs, **ran}}
        content = json.dumps(records, indent=1, sort_keys=True) + "\n"
        try:
            open_storage(self.path).write(self._path(RECORD_NAME), content.encode())
        except StorageError as error:
            raise UsageError(f"--workspace: {error}") from error

    def _path(self, name: str) -> str:
        return FileSystems.join(self.path, *name.split("/"))

    def _read_record(self) -> dict[str, StageRecord]:
        try:
            stored = open_storage(self.path).read(self._path(RECORD_NAME))
            return json.loads(stored.content) if stored else {}
        except (ValueError, StorageError) as error:
            raise UsageError(f"--workspace: {self._path(RECORD_NAME)!r} cannot be read: {error}") from error

    def _manifest(self, name: str) -> Manifest | None:
        """Return the manifest of a dataset, if this version of its schema was written."""
        try:
            manifest = read_manifest(self._path(name))
        except (ValueError, StorageError) as error:
            raise UsageError(f"--workspace: {error}") from error
        fingerprint = _FINGERPRINTS.get(name)
        return manifest if manifest and fingerprint in (None, manifest.schema_fingerprint) else None

    def _of_dataset(self, name: str, record: Mapping[str, Any]) -> Provenance | None:
        manifest = self._manifest(name)
        if manifest is None:
            return None
        is_recorded = record.get("outputs", {}).get(name) == manifest.digest
        contents = record["inputs"] if is_recorded else {}
        inputs = {
            each: version if isinstance(version, str) else contents.get(each, UNKNOWN)
            for each, version in manifest.inputs.items()
            if each not in _CACHES
        }
        return Provenance(manifest.configuration, inputs, manifest.code_version)

    def _of_file(self, name: str, record: Mapping[str, Any]) -> Provenance | None:
        digest = self._digest_of_file(name)
        if digest is None or record.get("outputs", {}).get(name) != digest:
            return None
        return Provenance(record["configuration"], record["inputs"], record["code_version"])

    def _digest_of(self, stage: Stage, name: str) -> str | None:
        if name in stage.files:
            return self._digest_of_file(name)
        manifest = self._manifest(name)
        return manifest.digest if manifest else None

    def _digest_of_file(self, name: str) -> str | None:
        path = self._path(name)
        try:
            stored = open_storage(path).read(path)
        except StorageError as error:
            raise UsageError(f"--workspace: {error}") from error
        return hashlib.sha256(stored.content).hexdigest() if stored else None

    def _inputs(self, job: Job) -> dict[str, str]:
        """Return the versions of the inputs of a job; each file is read once, however many stages read it."""
        found = {}
        for name, source in job.sources.items():
            if name in _CACHES:
                continue
            if source.manifest is None and source.files not in self._digests:
                self._digests[source.files] = _digest(name, source.files)
            found[name] = source.manifest.digest if source.manifest else self._digests[source.files]
        return found


def _digest(name: str, files: tuple[InputFile, ...]) -> str:
    try:
        return content_digest(files)
    except StorageError as error:
        raise UsageError(f"--{name}: {error}") from error
