"""Checks of the files of all inputs before a job starts: formats, columns and times."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterable
from typing import NamedTuple

import pyarrow as pa

from pipelines.common.command_line import UsageError
from pipelines.common.job import Job
from schemas import COLLECTIONS, INTERACTIONS, ITEM_EMBEDDINGS, ITEMS, DatasetSchema
from transforms.datasets.casting import fits, is_text, plain_type, plain_values
from transforms.datasets.coercion import ColumnError, missing_columns
from transforms.datasets.column_hints import (
    READ_BY_SEPARATOR,
    SEPARATOR_EXAMPLE,
    columns_option,
    shown_names,
    suggest_columns,
)
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.error_rate import estimated_rows
from transforms.datasets.files import InputFile
from transforms.datasets.implausible_times import future_times
from transforms.datasets.reading import ParquetReader, UnreadableFileError, check_file, first_values, sample_files
from transforms.datasets.written_lists import other_separator

_MAX_FILES = 8
_MAX_WEIGHED_FILES = 64
_COLUMN_OPTIONS = {
    INTERACTIONS.name: "--columns",
    ITEMS.name: "--item_columns",
    ITEM_EMBEDDINGS.name: "--embedding_columns",
    COLLECTIONS.name: "--collection_columns",
}


class _Checked(NamedTuple):
    """A file of an input.

    Attributes:
        file: the file.
        problem: why it cannot be read, with what to do about it; empty if it can.
        rows: the number of its rows; None: not readable.
    """

    file: InputFile
    problem: str
    rows: int | None = None


def check_inputs(job: Job) -> None:
    """Check some files of each input that no job of this project wrote, and all of a few files if one cannot be read.

    An input is refused here if none of the files can be read, or the others have more rows than the job may leave out;
    otherwise the job itself reports them.

    Raises:
        UsageError: with one line for each input that is refused.
    """
    problems = []
    for name, source in job.parquet_sources.items():
        if source.manifest is None and source.files:
            checked = _check_files(job, name, sample_files(source, _MAX_FILES))
            bad = [each for each in checked if each.problem]
            if bad and len(bad) < len(checked) and len(source.files) <= _MAX_WEIGHED_FILES:
                checked = _check_files(job, name, source.files)
                bad = [each for each in checked if each.problem]
            if len(bad) == len(checked):
                problems.append(f"--{name}: {bad[0].problem}")
            elif bad and len(checked) == len(source.files) and (lost := _too_many_rows(checked, job.max_error_rate)):
                problems.append(f"--{name}: {lost}: {bad[0].problem}")
    if problems:
        raise UsageError("\n".join(problems))


def unread_files(job: Job, name: str) -> list[str]:
    """Return why files of an input cannot be read, with what to do about it, for some files at equal distances."""
    files = sample_files(job.sources[name], _MAX_WEIGHED_FILES)
    return [each.problem for each in _check_files(job, name, files) if each.problem]


def _check_files(job: Job, name: str, files: Iterable[InputFile]) -> list[_Checked]:
    schema, options = job.schema_of(name), job.options_of(name)
    return [_check(file, schema, options) for file in files]


def _too_many_rows(checked: list[_Checked], max_error_rate: float) -> str:
    """Return how many rows are in files that cannot be read; empty if they are as few as a job may leave out."""
    readable_size = [each for each in checked if each.rows is not None]
    rows = sum(each.rows or 0 for each in readable_size)
    unread_bytes = sum(each.file.size for each in checked if each.rows is None)
    estimated = estimated_rows(unread_bytes, rows, sum(each.file.size for each in checked))
    lost = estimated + sum(each.rows or 0 for each in readable_size if each.problem)
    if lost <= max_error_rate * (rows + estimated):
        return ""
    return (
        f"{lost:,.0f} of {rows + estimated:,.0f} rows are in files that cannot be read, more than "
        f"--max_error_rate={max_error_rate:g} allows"
    )


def _check(file: InputFile, schema: DatasetSchema, options: ColumnOptions) -> _Checked:
    rows, hint = None, ""
    try:
        with ParquetReader(file.path) as reader:
            rows = sum(reader.row_group_sizes())
            if missing := missing_columns(reader.schema, schema, options.renamed):
                return _Checked(file, f"{file.path}: {_missing(missing, reader.schema, schema, options)}", rows)
            hint = _separator_hint(reader.schema, schema, options)
            check_file(reader, schema, options)
            problem = _future(reader, schema, options) or _wrong_separator(reader, schema, options)
            return _Checked(file, f"{file.path}: {problem}" if problem else "", rows)
    except (UnreadableFileError, ColumnError) as error:
        return _Checked(file, f"{file.path}: {error}{hint}", rows)
    except OSError:
        return _Checked(file, "")  # a failure of the storage, which the job retries


def _missing(missing: dict[str, str], found: pa.Schema, schema: DatasetSchema, options: ColumnOptions) -> str:
    message = f"no column {', '.join(map(repr, missing.values()))}; the file has {shown_names(found.names)}"
    option = _COLUMN_OPTIONS.get(schema.name)
    if option is None:
        return message
    free = [name for name in found.names if name not in set(options.renamed.values())]
    optional = [
        column.name
        for column in schema.columns
        if column.optional and column.name not in {*options.renamed, *missing, *found.names}
    ]

    def is_readable(column: str, name: str) -> bool:
        unique = found.names.count(name) == 1
        return unique and fits(found.field(name).type, schema.column(column), options.tag_separator)

    suggested = suggest_columns(missing, free, optional, is_readable)
    return f"{message}; give the names: {columns_option(option, options.renamed, suggested)}"


def _separator_hint(found: pa.Schema, schema: DatasetSchema, options: ColumnOptions) -> str:
    """Return the option that reads a text as a list of tags, if a column that was named needs it."""
    for column in schema.columns:
        name = options.renamed.get(column.name)
        if name in found.names and not options.tag_separator:
            type_ = found.field(name).type
            if not fits(type_, column) and fits(type_, column, SEPARATOR_EXAMPLE):
                return f"; {READ_BY_SEPARATOR}"
    return ""


def _wrong_separator(reader: ParquetReader, schema: DatasetSchema, options: ColumnOptions) -> str:
    """Return what is wrong with the separator of tags; empty if a text has it, or none has another one."""
    for column in schema.columns:
        name = options.renamed.get(column.name, column.name)
        if not options.tag_separator or not pa.types.is_list(column.type) or name not in reader.schema.names:
            continue
        if not is_text(plain_type(reader.schema.field(name).type)):
            continue
        texts = plain_values(first_values(reader, name)).cast(pa.string())
        if other := other_separator(texts, options.tag_separator):
            advice = f"give --tag_separator={shlex.quote(other)}"
            return f"no text in column {name!r} has the separator {options.tag_separator!r}: {advice}"
    return ""


def _future(reader: ParquetReader, schema: DatasetSchema, options: ColumnOptions) -> str:
    if schema.name != INTERACTIONS.name:
        return ""
    name = options.renamed.get("timestamp", "timestamp")
    now = time.time()  # noqa: TID251 - decides whether the job starts, not what it writes
    values = plain_values(first_values(reader, name))
    return future_times(values, name, schema.column("timestamp"), options.unit, now) or ""
