"""The description of a published log: its files, their formats, and what their columns mean in our datasets."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple, TypeAlias

import numpy as np
import pyarrow as pa

from schemas import INTERACTIONS, ITEMS, Column, DatasetSchema
from schemas.dataset import identifies
from transforms.datasets.column_options import TimestampUnit

DateOrder = Literal["", "month_first", "day_first"]
"""The order of month and day in dates that end with the year; empty: there are no such dates."""

INGESTED_INTERACTIONS = dataclasses.replace(
    INTERACTIONS, sort_by=("user_id", "timestamp", "item_id", "event", "value", "dwell_seconds")
)
"""`interactions`, sorted by all columns that files have: repeated rows are then in the same order in every run."""

INGESTED_ITEMS = dataclasses.replace(
    ITEMS,
    columns=tuple(
        dataclasses.replace(column, nullable=True, optional=True) if column.name == "title" else column
        for column in ITEMS.columns
    ),
)
"""`items` as files have them, some without a title."""

ITEM_TAGS = DatasetSchema(
    name="item_tags",
    doc="One user gave one tag to one item.",
    key=(),
    sort_by=("item_id", "tag"),
    partition_by="item_id",
    columns=(
        Column("item_id", pa.string(), "The item."),
        Column("tag", pa.string(), "The tag.", written_as="text"),
    ),
    invariants=identifies("item_id"),
)
"""Tags that users gave; they are added to those of the catalogue."""

SCHEMAS: Mapping[str, DatasetSchema] = {
    schema.name: schema for schema in (INGESTED_INTERACTIONS, INGESTED_ITEMS, ITEM_TAGS)
}
"""The datasets by which files are read, by the role of a file."""


@dataclasses.dataclass(frozen=True)
class Delimited:
    """The format of a file of text with one row per line and a delimiter between fields.

    Attributes:
        delimiter: one or more characters.
        is_quoted: whether fields may be in double quotes; otherwise quotes are characters like any other.
        names: names of the columns, in order; empty: those of the first row.
        encoding: the encoding where the file is not UTF-8; empty: none.
        escape: the character that escapes quotes; empty: they are doubled.
    """

    delimiter: str = ","
    is_quoted: bool = True
    names: tuple[str, ...] = ()
    encoding: str = ""
    escape: str = ""


@dataclasses.dataclass(frozen=True)
class JsonLines:
    """The format of a file of text with one JSON object per line.

    Attributes:
        types: the fields that are read, with their types; other fields are skipped, and missing ones are null.
        encoding: the encoding where the file is not UTF-8; empty: none.
    """

    types: Mapping[str, pa.DataType]
    encoding: str = ""


@dataclasses.dataclass(frozen=True)
class Parquet:
    """The format parquet."""


FileFormat: TypeAlias = Delimited | JsonLines | Parquet


class Prepared(NamedTuple):
    """Rows of a file in the shape of the dataset: one row per interaction or item.

    Attributes:
        rows: the rows.
        positions: for each of them, the row of the file from which it comes, shape (rows.num_rows,), dtype int64.
        dropped: numbers of what was left out, by reason.
    """

    rows: pa.RecordBatch
    positions: pa.Int64Array
    dropped: Mapping[str, int]

    @classmethod
    def all_of(cls, rows: pa.RecordBatch) -> Prepared:
        """Keep all rows."""
        return cls(rows, pa.array(np.arange(rows.num_rows)), {})


@dataclasses.dataclass(frozen=True)
class FileLayout:
    """The layout of one kind of file.

    Attributes:
        role: the dataset that the file holds: `interactions`, `items` or `item_tags`.
        pattern: regular expression of the whole name of the file, without a suffix of compression.
        format: how the file is read.
        columns: dataset column -> column of the file, or of what `prepare` returns.
        item_columns: in a log, column of `items` -> column; used where there is no catalogue.
        read: columns of the file that are read; empty: those that `columns` and `item_columns` name.
        required: columns that the file must have; empty: all that are read.
        variant: the version of the publication that has such files; files of several versions are not mixed.
        event: the event of all interactions; empty: there is none, or a column has it.
        unit: the unit of numbers in the column of times.
        date_order: the order of month and day in dates that end with the year.
        tag_separator: what separates tags in a text.
        scales: dataset column -> factor by which its numbers are multiplied.
        fallback_encoding: the encoding of texts that are not UTF-8; empty: such texts are invalid.
        prepare: converts rows of the file to one row per interaction or item; None: they are that already.
    """

    role: str
    pattern: str
    format: FileFormat
    columns: Mapping[str, str]
    item_columns: Mapping[str, str] = dataclasses.field(default_factory=dict)
    read: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    variant: str = ""
    event: str = ""
    unit: TimestampUnit = "auto"
    date_order: DateOrder = ""
    tag_separator: str = ""
    scales: Mapping[str, float] = dataclasses.field(default_factory=dict)
    fallback_encoding: str = ""
    prepare: Callable[[pa.RecordBatch], Prepared] | None = None

    @property
    def schema(self) -> DatasetSchema:
        """The dataset by which the file is read."""
        return SCHEMAS[self.role]

    @property
    def columns_read(self) -> tuple[str, ...]:
        """Names of the columns of the file that are read."""
        return self.read or tuple(dict.fromkeys([*self.columns.values(), *self.item_columns.values()]))

    @property
    def columns_required(self) -> tuple[str, ...]:
        """Names of the columns that the file must have."""
        return self.required or self.columns_read


@dataclasses.dataclass(frozen=True)
class Layout:
    """The layout of a published log.

    Attributes:
        title: the name of the log.
        files: its kinds of files; the first that fits a file counts.
        reasons: the texts by which the summary names what was left out, by reason.
    """

    title: str
    files: tuple[FileLayout, ...]
    reasons: Mapping[str, str] = dataclasses.field(default_factory=dict)
