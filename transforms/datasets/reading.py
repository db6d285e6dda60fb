"""Reading of parquet as record batches: only the required columns; invalid files and rows become rows of `errors`."""

from __future__ import annotations

import dataclasses
import io
import itertools
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.metrics import Metrics
from apache_beam.typehints import with_output_types

from schemas import DatasetSchema
from transforms.columnar import concatenate
from transforms.datasets.casting import explain_null_lists, plain_values
from transforms.datasets.coercion import (
    ColumnError,
    coerce,
    file_error,
    left_out_columns,
    left_out_slice,
    select_columns,
    with_provenance,
)
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.counts import Count, count
from transforms.datasets.error_rate import unread_bytes_metric, unread_metric
from transforms.datasets.file_formats import explain_format
from transforms.datasets.files import InputFile, Source
from transforms.datasets.implausible_times import implausible_times
from transforms.datasets.partitions import partition_values
from transforms.datasets.storage import open_storage
from transforms.progress import Progress

ROWS_PER_BATCH = 1 << 17
_BYTES_PER_BATCH = 64 << 20
_BYTES_OF_FORMAT = 512
_ROWS_PER_SLICE = 32
_MAX_SAMPLED_ROW_GROUPS = 8
ERRORS_TAG = "errors"
COUNTS_TAG = "counts"
_RAISED_BY_PYARROW = (pa.ArrowException, OSError, UnicodeDecodeError)


class RowGroup(NamedTuple):
    """One row group of one file.

    Attributes:
        file: path of the file.
        row_group: index of the row group.
        first_row: position of its first row in the file.
        rows: number of its rows.
    """

    file: str
    row_group: int
    first_row: int
    rows: int


class ErrorTrackingFile:
    """A file for pyarrow that records failures of the file system, to distinguish them from invalid content.

    The runner must retry after a broken connection, but not after a broken file.
    """

    mode = "rb"

    def __init__(self, path: str) -> None:
        self._path = path
        self._storage = open_storage(path)
        self._file = self._storage.open(path)
        self.failure: Exception | None = None

    @contextmanager
    def _recording_failure(self) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            self.failure = self._storage.translate_error(error, self._path)
            if self.failure is error:
                raise
            raise self.failure from error

    def read(self, size: int = -1) -> bytes:
        with self._recording_failure():
            content: bytes = self._file.read(size)
            return content

    def seek(self, position: int, whence: int = 0) -> int:
        with self._recording_failure():
            reached: int = self._file.seek(position, whence)
            return reached

    def tell(self) -> int:
        position: int = self._file.tell()
        return position

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    @property
    def closed(self) -> bool:
        return bool(self._file.closed)

    def close(self) -> None:
        self._file.close()


class UnreadableFileError(ValueError):
    """A file or a row group is not valid parquet."""


class ParquetReader:
    """An open parquet file that distinguishes failures of the file system from invalid content.

    Parts of its path such as `event=click` are columns of text, unless the file has a column of that name.

    Raises:
        UnreadableFileError: from any method, when the content is not parquet.
        OSError, BeamIOError: when the file system fails.
    """

    def __init__(self, path: str) -> None:
        self._file = ErrorTrackingFile(path)
        try:
            # Nanoseconds, the default for times of Spark and Impala (INT96), would wrap around outside 1677 to 2262.
            self._parquet = pq.ParquetFile(
                pa.PythonFile(self._file, mode="r"),
                pre_buffer=False,
                page_checksum_verification=True,
                coerce_int96_timestamp_unit="us",
            )
        except _RAISED_BY_PYARROW as error:
            explained = self._explain(path) or error
            self.close()
            raise self._translate_error(explained) from error
        in_file = set(self._parquet.schema_arrow.names)
        self._partitions = {name: value for name, value in partition_values(path).items() if name not in in_file}

    def _explain(self, path: str) -> UnreadableFileError | None:
        """Return what a file is that is not parquet, from its first bytes."""
        if self._file.failure is not None:
            return None
        self._file.seek(0)
        explained = explain_format(path, self._file.read(_BYTES_OF_FORMAT))
        return UnreadableFileError(explained) if explained else None

    def _translate_error(self, error: Exception) -> Exception:
        return self._file.failure or UnreadableFileError(str(error))

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the file, with the columns of its path."""
        of_path = [pa.field(name, pa.string()) for name in self._partitions]
        return pa.schema([*self._parquet.schema_arrow, *of_path])

    def row_group_sizes(self) -> list[int]:
        """Return the number of rows of each row group."""
        metadata = self._parquet.metadata
        return [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]

    def batches(self, row_group: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Read a row group in batches of at most `ROWS_PER_BATCH` rows, fewer where rows are long."""
        in_file = [name for name in columns if name not in self._partitions]
        batches = self._parquet.iter_batches(self._rows_per_batch(row_group), row_groups=[row_group], columns=in_file)
        while True:
            try:
                batch = next(batches, None)
            except _RAISED_BY_PYARROW as error:
                types = {field.name: field.type for field in self.schema if field.name in in_file}
                raise self._translate_error(explain_null_lists(error, types)) from error
            if batch is None:
                return
            yield self._add_partitions(batch, columns)

    def _rows_per_batch(self, row_group: int) -> int:
        """Return the number of rows of which all columns together take about `_BYTES_PER_BATCH`."""
        group = self._parquet.metadata.row_group(row_group)
        bytes_per_row = group.total_byte_size / max(group.num_rows, 1)
        return int(min(max(_BYTES_PER_BATCH / max(bytes_per_row, 1), 1), ROWS_PER_BATCH))

    def _add_partitions(self, batch: pa.RecordBatch, columns: list[str]) -> pa.RecordBatch:
        for name in columns:
            if name in self._partitions:
                value = pa.scalar(self._partitions[name], pa.string())
                batch = batch.append_column(name, pa.repeat(value, batch.num_rows))
        return batch

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> ParquetReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def check_file(reader: ParquetReader, schema: DatasetSchema, options: ColumnOptions) -> dict[str, str]:
    """Select the columns of a file, and check that its times are what they read as.

    Args:
        reader: the open file.
        schema: the dataset.
        options: how columns are read.

    Returns:
        Dataset column -> file column, for the columns that the file has.

    Raises:
        ColumnError: when columns are missing or of a type that does not fit, or times are implausible.
    """
    selected = select_columns(reader.schema, schema, options.renamed, options.tag_separator)
    for column in schema.columns:
        if pa.types.is_timestamp(column.type) and column.name in selected and options.unit == "auto":
            name = selected[column.name]
            if message := implausible_times(plain_values(first_values(reader, name)), name):
                raise ColumnError("implausible_timestamp", message)
    return selected


def first_values(reader: ParquetReader, name: str) -> pa.Array:
    """Read the first values of a column, at most one batch; none if they are damaged, which the job itself reports."""
    for row_group, rows in enumerate(reader.row_group_sizes()):
        if rows:
            with suppress(UnreadableFileError):
                return next(reader.batches(row_group, [name]))[name]
    return pa.nulls(0, reader.schema.field(name).type)


@with_output_types(RowGroup, errors=pa.RecordBatch, counts=Count)
class ListRowGroups(beam.DoFn):
    """Converts the path of a file to its row groups; unreadable files become rows of `errors`."""

    def __init__(self, schema: DatasetSchema, options: ColumnOptions) -> None:
        self.schema = schema
        self.options = options

    def process(self, path: str) -> Iterator[Any]:
        name = self.schema.name
        try:
            with ParquetReader(path) as reader:
                yield from self._list(reader, path)
        except UnreadableFileError as error:
            yield beam.pvalue.TaggedOutput(ERRORS_TAG, file_error(name, path, None, "not_parquet", str(error)))
            yield beam.pvalue.TaggedOutput(COUNTS_TAG, count(unread_bytes_metric(name), _size(path), "not_parquet"))

    def _list(self, reader: ParquetReader, path: str) -> Iterator[Any]:
        name, options, sizes = self.schema.name, self.options, reader.row_group_sizes()
        try:
            check_file(reader, self.schema, options)
        except ColumnError as error:
            yield beam.pvalue.TaggedOutput(ERRORS_TAG, file_error(name, path, None, error.reason, str(error)))
            yield beam.pvalue.TaggedOutput(COUNTS_TAG, count(unread_metric(name), sum(sizes), error.reason))
            return
        left_out = left_out_columns(reader.schema, self.schema, options.renamed, options.tag_separator)
        for column, type_ in left_out.items():
            yield beam.pvalue.TaggedOutput(
                COUNTS_TAG, count(f"{name}_column_left_out", 1, left_out_slice(column, type_))
            )
        ends = itertools.accumulate(sizes)
        for index, (end, rows) in enumerate(zip(ends, sizes, strict=True)):
            yield RowGroup(path, index, end - rows, rows)


def _size(path: str) -> int:
    """Return the size of a file in bytes."""
    file = ErrorTrackingFile(path)
    try:
        return file.seek(0, io.SEEK_END)
    finally:
        file.close()


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch, counts=Count)
class ReadRowGroups(beam.DoFn):
    """Reads the valid rows of a row group, with provenance; what is invalid or unreadable becomes rows of `errors`."""

    def __init__(self, schema: DatasetSchema, options: ColumnOptions, progress: Progress) -> None:
        self.schema = schema
        self.options = options
        self.progress = progress
        self.rows_read = Metrics.counter(type(self), f"{schema.name}_read")

    def process(self, group: RowGroup) -> Iterator[Any]:
        first_row = group.first_row
        name, options = self.schema.name, self.options
        try:
            with ParquetReader(group.file) as reader:
                selected = select_columns(reader.schema, self.schema, options.renamed, options.tag_separator)
                for raw in reader.batches(group.row_group, list(dict.fromkeys(selected.values()))):
                    rows, errors, left_out, cut = coerce(
                        raw, self.schema, selected, group.file, first_row, options.unit, options.tag_separator
                    )
                    first_row += raw.num_rows
                    self.rows_read.inc(raw.num_rows)
                    self.progress.add(name, raw.num_rows)
                    yield beam.pvalue.TaggedOutput(COUNTS_TAG, count(f"{name}_read", raw.num_rows))
                    for column, number in left_out.items():
                        yield beam.pvalue.TaggedOutput(COUNTS_TAG, count(f"{name}_values_left_out", number, column))
                    for column, number in cut.items():
                        yield beam.pvalue.TaggedOutput(COUNTS_TAG, count(f"{name}_texts_cut", number, column))
                    if errors.num_rows:
                        yield beam.pvalue.TaggedOutput(ERRORS_TAG, errors)
                    if rows.num_rows:
                        yield rows
        except UnreadableFileError as error:
            reason, lost = "unreadable_row_group", group.first_row + group.rows - first_row
            yield beam.pvalue.TaggedOutput(ERRORS_TAG, file_error(name, group.file, first_row, reason, str(error)))
            yield beam.pvalue.TaggedOutput(COUNTS_TAG, count(unread_metric(name), lost, reason))


@dataclasses.dataclass
class ReadRows(beam.PTransform):
    """Read a source as rows of a dataset.

    Attributes:
        schema: the dataset.
        source: the files.
        options: how columns are read.
        progress: counter of the rows read.

    Returns:
        A tuple of three collections: record batches of `with_provenance(schema)`, record batches of `errors`, counts.
    """

    schema: DatasetSchema
    source: Source
    options: ColumnOptions = dataclasses.field(default_factory=ColumnOptions)
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, root: beam.Pipeline) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
        groups = (
            root
            | "Files" >> beam.Create([file.path for file in self.source.files], reshuffle=False)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ListRowGroups"
            >> beam.ParDo(ListRowGroups(self.schema, self.options)).with_outputs(ERRORS_TAG, COUNTS_TAG, main="groups")
        )
        rows = (
            groups.groups
            | "SpreadRowGroups" >> beam.Reshuffle().with_input_types(RowGroup)
            | "ReadRowGroups"
            >> beam.ParDo(ReadRowGroups(self.schema, self.options, self.progress)).with_outputs(
                ERRORS_TAG, COUNTS_TAG, main="rows"
            )
        )
        errors = (groups[ERRORS_TAG], rows[ERRORS_TAG]) | "Errors" >> beam.Flatten()
        counts = (groups[COUNTS_TAG], rows[COUNTS_TAG]) | "Counts" >> beam.Flatten()
        return rows.rows, errors, counts


def sample_files(source: Source, max_files: int) -> tuple[InputFile, ...]:
    """Return some files of a source, at equal distances."""
    return source.files[:: max(-(-len(source.files) // max_files), 1)]


def sample_rows(
    schema: DatasetSchema, source: Source, options: ColumnOptions, max_files: int = 8, rows_per_file: int = 512
) -> pa.RecordBatch:
    """Read slices at equal distances in one row group of some files at equal distances; for the launcher.

    It is the first row group in which a slice has valid rows.

    Invalid files and rows are left out: the job that reads the whole source reports them.

    Args:
        schema: the dataset.
        source: the files.
        options: how columns are read.
        max_files: maximum number of files.
        rows_per_file: maximum number of rows of a file.
    """
    batches: list[pa.RecordBatch] = []
    for file in sample_files(source, max_files):
        with suppress(UnreadableFileError, ColumnError), ParquetReader(file.path) as reader:
            batches += _sample_file(reader, file.path, schema, options, rows_per_file)
    return concatenate(batches, with_provenance(schema))


def _sample_file(
    reader: ParquetReader, path: str, schema: DatasetSchema, options: ColumnOptions, max_rows: int
) -> list[pa.RecordBatch]:
    """Read slices of the first batch with valid rows, one batch of each row group at most."""
    selected = select_columns(reader.schema, schema, options.renamed, options.tag_separator)
    for row_group in itertools.islice(nonempty_row_groups(reader), _MAX_SAMPLED_ROW_GROUPS):
        for raw in itertools.islice(reader.batches(row_group, list(dict.fromkeys(selected.values()))), 1):
            rows = [
                coerce(part, schema, selected, path, 0, options.unit, options.tag_separator).rows
                for part in _slices(raw, max_rows)
            ]
            if any(part.num_rows for part in rows):
                return rows
    return []


def nonempty_row_groups(reader: ParquetReader) -> Iterator[int]:
    """Return the indices of the row groups that have rows."""
    return (row_group for row_group, rows in enumerate(reader.row_group_sizes()) if rows)


def _slices(raw: pa.RecordBatch, max_rows: int) -> Iterator[pa.RecordBatch]:
    """Return slices at equal distances: rows of some types cannot be taken one by one."""
    distance = max(-(-raw.num_rows // max(max_rows // _ROWS_PER_SLICE, 1)), _ROWS_PER_SLICE)
    return (raw.slice(start, _ROWS_PER_SLICE) for start in range(0, raw.num_rows, distance))


def read_dataset(schema: DatasetSchema, source: Source, columns: list[str] | None = None) -> pa.Table:
    """Read all rows of a source into memory; for small datasets and the launcher.

    Raises:
        UnreadableFileError, ColumnError: when a file is invalid or lacks columns.
    """
    batches: list[pa.RecordBatch] = []
    for file in source.files:
        with ParquetReader(file.path) as reader:
            selected = select_columns(reader.schema, schema, {})
            for row_group in range(len(reader.row_group_sizes())):
                raws = reader.batches(row_group, list(selected.values()))
                batches.extend(coerce(raw, schema, selected, file.path, 0).rows for raw in raws)
    table = pa.Table.from_batches([concatenate(batches, with_provenance(schema))])
    return table.select(columns or [column.name for column in schema.columns])
