"""The stages of ingestion: files to blocks, blocks to rows of datasets, and items with all that is known about them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import pyarrow as pa
from apache_beam.metrics import Metrics
from apache_beam.pvalue import TaggedOutput
from apache_beam.typehints import with_output_types

from schemas import ERRORS, INTERACTIONS, ITEMS
from transforms.columnar import concatenate, split_by_size
from transforms.datasets.counts import Count, count
from transforms.datasets.deduplicate import Deduplicate
from transforms.datasets.error_rate import DataError
from transforms.datasets.reading import COUNTS_TAG, ERRORS_TAG, UnreadableFileError
from transforms.ingestion.blocks import BLOCK_BYTES, BadRow, read_blocks
from transforms.ingestion.completeness import CheckCoverage, Coverage, measure_coverage
from transforms.ingestion.convert import convert_rows, without_provenance
from transforms.ingestion.layout import INGESTED_ITEMS, ITEM_TAGS, FileLayout
from transforms.ingestion.votes import TAG_COUNTS, VOTES, add_tags, count_tags, count_votes, elect
from transforms.progress import Progress
from transforms.shuffle import CoGroupByBucket, KeyByBucket

VOTES_TAG = "votes"
COVERAGE_TAG = "coverage"
MAX_TAGS_OF_USERS = 20
"""Maximum number of tags of users that are added to those of an item: the most frequent."""

_POSITION = "#row"
_FILE_KEY, _LAYOUT_KEY = b"file", b"layout"
_PAYLOAD_CHARACTERS = 1000


class FileToRead(NamedTuple):
    """One file, with the index of its layout among those of the run."""

    path: str
    layout: int


def bad_rows(dataset: str, file: str, bad: tuple[BadRow, ...]) -> pa.RecordBatch:
    """Convert rows that cannot be parsed to rows of `errors`."""
    rows = [
        {
            "dataset": dataset,
            "file": file,
            "row": each.position,
            "reason": each.reason,
            "payload": each.text[:_PAYLOAD_CHARACTERS],
        }
        for each in bad
    ]
    return pa.RecordBatch.from_pylist(rows, ERRORS.arrow)


@with_output_types(pa.RecordBatch, errors=pa.RecordBatch, counts=Count)
class ReadBlocks(beam.DoFn):
    """Reads the blocks of a file, in slices that carry their file, their layout and the positions of their rows.

    Raises:
        DataError: when a file cannot be read to its end: a part of a log, such as that of a download that was cut off,
            is no log.
    """

    def __init__(self, layouts: tuple[FileLayout, ...], progress: Progress, block_bytes: int) -> None:
        self.layouts = layouts
        self.progress = progress
        self.block_bytes = block_bytes
        self.rows_read = Metrics.counter(type(self), "rows_read")

    def process(self, file: tuple[str, int]) -> Iterator[Any]:
        path, index = file
        layout = self.layouts[index]
        metadata = {_FILE_KEY: path, _LAYOUT_KEY: str(index)}
        read = 0
        try:
            for rows, positions, bad in read_blocks(path, layout.format, layout.columns_read, self.block_bytes):
                number = rows.num_rows + len(bad)
                read += number
                self.rows_read.inc(number)
                self.progress.add(layout.role, number)
                yield TaggedOutput(COUNTS_TAG, count(f"{layout.role}_read", number))
                if bad:
                    yield TaggedOutput(ERRORS_TAG, bad_rows(layout.role, path, bad))
                numbered = rows.append_column(_POSITION, positions).replace_schema_metadata(metadata)
                yield from split_by_size(numbered)
        except UnreadableFileError as error:
            raise DataError(
                f"{path}: cannot be read after row {read}: {error}; nothing was committed; fetch the file again, or "
                "leave it out of the input",
                (layout.role,),
            ) from error


@with_output_types(
    pa.RecordBatch,
    items=pa.RecordBatch,
    item_tags=pa.RecordBatch,
    votes=pa.RecordBatch,
    errors=pa.RecordBatch,
    counts=Count,
)
class ConvertBlocks(beam.DoFn):
    """Converts slices of `ReadBlocks` to rows of `interactions`, of `items` with provenance, to tags, and to votes."""

    def __init__(self, layouts: tuple[FileLayout, ...], has_catalogue: bool) -> None:
        self.layouts = layouts
        self.has_catalogue = has_catalogue

    def process(self, numbered: pa.RecordBatch) -> Iterator[Any]:
        metadata = numbered.schema.metadata
        layout = self.layouts[int(metadata[_LAYOUT_KEY])]
        rows = numbered.replace_schema_metadata(None)
        last = rows.num_columns - 1
        raw = pa.RecordBatch.from_arrays(rows.columns[:last], names=rows.schema.names[:last])
        with_votes = layout.role == INTERACTIONS.name and not self.has_catalogue
        converted = convert_rows(raw, rows.column(last), metadata[_FILE_KEY].decode(), layout, with_votes)
        yield from (TaggedOutput(COUNTS_TAG, each) for each in converted.counts)
        if converted.errors.num_rows:
            yield TaggedOutput(ERRORS_TAG, converted.errors)
        if converted.rows.num_rows:
            yield from self._outputs(layout.role, converted.rows, converted.votes)

    def _outputs(self, role: str, rows: pa.RecordBatch, votes: pa.RecordBatch | None) -> Iterator[Any]:
        if role == ITEMS.name:
            yield TaggedOutput(ITEMS.name, rows)
        elif role == ITEM_TAGS.name:
            yield TaggedOutput(ITEM_TAGS.name, count_tags(rows))
        else:
            yield TaggedOutput(COUNTS_TAG, count(INTERACTIONS.name, rows.num_rows))
            yield TaggedOutput(VOTES_TAG, votes if votes is not None else _without_texts(rows["item_id"]))
            yield without_provenance(rows)


def _without_texts(item_ids: pa.StringArray) -> pa.RecordBatch:
    """Return votes that count the rows of items, without texts."""
    names = [column.name for column in INGESTED_ITEMS.columns]
    columns = [
        item_ids if column.name == "item_id" else pa.nulls(len(item_ids), column.type)
        for column in INGESTED_ITEMS.columns
    ]
    return count_votes(pa.RecordBatch.from_arrays(columns, names=names))


class Ingested(NamedTuple):
    """The collections of `IngestFiles`.

    Attributes:
        interactions: record batches of `interactions`.
        items: record batches of `items` with provenance.
        item_tags: record batches of `TAG_COUNTS`.
        votes: record batches of `VOTES`, without texts if there is a catalogue.
        errors: record batches of `errors`.
        counts: counts.
    """

    interactions: beam.PCollection
    items: beam.PCollection
    item_tags: beam.PCollection
    votes: beam.PCollection
    errors: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class IngestFiles(beam.PTransform):
    """Read files as rows of datasets.

    Attributes:
        files: the files.
        layouts: the layouts of the files.
        has_catalogue: whether files have items; otherwise, the rows of the log are votes for the texts of its items.
        progress: counter of the rows read.
        block_bytes: bytes of a block of text.
    """

    files: tuple[FileToRead, ...]
    layouts: tuple[FileLayout, ...]
    has_catalogue: bool
    progress: Progress = dataclasses.field(default_factory=Progress)
    block_bytes: int = BLOCK_BYTES

    def expand(self, root: beam.Pipeline) -> Ingested:
        files = [(file.path, file.layout) for file in self.files]
        blocks = (
            root
            | "Files" >> beam.Create(files, reshuffle=False).with_output_types(tuple[str, int])
            | "SpreadFiles" >> beam.Reshuffle()
            | "ReadBlocks"
            >> beam.ParDo(ReadBlocks(self.layouts, self.progress, self.block_bytes)).with_outputs(
                ERRORS_TAG, COUNTS_TAG, main="blocks"
            )
        )
        tags = (ITEMS.name, ITEM_TAGS.name, VOTES_TAG, ERRORS_TAG, COUNTS_TAG)
        rows = (
            blocks.blocks
            | "SpreadBlocks" >> beam.Reshuffle()
            | "ConvertBlocks"
            >> beam.ParDo(ConvertBlocks(self.layouts, self.has_catalogue)).with_outputs(*tags, main="interactions")
        )
        errors = (blocks[ERRORS_TAG], rows[ERRORS_TAG]) | "Errors" >> beam.Flatten()
        counts = (blocks[COUNTS_TAG], rows[COUNTS_TAG]) | "Counts" >> beam.Flatten()
        return Ingested(rows.interactions, rows[ITEMS.name], rows[ITEM_TAGS.name], rows[VOTES_TAG], errors, counts)


@with_output_types(pa.RecordBatch, counts=Count, coverage=Coverage)
class _ElectFn(beam.DoFn):
    """Elects the texts of all items of a bucket."""

    def process(self, bucket: tuple[int, Iterable[pa.RecordBatch]]) -> Iterator[Any]:
        items = elect(concatenate(bucket[1], VOTES))
        yield TaggedOutput(COUNTS_TAG, count(ITEMS.name, items.num_rows))
        yield TaggedOutput(COVERAGE_TAG, measure_coverage(pa.RecordBatch.from_pylist([], VOTES), items))
        yield items


@dataclasses.dataclass
class ItemsOfLog(beam.PTransform):
    """Record batches of `VOTES` -> items with the most frequent of their texts.

    Attributes:
        buckets: number of buckets of items; determines memory and parallelism, not the result.
        max_error_rate: a fraction of the items up to which they may lack a title, if nearly all lack it.
        has_titles: whether the log has a column of titles.

    Returns:
        A tuple of two collections: record batches of `items`, counts.
    """

    buckets: int
    max_error_rate: float
    has_titles: bool

    def expand(self, votes: beam.PCollection) -> tuple[beam.PCollection, beam.PCollection]:
        elected = (
            votes
            | "ByItem" >> beam.ParDo(KeyByBucket("item_id", self.buckets)).with_output_types(tuple[int, pa.RecordBatch])
            | "GroupVotes" >> beam.GroupByKey()
            | "Elect" >> beam.ParDo(_ElectFn()).with_outputs(COUNTS_TAG, COVERAGE_TAG, main="items")
        )
        checked = (elected[COVERAGE_TAG], elected.items) | "CheckCoverage" >> CheckCoverage(
            self.max_error_rate, self.has_titles
        )
        return elected.items, (elected[COUNTS_TAG], checked) | "Counts" >> beam.Flatten()


@with_output_types(pa.RecordBatch, coverage=Coverage)
class _CompleteItemsFn(beam.DoFn):
    """Adds the tags of users to the items of a bucket, and measures how well these cover the log."""

    def __init__(self, max_tags: int) -> None:
        self.max_tags = max_tags

    def process(self, bucket: tuple[int, dict[str, Iterable[pa.RecordBatch]]]) -> Iterator[Any]:
        grouped = bucket[1]
        items = concatenate(grouped["items"], ITEMS.arrow)
        tags = concatenate(grouped["tags"], TAG_COUNTS)
        log = concatenate(grouped["log"], VOTES)
        yield TaggedOutput(COVERAGE_TAG, measure_coverage(log, items))
        if items.num_rows:
            yield add_tags(items, tags, self.max_tags) if tags.num_rows else items


def _as_items(rows: pa.RecordBatch) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([rows[name] for name in ITEMS.arrow.names], schema=ITEMS.arrow)


class CatalogueItems(NamedTuple):
    """The collections of `ItemsOfCatalogue`: record batches of `items` and of `errors`, and counts."""

    items: beam.PCollection
    errors: beam.PCollection
    counts: beam.PCollection


@dataclasses.dataclass
class ItemsOfCatalogue(beam.PTransform):
    """Distinct items of a catalogue, with the tags of users.

    Attributes:
        item_tags: record batches of `TAG_COUNTS`.
        votes: record batches of `VOTES`: the items of the log.
        buckets: number of buckets of items; determines memory and parallelism, not the result.
        max_error_rate: a fraction of interactions up to which nearly all may lack an item, and of items a title.
        has_titles: whether the catalogue has a column of titles.
        max_tags: maximum number of tags of users that are added to an item.
    """

    item_tags: beam.PCollection
    votes: beam.PCollection
    buckets: int
    max_error_rate: float
    has_titles: bool
    max_tags: int = MAX_TAGS_OF_USERS

    def expand(self, rows: beam.PCollection) -> CatalogueItems:
        distinct, errors, counts = rows | "Deduplicate" >> Deduplicate(self.buckets, INGESTED_ITEMS)
        items = distinct | "AsItems" >> beam.Map(_as_items).with_output_types(pa.RecordBatch)
        completed = (
            {"items": items, "tags": self.item_tags, "log": self.votes}
            | "ByItem" >> CoGroupByBucket("item_id", self.buckets)
            | "Complete" >> beam.ParDo(_CompleteItemsFn(self.max_tags)).with_outputs(COVERAGE_TAG, main="items")
        )
        checked = (completed[COVERAGE_TAG], completed.items) | "CheckCoverage" >> CheckCoverage(
            self.max_error_rate, self.has_titles
        )
        counts = (counts, checked) | "Counts" >> beam.Flatten()
        return CatalogueItems(completed.items, errors, counts)
