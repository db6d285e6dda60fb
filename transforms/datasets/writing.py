"""Writing datasets: parts that depend on the rows alone, then one commit for all datasets of a job."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import apache_beam as beam
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from apache_beam.io.filesystems import FileSystems

from schemas import ERRORS, DatasetSchema
from transforms.columnar import concatenate, split_by_bucket
from transforms.datasets.commit import commit, discard_parts
from transforms.datasets.counts import Count
from transforms.datasets.error_rate import DataError, ErrorRateCheck
from transforms.datasets.manifest import CommitError, Manifest, Part
from transforms.datasets.reading import ParquetReader
from transforms.datasets.storage import open_storage
from transforms.progress import Progress

VALUES_PER_ROW_GROUP = 1 << 21
_PARTS_WITH_EXAMPLES = 16

PartKey = tuple[str, int]
"""Name of a dataset, number of a part."""


def count_values(rows: pa.RecordBatch) -> int:
    """Number of values in rows, those inside lists counted one by one: a size that no slicing of rows can change."""
    return sum(rows.num_rows + _nested_values(column) for column in rows.columns)


def _nested_values(column: pa.Array) -> int:
    return (pc.sum(pc.list_value_length(column)).as_py() or 0) if pa.types.is_list(column.type) else 0


def sort_rows(rows: pa.RecordBatch, order: tuple[str, ...]) -> pa.RecordBatch:
    """Rows sorted by the columns `order`, ascending, null last."""
    if _are_in_order(rows, order):
        return rows
    return rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in order]))


def _are_in_order(rows: pa.RecordBatch, order: tuple[str, ...]) -> bool:
    """Whether rows are sorted already, as those of a single batch mostly are; not sure where there are nulls."""
    if any(rows[name].null_count for name in order):
        return False
    undecided = np.ones(max(rows.num_rows - 1, 0), bool)
    for name in order:
        before, after = rows[name].slice(0, len(undecided)), rows[name].slice(1)
        if np.any(undecided & pc.greater(before, after).to_numpy(zero_copy_only=False)):
            return False
        undecided &= pc.equal(before, after).to_numpy(zero_copy_only=False)
    return True


def to_parquet(rows: pa.RecordBatch) -> bytes:
    """Rows as one parquet file: zstd, row groups of about `VALUES_PER_ROW_GROUP` values."""
    rows_per_group = max(1, VALUES_PER_ROW_GROUP * max(rows.num_rows, 1) // max(count_values(rows), 1))
    sink = pa.BufferOutputStream()
    pq.write_table(
        pa.Table.from_batches([rows]),
        sink,
        compression="zstd",
        row_group_size=rows_per_group,
        use_dictionary=_dictionary_columns(rows.schema),
        write_statistics=[field.name for field in rows.schema if not pa.types.is_list(field.type)],
    )
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _dictionary_columns(schema: pa.Schema) -> list[str]:
    """The leaves that hold text: numbers of these datasets hardly repeat, and trying to code them takes time."""
    plain = [field.name for field in schema if pa.types.is_string(field.type)]
    lists = [field.name for field in schema if pa.types.is_list(field.type)]
    return plain + [f"{name}.list.element" for name in lists if pa.types.is_string(schema.field(name).type.value_type)]


@dataclasses.dataclass(frozen=True)
class PartWriter:
    """Writes parts; travels to the workers.

    A part's name follows from its content, so two attempts at the same part write the same bytes to the same name, and
    never touch a part with other content.

    Attributes:
        workspace: folder in which the datasets' own folders lie.
        parts: number of parts of each dataset. A part holds the rows of a range of hashes, and is not written when
            there are none: where a row lies follows from the row and this number alone.
        progress: where to say that a part was written.
    """

    workspace: str
    parts: int
    progress: Progress = dataclasses.field(default_factory=Progress)

    def write(self, schema: DatasetSchema, index: int, batches: Iterable[pa.RecordBatch]) -> tuple[str, Part]:
        """Writes all rows of a part, sorted; returns the name of the dataset and the part.

        Raises:
            SchemaError: when the rows are not what the dataset promises.
            StorageError: when they cannot be written.
        """
        rows = sort_rows(concatenate(batches, schema.arrow), schema.sort_by)
        schema.check(rows)
        content = to_parquet(rows)
        digest = hashlib.sha256(content).hexdigest()
        name = f"part-{index:05d}-of-{self.parts:05d}-{digest[:12]}.parquet"
        open_storage(self.workspace).write(FileSystems.join(self.workspace, schema.name, name), content)
        self.progress.add("parts", 1)
        return schema.name, Part(name, rows.num_rows, len(content), digest)


class SplitIntoParts(beam.DoFn):
    """Keys pieces of record batches of one dataset by the part they belong to."""

    def __init__(self, schema: DatasetSchema, parts: int) -> None:
        self.schema = schema
        self.parts = parts

    def process(self, rows: pa.RecordBatch) -> Iterator[tuple[PartKey, pa.RecordBatch]]:
        for part, piece in split_by_bucket(rows, self.schema.partition_by, self.parts):
            yield (self.schema.name, part), piece


class WritePart(beam.DoFn):
    """All rows of one part -> the part, written."""

    def __init__(self, schemas: tuple[DatasetSchema, ...], writer: PartWriter) -> None:
        self.schemas = {schema.name: schema for schema in schemas}
        self.writer = writer

    def process(self, keyed: tuple[PartKey, Iterable[pa.RecordBatch]]) -> Iterator[tuple[str, Part]]:
        (name, index), batches = keyed
        yield self.writer.write(self.schemas[name], index, batches)


@dataclasses.dataclass
class WriteDatasets(beam.PTransform):
    """Record batches of some datasets -> their parts, written but not yet committed.

    The part of a row follows from the hash of one column, the order of rows from the schema: the same rows give the
    same bytes, whoever writes them.

    Attributes:
        schemas: the datasets.
        writer: where and into how many parts.

    Returns:
        A collection of (name of the dataset, part). The input is a collection of record batches for each name.
    """

    schemas: tuple[DatasetSchema, ...]
    writer: PartWriter

    def expand(self, batches: dict[str, beam.PCollection]) -> beam.PCollection:
        pieces = tuple(
            batches[schema.name]
            | f"Split[{schema.name}]"
            >> beam.ParDo(SplitIntoParts(schema, self.writer.parts)).with_output_types(tuple[PartKey, pa.RecordBatch])
            for schema in self.schemas
        )
        return (
            pieces
            | "AllPieces" >> beam.Flatten()
            | "GroupParts" >> beam.GroupByKey()
            | "WritePart" >> beam.ParDo(WritePart(self.schemas, self.writer))
        )


def sample_errors(errors: pa.RecordBatch) -> dict[str, str]:
    """For each reason among rows of `errors` a line about the first input that has it."""
    kept = pc.ScalarAggregateOptions(skip_nulls=False)
    columns = [(name, "first", kept) for name in ("file", "row", "payload")]
    firsts = pa.Table.from_batches([errors]).group_by("reason", use_threads=False).aggregate(columns)
    lines = {}
    for first in firsts.to_pylist():
        place = (
            first["file_first"] if first["row_first"] is None else f"{first['file_first']}, row {first['row_first']}"
        )
        lines[first["reason"]] = f"{first['reason']}: {place}: {first['payload_first']}"
    return lines


class Commit(beam.DoFn):
    """All parts of all datasets of a job -> one manifest each, if the gate lets them through."""

    def __init__(
        self,
        schemas: tuple[DatasetSchema, ...],
        writer: PartWriter,
        versions: dict[str, str | None],
        gate: ErrorRateCheck,
        configuration: dict[str, Any],
        code_version: str,
        inputs: dict[str, Any],
    ) -> None:
        self.schemas = schemas
        self.writer = writer
        self.versions = versions
        self.gate = gate
        self.configuration = configuration
        self.code_version = code_version
        self.inputs = inputs

    def process(self, parts: list[tuple[str, Part]], counts: list[Count]) -> Iterator[Manifest]:
        parts = parts + [self.writer.write(schema, 0, []) for schema in self._without_rows(parts)]
        manifests = [self._manifest(schema, parts) for schema in self.schemas]
        try:
            self._check(parts, counts)
            commit(self.writer.workspace, manifests, self.versions)
        except (DataError, CommitError):
            discard_parts(self.writer.workspace, manifests, self.versions)
            raise
        yield from manifests

    def _check(self, parts: list[tuple[str, Part]], counts: list[Count]) -> None:
        try:
            self.gate.check(dict(counts))
        except DataError as error:
            raise DataError("\n  ".join([str(error), *self._examples(parts)])) from error

    def _without_rows(self, parts: list[tuple[str, Part]]) -> list[DatasetSchema]:
        """Datasets that get an empty part, so that tools that read the folder by a glob find the columns."""
        present = {name for name, _ in parts}
        return [schema for schema in self.schemas if schema.name not in present]

    def _manifest(self, schema: DatasetSchema, parts: list[tuple[str, Part]]) -> Manifest:
        return Manifest(
            dataset=schema.name,
            schema_fingerprint=schema.fingerprint,
            parts=tuple(sorted(part for name, part in parts if name == schema.name)),
            configuration=self.configuration,
            code_version=self.code_version,
            inputs=self.inputs,
        )

    def _examples(self, parts: list[tuple[str, Part]]) -> list[str]:
        """From the errors that were written and will not be committed, or none in a second attempt."""
        told: dict[str, str] = {}
        for name in sorted(part.name for name, part in parts if name == ERRORS.name and part.rows)[
            :_PARTS_WITH_EXAMPLES
        ]:
            path = FileSystems.join(self.writer.workspace, ERRORS.name, name)
            if open_storage(path).list_files(path):
                with ParquetReader(path) as reader:
                    told = sample_errors(next(reader.batches(0, ERRORS.arrow.names))) | told
        return list(told.values())


@dataclasses.dataclass
class CommitDatasets(beam.PTransform):
    """Commits all datasets of a job, in the order of `schemas`, as its very last step.

    Attributes:
        schemas: the datasets, those that others were computed from first.
        writer: where the datasets are written.
        versions: what `current_versions` gave for the datasets at the launch.
        gate: what must hold.
        counts: the summed counts of the job.
        configuration: options that decided the content.
        code_version: version of this package.
        inputs: what was read.

    Returns:
        A collection of the committed manifests.
    """

    schemas: tuple[DatasetSchema, ...]
    writer: PartWriter
    versions: dict[str, str | None]
    gate: ErrorRateCheck
    counts: beam.PCollection
    configuration: dict[str, Any]
    code_version: str
    inputs: dict[str, Any]

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        committed = Commit(
            self.schemas, self.writer, self.versions, self.gate, self.configuration, self.code_version, self.inputs
        )
        return (
            parts
            | "List" >> beam.combiners.ToList()
            | "Commit" >> beam.ParDo(committed, beam.pvalue.AsList(self.counts))
        )
