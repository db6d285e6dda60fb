"""Files read block by block as Arrow batches, with the position of each row, and the rows that cannot be parsed."""

from __future__ import annotations

import functools
import io
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.json as pa_json

from transforms.datasets.file_formats import convert_command
from transforms.datasets.reading import ParquetReader, UnreadableFileError
from transforms.ingestion.delimited import find_first_row, names_of
from transforms.ingestion.layout import Delimited, FileFormat, JsonLines, Parquet
from transforms.ingestion.streams import ONE_CHARACTER, TextStream, open_text

BLOCK_BYTES = 8 << 20
"""The decompressed bytes of a block. A block is in memory as text and as a batch; a row may not be longer."""
_SHOWN_BYTES = 80
_MAX_BAD_LINES = 1000
"""Lines of a block that are no JSON, above which the file is not read any further."""

NULL_OF_MYSQL = r"\N"
"""A null in files that MySQL, Hive and PostgreSQL write."""

WRONG_FIELD_COUNT = "wrong_number_of_fields"
NOT_JSON = "not_json"
WRONG_JSON_TYPE = "wrong_json_type"


class BadRow(NamedTuple):
    """A row that cannot be parsed.

    Attributes:
        position: its position in the file.
        reason: the reason, one word.
        text: the row.
    """

    position: int
    reason: str
    text: str


class Block(NamedTuple):
    """Rows that are next to each other in a file.

    Attributes:
        rows: the requested columns; of `Delimited` files as text, null where a field is empty.
        positions: the position of each row in the file, shape (rows.num_rows,), dtype int64.
        bad: the rows of the block that cannot be parsed.
    """

    rows: pa.RecordBatch
    positions: pa.Int64Array
    bad: tuple[BadRow, ...] = ()


def read_blocks(
    path: str, format_: FileFormat, columns: Sequence[str], block_bytes: int = BLOCK_BYTES
) -> Iterator[Block]:
    """Read a file block by block.

    Args:
        path: the file, compressed by gzip, Zstandard or bzip2, or not.
        format_: its format.
        columns: the columns to read; empty: all.
        block_bytes: bytes of a block.

    Raises:
        UnreadableFileError: when the rest of the file cannot be read.
        OSError, BeamIOError: when the file system fails.
    """
    if isinstance(format_, Delimited):
        with open_text(path, format_.delimiter, format_.encoding, format_.escape) as text:
            yield from _delimited_blocks(text, format_, columns, block_bytes)
    elif isinstance(format_, JsonLines):
        with open_text(path, encoding=format_.encoding) as text:
            yield from _json_blocks(text.stream, _json_schema(format_, columns), block_bytes)
    else:
        yield from _parquet_blocks(path, columns)


def _delimited_blocks(
    text: TextStream, format_: Delimited, columns: Sequence[str], block_bytes: int
) -> Iterator[Block]:
    rejected: list[BadRow] = []

    def reject(row: Any) -> str:
        rejected.append(BadRow(row.number - 1, WRONG_FIELD_COUNT, row.text))
        return "skip"

    if not text.beginning:
        return
    first = find_first_row(text.beginning, format_)
    text.stream.read(first.start if format_.names else first.end)
    names = format_.names or names_of(first, format_)
    open_reader = functools.partial(
        pa_csv.open_csv,
        text.stream,
        read_options=pa_csv.ReadOptions(
            use_threads=False,  # rows then have numbers, and blocks come in order
            block_size=block_bytes,
            column_names=list(names),
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=ONE_CHARACTER if len(format_.delimiter) > 1 else format_.delimiter,
            quote_char='"' if format_.is_quoted else False,
            escape_char=format_.escape or False,
            newlines_in_values=format_.is_quoted,
            invalid_row_handler=reject,
        ),
        convert_options=pa_csv.ConvertOptions(
            check_utf8=False,  # such texts are reported row by row
            column_types=dict.fromkeys(columns or names, pa.string()),
            include_columns=list(columns) or None,
            strings_can_be_null=True,
            null_values=["", NULL_OF_MYSQL],
        ),
    )
    position = reported = 0
    rows = _no_rows(columns or names)
    for rows in _batches(open_reader):
        skipped = [bad.position for bad in rejected if bad.position >= position]
        candidates = np.arange(position, position + rows.num_rows + len(skipped))
        positions = candidates[~np.isin(candidates, skipped)][: rows.num_rows]
        position = int(positions[-1]) + 1 if len(positions) else position
        yield Block(rows, pa.array(positions, pa.int64()), tuple(rejected[reported:]))
        reported = len(rejected)
    if len(rejected) > reported:
        yield Block(rows.slice(0, 0), pa.array([], pa.int64()), tuple(rejected[reported:]))


def _no_rows(names: Sequence[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array([], pa.string()) for _ in names], names=list(names))


def _batches(open_reader: Callable[[], Any]) -> Iterator[pa.RecordBatch]:
    """Read the batches of a delimited file; none if it has no row, which pyarrow reports as an error."""
    try:
        reader = open_reader()
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            return
        raise
    yield from reader


def _json_schema(format_: JsonLines, columns: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, type_) for name, type_ in format_.types.items() if not columns or name in columns])


def _json_blocks(stream: pa.NativeFile, schema: pa.Schema, block_bytes: int) -> Iterator[Block]:
    position, rest = 0, b""
    while chunk := stream.read(block_bytes):
        end = chunk.rfind(b"\n") + 1
        complete, rest = (rest + chunk[:end], chunk[end:]) if end else (b"", rest + chunk)
        if len(rest) > block_bytes:
            raise UnreadableFileError(f"a line is longer than {block_bytes:,} bytes")
        if complete:
            block = _parse_json(complete, schema, position)
            position += block.rows.num_rows + len(block.bad)
            yield block
    if rest:
        yield _parse_json(rest, schema, position)


def _parse_json(text: bytes, schema: pa.Schema, position: int) -> Block:
    """Parse lines at once, or where some cannot be parsed, halve them until those are alone."""
    lines = [line for line in text.splitlines() if line.strip()]
    batches: list[pa.RecordBatch] = []
    positions: list[np.ndarray] = []
    bad: list[BadRow] = []
    pending = [(0, len(lines))]
    while pending:
        start, end = pending.pop()
        if start == end:
            continue
        rows = _try_json(lines[start:end], schema)
        if rows is not None:
            batches.append(rows)
            positions.append(np.arange(position + start, position + end))
        elif end - start == 1:
            bad.append(_bad_line(lines[start], position + start))
            if len(bad) > _MAX_BAD_LINES:
                raise UnreadableFileError(f"more than {_MAX_BAD_LINES} lines of a block cannot be parsed")
        else:
            middle = (start + end) // 2
            pending += [(middle, end), (start, middle)]
    empty = pa.RecordBatch.from_pylist([], schema)
    return Block(
        pa.concat_batches([empty, *batches]),
        pa.array(np.concatenate([np.zeros(0, np.int64), *positions]), pa.int64()),
        tuple(bad),
    )


def _try_json(lines: list[bytes], schema: pa.Schema) -> pa.RecordBatch | None:
    """Parse lines, one object each; None if not all of them are objects with fields of these types."""
    text = b"\n".join(lines)
    try:
        table = pa_json.read_json(
            io.BytesIO(text),
            read_options=pa_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=pa_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
        )
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if table.num_rows != len(lines):
        return None  # a line with two objects, or with none
    return table.select(schema.names).combine_chunks().to_batches()[0]


def _bad_line(line: bytes, position: int) -> BadRow:
    text = line.decode(errors="replace")
    try:
        json.loads(text)
    except ValueError:
        return BadRow(position, NOT_JSON, text)
    return BadRow(position, WRONG_JSON_TYPE, text)


def _parquet_blocks(path: str, columns: Sequence[str]) -> Iterator[Block]:
    position = 0
    with ParquetReader(path) as reader:
        names = list(columns) or list(reader.schema.names)
        for row_group in range(len(reader.row_group_sizes())):
            for rows in reader.batches(row_group, names):
                yield Block(rows, pa.array(np.arange(position, position + rows.num_rows)))
                position += rows.num_rows


def infer_json_types(path: str, encoding: str = "", block_bytes: int = 1 << 20) -> dict[str, pa.DataType]:
    """Return the fields of the first lines of a file of JSON lines, with types by which all lines can be read.

    Times that are text stay text, and integers other than whole ids may be followed by fractions in later lines only
    if they are read as floats, which the caller decides.

    Raises:
        UnreadableFileError: when the lines are no JSON objects.
    """
    with open_text(path, encoding=encoding) as text:
        lines = [line for line in _first_lines(text.stream.read(block_bytes), block_bytes) if line.strip()]
    if not lines:
        raise UnreadableFileError("the file is empty")
    schema = _infer_schema(lines) or _infer_schema(lines[:1])
    if schema is None:
        raise UnreadableFileError(_explain_json(lines[0], path))
    return {field.name: _lasting(field.type) for field in schema}


def _infer_schema(lines: list[bytes]) -> pa.Schema | None:
    """Return the fields of lines of JSON; None if they are no objects, each in a line of its own."""
    text = b"\n".join(lines)
    try:
        options = pa_json.ReadOptions(use_threads=False, block_size=len(text) + 1)
        table = pa_json.read_json(io.BytesIO(text), read_options=options)
    except pa.ArrowInvalid:
        return None
    return table.schema if table.num_rows >= len(lines) else None


def _explain_json(line: bytes, path: str) -> str:
    """Return why a first line is no object, with what to do."""
    start, end = line.strip()[:1], line.strip()[-1:]
    if start not in (b"[", b"{") or (start == b"{" and end == b"}"):
        return f"the first line is no JSON object: {line[:_SHOWN_BYTES].decode(errors='replace')!r}"
    form = "the file is an array of JSON" if start == b"[" else "objects of JSON extend over several lines"
    command = convert_command(path, "JSON")
    return f"{form}, but one object per line is read: convert it, and give --format=parquet: {command}"


def _first_lines(text: bytes, block_bytes: int) -> list[bytes]:
    lines = text.splitlines()
    return lines[:-1] if len(text) == block_bytes and len(lines) > 1 else lines


def _lasting(type_: pa.DataType) -> pa.DataType:
    if pa.types.is_timestamp(type_) or pa.types.is_null(type_):
        return pa.string()
    if pa.types.is_list(type_):
        return pa.list_(_lasting(type_.value_type))
    return type_


def column_names(path: str, format_: FileFormat) -> tuple[str, ...]:
    """Return the names of the columns of a file; of JSON lines, the fields of the first lines.

    Raises:
        UnreadableFileError: when they cannot be read, or the first row has another number of fields than the format.
        OSError, BeamIOError: when the file system fails.
    """
    if isinstance(format_, JsonLines):
        return tuple(infer_json_types(path, format_.encoding))
    if isinstance(format_, Parquet):
        with ParquetReader(path) as reader:
            return tuple(reader.schema.names)
    with open_text(path, format_.delimiter, format_.encoding, format_.escape) as text:
        row = find_first_row(text.beginning, format_)
    if not format_.names:
        return names_of(row, format_)
    if (found := len(row.fields)) != len(format_.names):
        expected = f"{len(format_.names)} fields with {format_.delimiter!r} between them"
        raise UnreadableFileError(f"the first row has {found} fields, not {expected}")
    return format_.names
