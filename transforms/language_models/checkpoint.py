"""Completions kept while a job runs, so that a job that was killed resumes where it stopped."""

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
    """One file for each batch of prompts, named by the hashes of the prompts, so that the same batch finds it again.

    Attributes:
        folder: the folder of the files; a path, or a prefix of a bucket.
    """

    folder: str

    def read(self, content_hashes: pa.StringArray) -> pa.RecordBatch:
        """Return rows of `generations` for the completed prompts of a batch, in any order; possibly none."""
        path = self._path(content_hashes)
        return _read_rows(path) if open_storage(path).list_files(path) else concatenate([], GENERATIONS.arrow)

    def read_all(self) -> Iterator[pa.RecordBatch]:
        """Return all rows, a batch for each file, by name of the file."""
        for path in self._files():
            yield _read_rows(path)

    def write(self, content_hashes: pa.StringArray, generations: pa.RecordBatch) -> None:
        """Write rows of `generations` of a batch of prompts; readers never see a part of a file."""
        path = self._path(content_hashes)
        open_storage(path).write(path, to_parquet(generations))

    def clear(self) -> None:
        """Delete all files, once their rows are committed."""
        open_storage(self.folder).delete(self._files())

    def _files(self) -> list[str]:
        found = open_storage(self.folder).list_files(f"{self.folder.rstrip('/')}/*.parquet")
        return sorted(file.path for file in found)

    def _path(self, content_hashes: pa.StringArray) -> str:
        digest = hashlib.sha256("\n".join(content_hashes.to_pylist()).encode()).hexdigest()[:32]
        return f"{self.folder.rstrip('/')}/{digest}.parquet"


def _read_rows(path: str) -> pa.RecordBatch:
    try:
        with ParquetReader(path) as reader:
            groups = range(len(reader.row_group_sizes()))
            batches = [batch for group in groups for batch in reader.batches(group, GENERATIONS.arrow.names)]
        return concatenate((batch.cast(GENERATIONS.arrow) for batch in batches), GENERATIONS.arrow)
    except (UnreadableFileError, pa.ArrowException, ValueError):
        # Damaged, or written by another version: only work is lost.
        return concatenate([], GENERATIONS.arrow)
