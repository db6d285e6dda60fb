"""Writing of datasets: parts that depend only on the rows, then one commit of all datasets of a job."""

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
from transforms.columnar import concatenate
from transforms.datasets.commit import commit, discard_parts
from transforms.datasets.counts import Count, CountKey
from transforms.datasets.empty_outputs import EmptyOutputsCheck
from transforms.datasets.error_rate import DataError, ErrorRateCheck
from transforms.datasets.manifest import CommitError, Manifest, Part
from transforms.datasets.reading import ParquetReader
from transforms.datasets.storage import open_storage
from transforms.progress import Progress
from transforms.shuffle import split_by_bucket

VALUES_PER_ROW_GROUP = 1 << 21
_MAX_SAMPLED_PARTS = 16

PartKey = tuple[str, int]
"""Name of a dataset, index of a part."""


def count_values(rows: pa.RecordBatch) -> int:
    """Count the values of rows, including the elements of lists: a measure of size that does not depend on buffers."""
    return sum(rows.num_rows + _nested_values(column) for column in rows.columns)


def _nested_values(column: pa.Array) -> int:
    return (pc.sum(pc.list_value_length(column)).as_py() or 0) if pa.types.is_list(column.type) else 0


def sort_rows(rows: pa.RecordBatch, order: tuple[str, ...]) -> pa.RecordBatch:
    """Sort rows by the columns `order`, ascending, null last."""
    if _is_sorted(rows, order):
        return rows
    return rows.take(pc.sort_indices(rows, sort_keys=[(name, "ascending") for name in order]))


def _is_sorted(rows: pa.RecordBatch, order: tuple[str, ...]) -> bool:
    """Whether rows are sorted already, as rows of a single batch usually are; False if the columns have nulls."""
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
    """Encode rows as a parquet file: zstd, row groups of about `VALUES_PER_ROW_GROUP` values."""
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
    """Return the leaf columns of text. Numbers rarely repeat in these datasets; encoding them only costs time."""
    plain = [field.name for field in schema if pa.types.is_string(field.type)]
    lists = [field.name for field in schema if pa.types.is_list(field.type)]
    return plain + [f"{name}.list.element" for name in lists if pa.types.is_string(schema.field(name).type.value_type)]


@dataclasses.dataclass(frozen=True)
class PartWriter:
    """A picklable writer of parts.

    The name of a part contains a hash of its content, so two attempts at the same part write the same bytes to the same
    name, and never overwrite a part with other content.

    Attributes:
        workspace: the folder that contains the folders of the datasets.
        parts: number of parts of each dataset. A part contains the rows of a range of hashes, so the part of a row
            depends only on the row and this number. Empty parts are not written.
        progress: counter of the parts written.
    """

    workspace: str
    parts: int
    progress: Progress = dataclasses.field(default_factory=Progress)

    def write(self, schema: DatasetSchema, index: int, batches: Iterable[pa.RecordBatch]) -> tuple[str, Part]:
        """Write all rows of a part, sorted; return the name of the dataset and the part.

        Raises:
            SchemaError: when the rows violate the schema.
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
    """Splits record batches of one dataset by part, and keys them by it."""

    def __init__(self, schema: DatasetSchema, parts: int) -> None:
        self.schema = schema
        self.parts = parts

    def process(self, rows: pa.RecordBatch) -> Iterator[tuple[PartKey, pa.RecordBatch]]:
        for part, batch in split_by_bucket(rows, self.schema.partition_by, self.parts):
            yield (self.schema.name, part), batch


class WritePart(beam.DoFn):
    """Writes all rows of one part."""

    def __init__(self, schemas: tuple[DatasetSchema, ...], writer: PartWriter) -> None:
        self.schemas = {schema.name: schema for schema in schemas}
        self.writer = writer

    def process(self, keyed: tuple[PartKey, Iterable[pa.RecordBatch]]) -> Iterator[tuple[str, Part]]:
        (name, index), batches = keyed
        yield self.writer.write(self.schemas[name], index, batches)


@dataclasses.dataclass
class WriteDatasets(beam.PTransform):
    """Write record batches of several datasets as parts, without committing them.

    The part of a row is determined by the hash of one column, and the order of rows by the schema, so the same rows
    always give the same bytes. The input is a collection of record batches for each name of a dataset.

    Attributes:
        schemas: the datasets.
        writer: the workspace and the number of parts.

    Returns:
        A collection of (name of the dataset, part).
    """

    schemas: tuple[DatasetSchema, ...]
    writer: PartWriter

    def expand(self, batches: dict[str, beam.PCollection]) -> beam.PCollection:
        keyed = tuple(
            batches[schema.name]
            | f"Split[{schema.name}]"
            >> beam.ParDo(SplitIntoParts(schema, self.writer.parts)).with_output_types(tuple[PartKey, pa.RecordBatch])
            for schema in self.schemas
        )
        return (
            keyed
            | "AllRows" >> beam.Flatten()
            | "GroupParts" >> beam.GroupByKey()
            | "WritePart" >> beam.ParDo(WritePart(self.schemas, self.writer))
        )


def sample_errors(errors: pa.RecordBatch) -> dict[str, str]:
    """Return by reason a line about the first row of `errors` with that reason."""
    kept = pc.ScalarAggregateOptions(skip_nulls=False)
    columns = [(name, "first", kept) for name in ("file", "row", "payload")]
    firsts = pa.Table.from_batches([errors]).group_by("reason", use_threads=False).aggregate(columns)
    lines = {}
    for first in firsts.to_pylist():
        location = first["file_first"]
        if first["row_first"] is not None:
            location += f", row {first['row_first']}"
        lines[first["reason"]] = f"{first['reason']}: {location}: {first['payload_first']}"
    return lines


class Commit(beam.DoFn):
    """Commits all datasets of a job, if the error rates are within the limits, and returns their manifests."""

    def __init__(
        self,
        schemas: tuple[DatasetSchema, ...],
        writer: PartWriter,
        versions: dict[str, str | None],
        error_rates: ErrorRateCheck,
        empty_outputs: EmptyOutputsCheck,
        configuration: dict[str, Any],
        code_version: str,
        inputs: dict[str, Any],
    ) -> None:
        self.schemas = schemas
        self.writer = writer
        self.versions = versions
        self.error_rates = error_rates
        self.empty_outputs = empty_outputs
        self.configuration = configuration
        self.code_version = code_version
        self.inputs = inputs

    def process(self, parts: list[tuple[str, Part]], counts: list[Count]) -> Iterator[Manifest]:
        parts = parts + [self.writer.write(schema, 0, []) for schema in self._without_rows(parts)]
        manifests = [self._manifest(schema, parts) for schema in self.schemas]
        try:
            self._check(manifests, parts, dict(counts))
            commit(self.writer.workspace, manifests, self.versions)
        except (DataError, CommitError):
            discard_parts(self.writer.workspace, manifests, self.versions)
            raise
        yield from manifests

    def _check(self, manifests: list[Manifest], parts: list[tuple[str, Part]], counts: dict[CountKey, int]) -> None:
        try:
            self.error_rates.check(counts)
            self.empty_outputs.check({manifest.dataset: manifest.rows for manifest in manifests}, counts)
        except DataError as error:
            raise DataError("\n  ".join([str(error), *self._sample_errors(parts, error.datasets)])) from error

    def _without_rows(self, parts: list[tuple[str, Part]]) -> list[DatasetSchema]:
        """Return the datasets that get an empty part, so that tools that read the folder by a glob find the columns."""
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

    def _sample_errors(self, parts: list[tuple[str, Part]], datasets: tuple[str, ...]) -> list[str]:
        """Sample the errors that were written and are not committed; empty if an earlier attempt removed them.

        Args:
            parts: the parts that were written.
            datasets: names of the inputs whose errors are shown; empty: those of all.
        """
        lines: dict[str, str] = {}
        for name in sorted(part.name for name, part in parts if name == ERRORS.name and part.rows)[:_MAX_SAMPLED_PARTS]:
            path = FileSystems.join(self.writer.workspace, ERRORS.name, name)
            if open_storage(path).list_files(path):
                with ParquetReader(path) as reader:
                    errors = next(reader.batches(0, ERRORS.arrow.names))
                    if datasets:
                        errors = errors.filter(pc.is_in(errors["dataset"], pa.array(datasets)))
                    lines = sample_errors(errors) | lines
        return list(lines.values())


@dataclasses.dataclass
class CommitDatasets(beam.PTransform):
    """Commit all datasets of a job, in the order of `schemas`, as its last step.

    Attributes:
        schemas: the datasets; a dataset follows those from which it was computed.
        writer: the writer of the parts.
        versions: the result of `current_versions` for the datasets at the launch.
        error_rates: the limits of invalid rows.
        counts: the summed counts of the job.
        configuration: options that determine the content.
        code_version: version of this package.
        inputs: the inputs, by name, for the manifests.
        empty_outputs: what must not be empty.

    Returns:
        A collection of the committed manifests.
    """

    schemas: tuple[DatasetSchema, ...]
    writer: PartWriter
    versions: dict[str, str | None]
    error_rates: ErrorRateCheck
    counts: beam.PCollection
    configuration: dict[str, Any]
    code_version: str
    inputs: dict[str, Any]
    empty_outputs: EmptyOutputsCheck = dataclasses.field(default_factory=EmptyOutputsCheck)

    def expand(self, parts: beam.PCollection) -> beam.PCollection:
        committed = Commit(
            self.schemas,
            self.writer,
            self.versions,
            self.error_rates,
            self.empty_outputs,
            self.configuration,
            self.code_version,
            self.inputs,
        )
        return (
            parts
            | "List" >> beam.combiners.ToList()
            | "Commit" >> beam.ParDo(committed, beam.pvalue.AsList(self.counts))
        )
