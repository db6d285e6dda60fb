"""Checks of the files of all inputs before a job starts: formats, columns and times."""

from __future__ import annotations

import time

from pipelines.common.command_line import UsageError
from pipelines.common.job import Job
from schemas import COLLECTIONS, INTERACTIONS, ITEM_EMBEDDINGS, ITEMS, DatasetSchema
from transforms.datasets.casting import plain_values
from transforms.datasets.coercion import ColumnError, missing_columns
from transforms.datasets.column_hints import columns_option, suggest_columns
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.implausible_times import future_times
from transforms.datasets.reading import (
    ParquetReader,
    UnreadableFileError,
    check_file,
    first_values,
    sample_files,
)

_MAX_FILES = 8
_COLUMN_OPTIONS = {
    INTERACTIONS.name: "--columns",
    ITEMS.name: "--item_columns",
    ITEM_EMBEDDINGS.name: "--embedding_columns",
    COLLECTIONS.name: "--collection_columns",
}


def check_inputs(job: Job) -> None:
    """Check some files of each input that no job of this project wrote.

    An input is refused here if none of these files can be read; otherwise the job itself reports the others.

    Raises:
        UsageError: with one line for each input that is refused.
    """
    problems = []
    for name, source in job.parquet_sources.items():
        if source.manifest is None:
            paths = sample_files(source, _MAX_FILES)
            options = job.options_of(name)
            found = [_problem(path, job.schema_of(name), options) for path in paths]
            if paths and all(found):
                problems.append(f"--{name}: {found[0]}")
    if problems:
        raise UsageError("\n".join(problems))


def _problem(path: str, schema: DatasetSchema, options: ColumnOptions) -> str:
    """Return why a file cannot be read, with what to do about it; empty if it can."""
    try:
        with ParquetReader(path) as reader:
            if missing := missing_columns(reader.schema, schema, options.renamed):
                return f"{path}: {_missing(missing, list(reader.schema.names), schema, options)}"
            check_file(reader, schema, options)
            return _future(reader, path, schema, options)
    except (UnreadableFileError, ColumnError) as error:
        return f"{path}: {error}"
    except OSError:
        return ""  # a failure of the storage, which the job retries


def _missing(missing: dict[str, str], found: list[str], schema: DatasetSchema, options: ColumnOptions) -> str:
    message = f"no column {', '.join(map(repr, missing.values()))}; the file has {', '.join(found)}"
    option = _COLUMN_OPTIONS.get(schema.name)
    if option is None:
        return message
    taken = set(options.renamed.values())
    suggested = suggest_columns(missing, [name for name in found if name not in taken])
    return f"{message}; give the names: {columns_option(option, options.renamed, suggested)}"


def _future(reader: ParquetReader, path: str, schema: DatasetSchema, options: ColumnOptions) -> str:
    if schema.name != INTERACTIONS.name:
        return ""
    name = options.renamed.get("timestamp", "timestamp")
    now = time.time()  # noqa: TID251 - decides whether the job starts, not what it writes
    message = future_times(
        plain_values(first_values(reader, name)), name, schema.column("timestamp"), options.unit, now
    )
    return f"{path}: {message}" if message else ""
