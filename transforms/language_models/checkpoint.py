"""What was answered so far, kept while a job runs, so that a job that is killed goes on where it was."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator

import pyarrow as pa

from schemas import GENERATIONS
from transforms.columnar import concatenate
from transforms.datasets.reading import ParquetReader, UnreadableFileError
from transforms.datasets.storage import open_storage
from transforms.datasets.writing import to_parquet


@dataclasses.dataclass(frozen=True)
class GenerationCheckpoint:
    """One file for each piece of questions, named by what is asked: the same questions find it again.

    Attributes:
        folder: where the files lie; a path, or a prefix of a bucket.
    """

    folder: str

    def read(self, content_hashes: pa.StringArray) -> pa.RecordBatch:
        """Rows of `generations` for those questions of a piece that were answered, in any order; there may be none."""
        path = self._path(content_hashes)
        return _rows_of(path) if open_storage(path).list_files(path) else concatenate([], GENERATIONS.arrow)

    def read_all(self) -> Iterator[pa.RecordBatch]:
        """All rows that were kept, a batch for each file, by name."""
        for path in self._files():
            yield _rows_of(path)

    def write(self, content_hashes: pa.StringArray, answered: pa.RecordBatch) -> None:
        """Keeps rows of `generations`; nobody sees half of a file."""
        path = self._path(content_hashes)
        open_storage(path).write(path, to_parquet(answered))

    def clear(self) -> None:
        """Deletes all files, as their rows are kept elsewhere now."""
        open_storage(self.folder).delete(self._files())

    def _files(self) -> list[str]:
        found = open_storage(self.folder).list_files(f"{self.folder.rstrip('/')}/*.parquet")
        return sorted(file.path for file in found)

    def _path(self, content_hashes: pa.StringArray) -> str:
        named = hashlib.sha256("\n".join(content_hashes.to_pylist()).encode()).hexdigest()[:32]
        return f"{self.folder.rstrip('/')}/{named}.parquet"


def _rows_of(path: str) -> pa.RecordBatch:
    try:
        with ParquetReader(path) as reader:
            groups = range(len(reader.row_group_sizes()))
            batches = [batch for group in groups for batch in reader.batches(group, GENERATIONS.arrow.names)]
        return concatenate((batch.cast(GENERATIONS.arrow) for batch in batches), GENERATIONS.arrow)
    except (UnreadableFileError, pa.ArrowException, ValueError):
        # Damaged, or of another version: nothing is lost but the work.
        return concatenate([], GENERATIONS.arrow)
