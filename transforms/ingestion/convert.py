"""Conversion of rows of a file to rows of a dataset, as the layout of the file describes it."""

from __future__ import annotations

from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from schemas import INTERACTIONS, ITEMS
from schemas.dataset import MAX_CHARACTERS
from transforms.datasets.casting import is_text, plain_values
from transforms.datasets.coercion import ROW, coerce, is_utf8, is_valid_text, with_provenance
from transforms.datasets.counts import Count, count
from transforms.ingestion.dates import to_iso
from transforms.ingestion.encodings import decode_texts
from transforms.ingestion.layout import INGESTED_ITEMS, FileLayout, Prepared
from transforms.ingestion.votes import count_votes
from transforms.text_cleaning.columns import count_longer


class Converted(NamedTuple):
    """Rows of a file, converted.

    Attributes:
        rows: the valid rows, as `with_provenance` of the dataset.
        errors: the invalid rows, as rows of `errors`.
        counts: what was left out, and values of optional columns that could not be read.
        votes: votes for the texts of items, if the log has them; None otherwise.
    """

    rows: pa.RecordBatch
    errors: pa.RecordBatch
    counts: list[Count]
    votes: pa.RecordBatch | None = None


def convert_rows(
    raw: pa.RecordBatch, positions: pa.Int64Array, file: str, layout: FileLayout, with_votes: bool = False
) -> Converted:
    """Convert rows of a file.

    Args:
        raw: the columns of the file that the layout reads.
        positions: the position of each row in the file.
        file: path of the file.
        layout: the layout of the file.
        with_votes: whether the rows of a log are votes for the texts of their items.
    """
    name = layout.schema.name
    raw = decode_texts(raw, layout.fallback_encoding)
    prepared = layout.prepare(raw) if layout.prepare else Prepared.all_of(raw)
    rows, numbers = prepared.rows, positions.take(prepared.positions)
    rows = _with_iso_dates(rows, layout)
    coerced = coerce(rows, layout.schema, layout.columns, file, numbers, layout.unit, layout.tag_separator)
    counts = [count(f"{name}_dropped", number, reason) for reason, number in prepared.dropped.items() if number]
    counts += [count(f"{name}_values_left_out", number, column) for column, number in coerced.left_out.items()]
    counts += [count(f"{name}_texts_cut", number, column) for column, number in coerced.cut.items()]
    votes = None
    if with_votes:
        texts, broken = _without_broken_texts(rows.select(list(dict.fromkeys(layout.item_columns.values()))))
        names = {file_column: column for column, file_column in layout.item_columns.items()}
        counts += [count(f"{name}_values_left_out", number, names[column]) for column, number in broken.items()]
        counts += [count(f"{name}_texts_cut", number, column) for column, number in _longer(texts, layout).items()]
        votes = _votes(texts, pc.is_in(numbers, coerced.rows[ROW.name]), file, layout)
    return Converted(_complete(coerced.rows, layout), coerced.errors, counts, votes)


def _with_iso_dates(rows: pa.RecordBatch, layout: FileLayout) -> pa.RecordBatch:
    name = layout.columns.get("timestamp", "")
    index = rows.schema.get_field_index(name)
    if not layout.date_order or index < 0 or not is_text(plain_values(rows.column(index)).type):
        return rows
    text = plain_values(rows.column(index)).cast(pa.string())
    return rows.set_column(index, name, to_iso(text, layout.date_order))


def _without_broken_texts(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, dict[str, int]]:
    """Replace texts that are not UTF-8 by null; return also their numbers, by column."""
    columns, numbers = [], {}
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        sound = column
        if is_text(column.type) and not is_valid_text(column):
            sound = pc.if_else(is_utf8(column), column, None)
            numbers[name] = sound.null_count - column.null_count
        columns.append(sound)
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names), numbers


def _longer(texts: pa.RecordBatch, layout: FileLayout) -> dict[str, int]:
    """Return the number of texts of items that are too long, by column of `items`."""
    numbers = {}
    for column in INGESTED_ITEMS.columns:
        if column.written_as and column.name in layout.item_columns:
            values = plain_values(texts[layout.item_columns[column.name]])
            if is_text(values.type) and is_text(column.type):
                numbers[column.name] = count_longer(values.cast(pa.large_string()), MAX_CHARACTERS)
    return {name: number for name, number in numbers.items() if number}


def _votes(rows: pa.RecordBatch, is_valid: pa.BooleanArray, file: str, layout: FileLayout) -> pa.RecordBatch:
    """Count the texts of the items of valid rows."""
    distinct, counts = _distinct(rows.filter(is_valid))
    texts = coerce(distinct, INGESTED_ITEMS, layout.item_columns, file, 0, separator=layout.tag_separator)
    return count_votes(texts.rows, counts.take(texts.rows[ROW.name]))


def _distinct(rows: pa.RecordBatch) -> tuple[pa.RecordBatch, pa.Int64Array]:
    """Return distinct rows with their numbers, so that repeated texts are cleaned once; rows with lists as they are."""
    if any(pa.types.is_nested(kind) for kind in rows.schema.types):
        return rows, pa.array([1] * rows.num_rows, pa.int64())
    names = rows.schema.names
    table = pa.Table.from_batches([rows]).group_by(names, use_threads=False).aggregate([([], "count_all")])
    columns = [table[name].combine_chunks() for name in names]
    return pa.RecordBatch.from_arrays(columns, names=names), table["count_all"].combine_chunks()


def _complete(rows: pa.RecordBatch, layout: FileLayout) -> pa.RecordBatch:
    """Apply the event and the scales of a layout, and replace missing titles by empty ones."""
    schema = with_provenance(layout.schema)
    columns = dict(zip(schema.names, rows.columns, strict=True))
    if layout.event:
        columns["event"] = pa.array([layout.event] * rows.num_rows, pa.string())
    for name, factor in layout.scales.items():
        columns[name] = pc.multiply(columns[name], factor)
    if layout.role == ITEMS.name:
        columns["title"] = pc.fill_null(columns["title"], "")
    return pa.RecordBatch.from_arrays(list(columns.values()), schema=schema)


def without_provenance(rows: pa.RecordBatch) -> pa.RecordBatch:
    """Return rows of `interactions` without `file` and `row`."""
    return pa.RecordBatch.from_arrays([rows[name] for name in INTERACTIONS.arrow.names], schema=INTERACTIONS.arrow)
