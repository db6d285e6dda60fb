"""Rows kept while a job runs, so that a job that was killed resumes where it stopped."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator

import pyarrow as pa

from schemas.dataset import DatasetSchema
from transforms.columnar import concatenate
from transforms.datasets.reading import ParquetReader, UnreadableFileError
from transforms.datasets.storage import open_storage
from transforms.datasets.writing import to_parquet


@dataclasses.dataclass(frozen=True)
class RowCheckpoint:
    """One file for each batch of work, named by the keys of the batch, so that the same batch finds it again.

    Attributes:
        folder: the folder of the files; a path, or a prefix of a bucket.
        schema: the dataset of the rows.
    """

    folder: str
    schema: DatasetSchema

    def read(self, keys: pa.StringArray) -> pa.RecordBatch:
        """Return the rows of a batch, in the order in which they were written; none if it was not finished."""
        path = self._path(keys)
        return self._read_rows(path) if open_storage(path).list_files(path) else concatenate([], self.schema.arrow)

    def read_all(self) -> Iterator[pa.RecordBatch]:
        """Return all rows, a batch for each file, by name of the file."""
        for path in self._files():
            yield self._read_rows(path)

    def write(self, keys: pa.StringArray, rows: pa.RecordBatch) -> None:
        """Write the rows of a batch; readers never see a part of a file."""
        path = self._path(keys)
        open_storage(path).write(path, to_parquet(rows))

    def clear(self) -> None:
        """Delete all files, once their rows are committed."""
        open_storage(self.folder).delete(self._files())

    def _files(self) -> list[str]:
        found = open_storage(self.folder).list_files(f"{self.folder.rstrip('/')}/*.parquet")
        return sorted(file.path for file in found)

    def _path(self, keys: pa.StringArray) -> str:
        digest = hashlib.sha256("\n".join(keys.to_pylist()).encode()).hexdigest()[:32]
        return f"{self.folder.rstrip('/')}/{digest}.parquet"

    def _read_rows(self, path: str) -> pa.RecordBatch:
        schema = self.schema.arrow
        try:
            with ParquetReader(path) as reader:
                groups = range(len(reader.row_group_sizes()))
                batches = [batch for group in groups for batch in reader.batches(group, schema.names)]
            return concatenate((batch.cast(schema) for batch in batches), schema)
        except (UnreadableFileError, pa.ArrowException, ValueError):
            # Damaged, or written by another version: only work is lost.
            return concatenate([], schema)
