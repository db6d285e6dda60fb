"""Reading of parquet as record batches: only the required columns; invalid files and rows become rows of `errors`."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.metrics import Metrics
from apache_beam.typehints import with_output_types

from schemas import DatasetSchema
from transforms.columnar import concatenate
from transforms.datasets.coercion import ColumnError, TimestampUnit, coerce, file_error, select_columns, with_provenance
from transforms.datasets.counts import Count, count
from transforms.datasets.files import Source
from transforms.datasets.storage import open_storage
from transforms.progress import Progress

ROWS_PER_BATCH = 1 << 17
ERRORS_TAG = "errors"
COUNTS_TAG = "counts"
_RAISED_BY_PYARROW = (pa.ArrowException, OSError, UnicodeDecodeError)


class RowGroup(NamedTuple):
    """One row group of one file.

    Attributes:
        file: path of the file.
        row_group: index of the row group.
        first_row: position of its first row in the file.
    """

    file: str
    row_group: int
    first_row: int


class _ErrorTrackingFile:
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

    Raises:
        UnreadableFileError: from any method, when the content is not parquet.
        OSError, BeamIOError: when the file system fails.
    """

    def __init__(self, path: str) -> None:
        self._file = _ErrorTrackingFile(path)
        try:
            self._parquet = pq.ParquetFile(
                pa.PythonFile(self._file, mode="r"), pre_buffer=False, page_checksum_verification=True
            )
        except _RAISED_BY_PYARROW as error:
            self.close()
            raise self._translate_error(error) from error

    def _translate_error(self, error: Exception) -> Exception:
        return self._file.failure or UnreadableFileError(str(error))

    @property
    def schema(self) -> pa.Schema:
        """Arrow schema of the file."""
        return self._parquet.schema_arrow

    def row_group_sizes(self) -> list[int]:
        """Return the number of rows of each row group."""
        metadata = self._parquet.metadata
        return [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]

    def batches(self, row_group: int, columns: list[str]) -> Iterator[pa.RecordBatch]:
        """Read a row group in batches of at most `ROWS_PER_BATCH` rows."""
        batches = self._parquet.iter_batches(ROWS_PER_BATCH, row_groups=[row_group], columns=columns)
        while True:
            try:
                batch = next(batches, None)
            except _RAISED_BY_PYARROW as error:
                raise self._translate_error(error) from error
            if batch is None:
                return
            yield batch

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> ParquetReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@with_output_types(RowGroup, errors=pa.RecordBatch)
class ListRowGroups(beam.DoFn):
    """Converts the path of a file to its row groups; unreadable files become rows of `errors`."""

    def __init__(self, schema: DatasetSchema, renamed: Mapping[str, str]) -> None:
        self.schema = schema
        self.renamed = dict(renamed)

    def process(self, path: str) -> Iterator[Any]:
        try:
            with ParquetReader(path) as reader:
                select_columns(reader.schema, self.schema, self.renamed)
                sizes = reader.row_group_sizes()
        except UnreadableFileError as error:
            yield beam.pvalue.TaggedOutput(ERRORS_TAG, self._error(path, "not_parquet", error))
        except ColumnError as error:
            yield beam.pvalue.TaggedOutput(ERRORS_TAG, self._error(path, error.reason, error))
        else:
            first_row = 0
            for row_group, size in enumerate(sizes):
                yield RowGroup(path, row_group, first_row)
                first_row += size

    def _error(self, path: str, reason: str, error: Exception) -> pa.RecordBatch:
        return file_error(self.schema.name, path, None, reason, str(error))


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch, counts=Count)
class ReadRowGroups(beam.DoFn):
    """Reads the valid rows of a row group, with provenance; what is invalid or unreadable becomes rows of `errors`."""

    def __init__(
        self, schema: DatasetSchema, renamed: Mapping[str, str], unit: TimestampUnit, progress: Progress
    ) -> None:
        self.schema = schema
        self.renamed = dict(renamed)
        self.unit: TimestampUnit = unit
        self.progress = progress
        self.rows_read = Metrics.counter(type(self), f"{schema.name}_read")

    def process(self, group: RowGroup) -> Iterator[Any]:
        first_row = group.first_row
        name = self.schema.name
        try:
            with ParquetReader(group.file) as reader:
                selected = select_columns(reader.schema, self.schema, self.renamed)
                for raw in reader.batches(group.row_group, list(dict.fromkeys(selected.values()))):
                    rows, errors = coerce(raw, self.schema, selected, group.file, first_row, self.unit)
                    first_row += raw.num_rows
                    self.rows_read.inc(raw.num_rows)
                    self.progress.add(name, raw.num_rows)
                    yield beam.pvalue.TaggedOutput(COUNTS_TAG, count(f"{name}_read", raw.num_rows))
                    if errors.num_rows:
                        yield beam.pvalue.TaggedOutput(ERRORS_TAG, errors)
                    if rows.num_rows:
                        yield rows
        except UnreadableFileError as error:
            yield beam.pvalue.TaggedOutput(
                ERRORS_TAG, file_error(name, group.file, first_row, "unreadable_row_group", str(error))
            )


@dataclasses.dataclass
class ReadRows(beam.PTransform):
    """Read a source as rows of a dataset.

    Attributes:
        schema: the dataset.
        source: the files.
        renamed: dataset column -> file column, for names that differ.
        unit: the unit of numbers in a timestamp column.
        progress: counter of the rows read.

    Returns:
        A tuple of three collections: record batches of `with_provenance(schema)`, record batches of `errors`, counts.
    """

    schema: DatasetSchema
    source: Source
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unit: TimestampUnit = "auto"
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, root: beam.Pipeline) -> tuple[beam.PCollection, beam.PCollection, beam.PCollection]:
        groups = (
            root
            | "Files" >> beam.Create([file.path for file in self.source.files], reshuffle=False)
            | "SpreadFiles" >> beam.Reshuffle()
            | "ListRowGroups"
            >> beam.ParDo(ListRowGroups(self.schema, self.renamed)).with_outputs(ERRORS_TAG, main="groups")
        )
        rows = (
            groups.groups
            | "SpreadRowGroups" >> beam.Reshuffle().with_input_types(RowGroup)
            | "ReadRowGroups"
            >> beam.ParDo(ReadRowGroups(self.schema, self.renamed, self.unit, self.progress)).with_outputs(
                ERRORS_TAG, COUNTS_TAG, main="rows"
            )
        )
        errors = (groups[ERRORS_TAG], rows[ERRORS_TAG]) | "Errors" >> beam.Flatten()
        return rows.rows, errors, rows[COUNTS_TAG]


def sample_rows(
    schema: DatasetSchema, source: Source, renamed: Mapping[str, str], max_files: int = 8, rows_per_file: int = 512
) -> pa.RecordBatch:
    """Read rows at equal distances in the first row group of some files at equal distances; for the launcher.

    Invalid files and rows are left out: the job that reads the whole source reports them.

    Args:
        schema: the dataset.
        source: the files.
        renamed: dataset column -> file column, for names that differ.
        max_files: maximum number of files.
        rows_per_file: maximum number of rows of a file.
    """
    batches: list[pa.RecordBatch] = []
    for file in source.files[:: max(-(-len(source.files) // max_files), 1)]:
        try:
            with ParquetReader(file.path) as reader:
                selected = select_columns(reader.schema, schema, renamed)
                if not reader.row_group_sizes():
                    continue
                for raw in itertools.islice(reader.batches(0, list(dict.fromkeys(selected.values()))), 1):
                    rows = coerce(raw, schema, selected, file.path, 0).rows
                    step = max(-(-rows.num_rows // rows_per_file), 1)
                    batches.append(rows.take(pa.array(range(0, rows.num_rows, step), pa.int64())))
        except (UnreadableFileError, ColumnError):
            continue
    return concatenate(batches, with_provenance(schema))


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
