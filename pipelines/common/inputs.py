"""Inputs and workspaces, resolved before a job is built; an error names the option that it concerns."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from pipelines.common.command_line import UsageError
from schemas import DatasetSchema
from transforms.datasets.files import Source, check_writable, resolve_source
from transforms.datasets.manifest import current_versions
from transforms.datasets.storage import StorageError

_BYTES_PER_PART = 32 << 20
_MIN_PARTS = 16


def resolve_input(option: str, path: str) -> Source:
    """The files behind a path.

    Raises:
        UsageError: when there are none.
    """
    try:
        return resolve_source(path)
    except (ValueError, StorageError) as error:
        raise UsageError(f"{option}: {error}") from error


def resolve_inputs(option: str, paths: tuple[str, ...]) -> tuple[Source, ...]:
    """The files behind several paths, each once, with the option that gives them.

    Raises:
        UsageError: when there is no path, or there are no files behind one of them.
    """
    if not paths:
        raise UsageError(f"{option} must name a file, folder or glob, or several with commas between them")
    return tuple(resolve_input(option, path) for path in dict.fromkeys(paths))


def merge_sources(sources: tuple[Source, ...]) -> Source:
    """Several sources, at least one, as if they were one: the files of all, each once, by path."""
    if len(sources) == 1:
        return sources[0]
    files = {file.path: file for source in sources for file in source.files}
    path = ",".join(sorted(source.path for source in sources))
    return Source(path, tuple(files[name] for name in sorted(files)))


def resolve_optional(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Source]:
    """The files behind those of some options that were given, by the name of the option, in the order of the names.

    Raises:
        UsageError: when there are none behind one of them.
    """
    return {name: resolve_input(f"--{name}", getattr(args, name)) for name in names if getattr(args, name) is not None}


def resolve_dataset(option: str, workspace: str, schema: DatasetSchema) -> Source:
    """A dataset of a workspace, as this version writes it.

    Raises:
        UsageError: when there is none, or another version wrote it.
    """
    source = resolve_input(option, f"{workspace.rstrip('/')}/{schema.name}")
    if source.manifest is None or source.manifest.schema_fingerprint != schema.fingerprint:
        raise UsageError(f"{option}: {workspace!r} holds no {schema.name} that this version wrote")
    return source


def input_lineage(sources: Mapping[str, Source]) -> dict[str, Any]:
    """What datasets are computed from, for their manifests."""
    return {
        name: source.manifest.digest if source.manifest else {"path": source.path, "files": len(source.files)}
        for name, source in sources.items()
    }


def default_num_parts(log: Source) -> int:
    """Into how many parts a dataset about users goes: a power of two, so that one holds what 32 MB of log become."""
    parts = _MIN_PARTS
    while parts * _BYTES_PER_PART < log.size:
        parts *= 2
    return parts


def prepare_workspace(workspace: str, schemas: Iterable[DatasetSchema]) -> dict[str, str | None]:
    """Which versions of the datasets are there, noted before anything of them is read.

    Raises:
        UsageError: when it cannot be written, or a manifest there is none.
    """
    try:
        check_writable(workspace)
        return current_versions(workspace, [schema.name for schema in schemas])
    except (ValueError, StorageError) as error:
        raise UsageError(f"--workspace: {error}") from error


def checkpoint_dir(workspace: str) -> str:
    """Where a job that writes a workspace keeps a model's answers until it is committed."""
    return f"{workspace.rstrip('/')}/_answers_so_far"


def check_not_nested(workspace: str, inputs: Iterable[tuple[str, Source]]) -> None:
    """Refuses a workspace that lies in an input.

    Raises:
        UsageError: naming the option of the input.
    """
    for option, source in inputs:
        if workspace.startswith(f"{source.path.rstrip('/')}/"):
            raise UsageError(f"--workspace: {workspace!r} lies inside {option}, which would read it again")
