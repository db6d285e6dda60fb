"""Resolution of inputs and workspaces before a job is built; an error names the option that it concerns."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from pipelines.common.command_line import UsageError
from schemas import DatasetSchema
from transforms.datasets.files import Source, absolute_path, check_writable, resolve_source
from transforms.datasets.manifest import current_versions, read_manifest
from transforms.datasets.storage import StorageError

_BYTES_PER_PART = 32 << 20
_MIN_PARTS = 16


def resolve_input(option: str, path: str) -> Source:
    """Resolve a path to the files behind it.

    Raises:
        UsageError: when there are none.
    """
    try:
        return resolve_source(path)
    except (ValueError, StorageError) as error:
        raise UsageError(f"{option}: {error}") from error


def resolve_inputs(option: str, paths: tuple[str, ...]) -> tuple[Source, ...]:
    """Resolve several paths of one option to the files behind them, each path once.

    Raises:
        UsageError: when there is no path, or there are no files behind one of them.
    """
    if not paths:
        raise UsageError(f"{option} must name a file, folder or glob, or several with commas between them")
    return tuple(resolve_input(option, path) for path in dict.fromkeys(paths))


def merge_sources(sources: tuple[Source, ...]) -> Source:
    """Merge one or more sources into one with the files of all, each once, by path."""
    if len(sources) == 1:
        return sources[0]
    files = {file.path: file for source in sources for file in source.files}
    path = ",".join(sorted(source.path for source in sources))
    return Source(path, tuple(files[name] for name in sorted(files)))


def resolve_optional(args: argparse.Namespace, names: Iterable[str]) -> dict[str, Source]:
    """Resolve the options that were given, of those with these names.

    Returns:
        The files by the name of the option, in the order of the names.

    Raises:
        UsageError: when there are no files behind one of them.
    """
    return {name: resolve_input(f"--{name}", getattr(args, name)) for name in names if getattr(args, name) is not None}


def resolve_dataset(option: str, workspace: str, schema: DatasetSchema) -> Source:
    """Resolve a dataset of a workspace.

    Raises:
        UsageError: when there is none, or another version of this project wrote it.
    """
    advice = f"give the workspace that has `{schema.name}`: {option}=WORKSPACE"
    try:
        source = resolve_input(option, f"{workspace.rstrip('/')}/{schema.name}")
    except UsageError as error:
        raise UsageError(f"{error}; {advice}") from error
    if source.manifest is None or source.manifest.schema_fingerprint != schema.fingerprint:
        raise UsageError(f"{option}: {workspace!r} holds no {schema.name} that this version wrote; {advice}")
    return source


def find_dataset(option: str, workspace: str, schema: DatasetSchema) -> Source | None:
    """Resolve a dataset of a workspace; None when there is none, or another version of this project wrote it.

    Raises:
        UsageError: when its manifest is not readable.
    """
    try:
        manifest = read_manifest(absolute_path(f"{workspace.rstrip('/')}/{schema.name}"))
    except (ValueError, StorageError) as error:
        raise UsageError(f"{option}: {error}") from error
    if manifest is None or manifest.schema_fingerprint != schema.fingerprint:
        return None
    return resolve_dataset(option, workspace, schema)


def resolve_cache(previous: str | None, workspace: str, schema: DatasetSchema) -> Source | None:
    """Resolve a dataset whose rows are reused: that of `--previous`, or else that of `--workspace`, if it has one.

    Raises:
        UsageError: when `--previous` is given and has none.
    """
    if previous:
        return resolve_dataset("--previous", previous, schema)
    return find_dataset("--workspace", workspace, schema)


def default_num_parts(log: Source) -> int:
    """Return the number of parts of a dataset about users: a power of two with at most 32 MB of log per part."""
    parts = _MIN_PARTS
    while parts * _BYTES_PER_PART < log.size:
        parts *= 2
    return parts


def prepare_workspace(workspace: str, schemas: Iterable[DatasetSchema]) -> dict[str, str | None]:
    """Check that a workspace is writable, and return the current versions of its datasets by name.

    Raises:
        UsageError: when it is not writable, or a manifest in it is not readable.
    """
    try:
        check_writable(workspace)
        return current_versions(workspace, [schema.name for schema in schemas])
    except (ValueError, StorageError) as error:
        raise UsageError(f"--workspace: {error}") from error


def checkpoint_dir(workspace: str) -> str:
    """Return the folder of a workspace in which completions are kept until the job is committed."""
    return f"{workspace.rstrip('/')}/_checkpoint"


def check_not_nested(workspace: str, inputs: Iterable[tuple[str, Source]]) -> None:
    """Check that a workspace does not lie inside an input.

    Raises:
        UsageError: naming the option of the input.
    """
    for option, source in inputs:
        if workspace.startswith(f"{source.path.rstrip('/')}/"):
            raise UsageError(f"--workspace: {workspace!r} lies inside {option}, which would read it again")
