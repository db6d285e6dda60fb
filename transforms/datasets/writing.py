"""Writing datasets: parts that depend on the rows alone, then one commit for all datasets of a job."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError
from apache_beam.io.filesystems import FileSystems

from schemas import DatasetSchema
from transforms.columnar import concatenate, split_by_bucket
from transforms.datasets.manifest import Manifest, Part, commit, read_manifest, remove_parts, write_atomically
from transforms.datasets.metrics import Count
from transforms.progress import Progress

VALUES_PER_PART = 1 << 24
VALUES_PER_ROW_GROUP = 1 << 21

PartKey = tuple[str, int, int]
"""Name of a dataset, number of a part, number of parts."""


def count_values(rows: pa.RecordBatch) -> int:
    """Number of values in rows, those inside lists counted one by one: a size that no slicing of rows can change."""
    return sum(rows.num_rows + _nested_values(column) for column in rows.columns)


def _nested_values(column: pa.Array) -> int:
    return (pc.sum(pc.list_value_length(column)).as_py() or 0) if pa.types.is_list(column.type) else 0


def number_of_parts(values: int) -> int:
    """How many parts a dataset with so many values has."""
    return max(1, -(-values // VALUES_PER_PART))


def in_order(rows: pa.RecordBatch, order: tuple[str, ...]) -> pa.RecordBatch:
    """Rows sorted by the columns `order`, ascending, null last."""
    indices = pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in order])
    if np.array_equal(indices.to_numpy(), np.arange(rows.num_rows)):
        return rows
    return rows.take(indices)


def to_parquet(rows: pa.RecordBatch) -> bytes:
    """Rows as one parquet file: zstd, row groups of about `VALUES_PER_ROW_GROUP` values."""
    rows_per_group = max(1, VALUES_PER_ROW_GROUP * max(rows.num_rows, 1) // max(count_values(rows), 1))
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_batches([rows]), sink, compression="zstd", row_group_size=rows_per_group)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def check_writable(folder: str) -> None:
    """Makes a folder and writes and deletes a file there.

    Raises:
        OSError: when that is not possible.
    """
    probe = FileSystems.join(folder, f".writable.{uuid.uuid4().hex}")
    try:
        write_atomically(probe, b"")
        FileSystems.delete([probe])
    except BeamIOError as error:
        raise OSError(str(error)) from error


class SplitIntoParts(beam.DoFn):
    """Keys pieces of record batches by their dataset and the part they belong to."""

    def __init__(self, schemas: tuple[DatasetSchema, ...]) -> None:
        self.schemas = {schema.name: schema for schema in schemas}

    def process(
        self, named: tuple[str, pa.RecordBatch], values: dict[str, int]
    ) -> Iterator[tuple[PartKey, pa.RecordBatch]]:
        name, rows = named
        parts = number_of_parts(values[name])
        for part, piece in split_by_bucket(rows, self.schemas[name].partition_by, parts):
            yield (name, part, parts), piece


class WritePart(beam.DoFn):
    """All rows of one part -> the part, written under a name that its content gives.

    Two attempts at the same part write the same bytes to the same name, and never touch a part with other content.
    """

    def __init__(self, schemas: tuple[DatasetSchema, ...], workspace: str, progress: Progress) -> None:
        self.schemas = {schema.name: schema for schema in schemas}
        self.workspace = workspace
        self.progress = progress

    def process(self, keyed: tuple[PartKey, Iterable[pa.RecordBatch]]) -> Iterator[tuple[str, Part]]:
        (name, index, parts), batches = keyed
        schema = self.schemas[name]
        rows = in_order(concatenate(batches, schema.arrow), schema.order)
        schema.check(rows)
        content = to_parquet(rows)
        digest = hashlib.sha256(content).hexdigest()
        file = f"part-{index:05d}-of-{parts:05d}-{digest[:12]}.parquet"
        write_atomically(FileSystems.join(self.workspace, name, file), content)
        self.progress.add("parts", 1)
        yield name, Part(file, rows.num_rows, len(content), digest)


@dataclasses.dataclass
class WriteDatasets(beam.PTransform):
    """Record batches of some datasets -> their parts, written but not yet committed.

    The number of parts follows from the number of values, the part of a row from the hash of one column, the order of
    rows from the schema: the same rows give the same bytes, whoever writes them. There is always a first part, so that
    tools that read the folder by a glob find the columns also when there is no row.

    Attributes:
        schemas: the datasets.
        workspace: folder in which the datasets' own folders lie.
        progress: where to say that a part was written.

    Returns:
        A collection of (name of the dataset, part). The input is a collection of record batches for each name.
    """

    schemas: tuple[DatasetSchema, ...]
    workspace: str
    progress: Progress = dataclasses.field(default_factory=Progress)

    def expand(self, batches: dict[str, beam.PCollection]) -> beam.PCollection:
        named = tuple(
            rows | f"Name[{name}]" >> beam.Map(_with_name, name).with_output_types(tuple[str, pa.RecordBatch])
            for name, rows in batches.items()
        )
        empty = next(iter(batches.values())).pipeline | "Empty" >> beam.Create(
            [(schema.name, concatenate([], schema.arrow)) for schema in self.schemas], reshuffle=False
        ).with_output_types(tuple[str, pa.RecordBatch])
        rows = (*named, empty) | "AllRows" >> beam.Flatten()
        values = (
            rows
            | "CountValues" >> beam.MapTuple(lambda name, batch: (name, count_values(batch)))
            | "SumValues" >> beam.CombinePerKey(sum)
        )
        pieces = rows | "SplitIntoParts" >> beam.ParDo(
            SplitIntoParts(self.schemas), beam.pvalue.AsDict(values)
        ).with_output_types(tuple[PartKey, pa.RecordBatch])
        return (
            pieces
            | "GroupParts" >> beam.GroupByKey()
            | "WritePart" >> beam.ParDo(WritePart(self.schemas, self.workspace, self.progress))
        )


def _with_name(rows: pa.RecordBatch, name: str) -> tuple[str, pa.RecordBatch]:
    return name, rows


class DataError(RuntimeError):
    """The input was such that its result must not be committed."""


@dataclasses.dataclass(frozen=True)
class Gate:
    """What must hold before anything is committed.

    Attributes:
        inputs: names of the datasets that were read.
        max_error_rate: largest share of an input's rows that may have gone to `errors`.
    """

    inputs: tuple[str, ...]
    max_error_rate: float

    def check(self, counts: dict[tuple[str, str], int]) -> None:
        """Checks the sums of a job.

        Raises:
            DataError: when an input had no row at all, or too many of its rows were unusable.
        """
        for name in self.inputs:
            read = counts.get((f"{name}_read", ""), 0)
            reasons = {
                slice_: number for (metric, slice_), number in sorted(counts.items()) if metric == f"{name}_unusable"
            }
            told = ", ".join(f"{number} x {reason}" for reason, number in reasons.items()) or "no error was recorded"
            if read == 0:
                raise DataError(f"no row of {name} was read ({told}); nothing was committed")
            unusable = sum(reasons.values())
            if unusable > self.max_error_rate * read:
                raise DataError(
                    f"{unusable} of {read} rows of {name} cannot be used ({told}), more than --max_error_rate="
                    f"{self.max_error_rate:g} allows; nothing was committed"
                )


class Commit(beam.DoFn):
    """All parts of all datasets of a job -> one manifest each, if the gate lets them through."""

    def __init__(
        self,
        schemas: tuple[DatasetSchema, ...],
        workspace: str,
        gate: Gate,
        configuration: dict[str, Any],
        code_version: str,
        inputs: dict[str, Any],
    ) -> None:
        self.schemas = schemas
        self.workspace = workspace
        self.gate = gate
        self.configuration = configuration
        self.code_version = code_version
        self.inputs = inputs

    def process(self, parts: list[tuple[str, Part]], counts: list[Count]) -> Iterator[Manifest]:
        manifests = [self._manifest(schema, parts) for schema in self.schemas]
        try:
            self.gate.check(dict(counts))
        except DataError:
            for manifest in manifests:
                self._remove_uncommitted(manifest)
            raise
        for manifest in manifests:
            commit(FileSystems.join(self.workspace, manifest.dataset), manifest)
            yield manifest

    def _manifest(self, schema: DatasetSchema, parts: list[tuple[str, Part]]) -> Manifest:
        return Manifest(
            dataset=schema.name,
            schema_fingerprint=schema.fingerprint,
            parts=tuple(sorted(part for name, part in parts if name == schema.name)),
            configuration=self.configuration,
            code_version=self.code_version,
            inputs=self.inputs,
        )

    def _remove_uncommitted(self, manifest: Manifest) -> None:
        folder = FileSystems.join(self.workspace, manifest.dataset)
        current = read_manifest(folder)
        kept = {part.name for part in current.parts} if current else set()
        remove_parts(folder, [part for part in manifest.parts if part.name not in kept])


@dataclasses.dataclass
class CommitDatasets(beam.PTransform):
    """Commits all datasets of a job, in the order of `schemas`, as its very last step.

    Attributes:
        schemas: the datasets, those that others were computed from first.
        workspace: folder of the datasets.
        gate: what must hold.
        counts: the summed counts of the job.
        configuration: options that decided the content.
        code_version: version of this package.
        inputs: what was read.

    Returns:
        A collection of the committed manifests.
    """

    schemas: tuple[DatasetSchema, ...]
    workspace: str
    gate: Gate
    counts: beam.PCollection
    configuration: dict[str, Any]
    code_version: str
    inputs: dict[str, Any]

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        committed = Commit(self.schemas, self.workspace, self.gate, self.configuration, self.code_version, self.inputs)
        return (
            parts
            | "List" >> beam.combiners.ToList()
            | "Commit" >> beam.ParDo(committed, beam.pvalue.AsList(self.counts))
        )
