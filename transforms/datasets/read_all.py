"""All rows of a source, read into the memory of this process, with a count of the invalid ones."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa

from schemas import DatasetSchema
from transforms.datasets.coercion import coerce
from transforms.datasets.column_options import ColumnOptions
from transforms.datasets.error_rate import DataError
from transforms.datasets.files import Source
from transforms.datasets.reading import ParquetReader, check_file
from transforms.progress import Progress


class RowsOfSource(NamedTuple):
    """The rows of a source.

    Attributes:
        batches: valid rows with provenance, in the order of files and rows.
        read: number of rows that were read.
        invalid: number of invalid rows.
    """

    batches: list[pa.RecordBatch]
    read: int
    invalid: int


def read_all(
    schema: DatasetSchema,
    source: Source,
    options: ColumnOptions,
    max_rows: int,
    max_error_rate: float = 0.0,
    progress: Progress | None = None,
) -> RowsOfSource:
    """Read all rows of a source.

    Args:
        schema: the dataset.
        source: the files.
        options: how columns are read.
        max_rows: maximum number of rows, for which the memory of this machine suffices.
        max_error_rate: maximum fraction of rows that may be invalid.
        progress: counter of the rows read, under the name of the dataset.

    Raises:
        UnreadableFileError, ColumnError: when a file is invalid or lacks columns.
        DataError: when there are no rows, more than `max_rows`, or too many invalid ones.
    """
    batches: list[pa.RecordBatch] = []
    read = invalid = 0
    for file in source.files:
        first_row = 0
        with ParquetReader(file.path) as reader:
            selected = check_file(reader, schema, options)
            names = list(dict.fromkeys(selected.values()))
            for row_group in range(len(reader.row_group_sizes())):
                for raw in reader.batches(row_group, names):
                    found = coerce(raw, schema, selected, file.path, first_row, options.unit, options.tag_separator)
                    first_row += raw.num_rows
                    read += raw.num_rows
                    invalid += found.errors.num_rows
                    batches.append(found.rows)
                    if progress is not None:
                        progress.add(schema.name, raw.num_rows)
                    if read > max_rows:
                        raise DataError(f"{source.path} has more than {max_rows:,} rows, which one process cannot hold")
    if not read:
        raise DataError(f"no row of {schema.name} was read from {source.path}")
    if invalid > max_error_rate * read:
        raise DataError(
            f"{invalid:,} of {read:,} rows of {schema.name} are invalid, more than --max_error_rate={max_error_rate:g}"
        )
    return RowsOfSource(batches, read, invalid)
