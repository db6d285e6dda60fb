"""The layout of files of any log, from names of columns that are given or guessed."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from schemas import INTERACTIONS, ITEMS
from transforms.columnar import concatenate
from transforms.datasets.casting import fits
from transforms.datasets.column_options import LEFT_OUT, TimestampUnit
from transforms.datasets.files import InputFile
from transforms.datasets.reading import ParquetReader, UnreadableFileError, nonempty_row_groups
from transforms.ingestion.blocks import WRONG_FIELD_COUNT, BadRow, column_names, infer_json_types, read_blocks
from transforms.ingestion.delimited import find_delimiter, find_escape
from transforms.ingestion.encodings import decode_texts, encoding_hint, extends_ascii, undecoded_text
from transforms.ingestion.guessing import Guess, GuessError, guess_catalogue, guess_log
from transforms.ingestion.layout import DateOrder, Delimited, FileFormat, FileLayout, JsonLines, Parquet
from transforms.ingestion.matching import LayoutMismatchError, explain_container
from transforms.ingestion.streams import open_text

_SAMPLE_BYTES = 1 << 20
_SAMPLE_ROWS = 10_000
_SAMPLE_FILES = 3
_SAMPLE_ROW_GROUPS = 3
_SHOWN_CHARACTERS = 80
_TIME = re.compile(r"\s*(?:\d{9,}(?:\.\d+)?|\d{4}-\d\d-\d\d.*|\d{1,2}[/.-]\d{1,2}[/.-]\d{4}.*)")
_ANY_BYTES = "latin-1"
"""An encoding in which all bytes are characters."""
_ITEM_TEXTS = ("title", "description", "tags", "creator", "queries")


@dataclasses.dataclass(frozen=True)
class GenericOptions:
    """The options by which the files of an unknown log are read.

    Attributes:
        columns: dataset column -> file column, for those that are given; empty: the file has no such column.
        unit: the unit of numbers that are times.
        date_order: the order of month and day; empty: derived from the values.
        tag_separator: what separates tags in a text; empty: derived from the values.
        delimiter: what separates fields; empty: derived from the first row.
        header: names of the columns; empty: those of the first row.
        encoding: the encoding of texts that are not UTF-8; empty: such texts are invalid.
    """

    columns: Mapping[str, str]
    unit: TimestampUnit = "auto"
    date_order: DateOrder = ""
    tag_separator: str = ""
    delimiter: str = ""
    header: tuple[str, ...] = ()
    encoding: str = ""


@dataclasses.dataclass(frozen=True)
class GuessedLayout:
    """The layout of files, and the guess from which it follows."""

    layout: FileLayout
    guess: Guess


def generic_layout(role: str, format_name: str, files: tuple[InputFile, ...], options: GenericOptions) -> GuessedLayout:
    """Return the layout of the files of a log or of a catalogue, which all have the same columns.

    Args:
        role: `interactions` or `items`.
        format_name: `csv`, `jsonl` or `parquet`.
        files: the files.
        options: what is given about them.

    Raises:
        LayoutMismatchError: when a file cannot be read, or lacks columns.
        GuessError: when the meaning of columns is ambiguous or cannot be guessed.
        OSError, BeamIOError: when the file system fails.
    """
    format_ = _format(format_name, files, options)
    encoding = options.encoding if options.encoding and extends_ascii(options.encoding) else ""  # of texts alone
    sample = decode_texts(_sample(files, format_), encoding)
    legible = decode_texts(sample, _ANY_BYTES)  # texts of an encoding that is not given yet are texts too
    if role == INTERACTIONS.name:
        guess = guess_log(legible, options.columns, options.unit, options.date_order)
    else:
        guess = guess_catalogue(legible, options.columns)
    columns = guess.columns
    separator = options.tag_separator or guess.tag_separator
    _check_types(sample.schema, columns, role, separator)
    _check_encoding(sample, columns)
    texts = {name: columns[name] for name in ("item_id", *_ITEM_TEXTS) if name in columns}
    is_log = role == INTERACTIONS.name
    layout = FileLayout(
        role,
        ".*",
        _lasting_format(format_, columns),
        {name: column for name, column in columns.items() if name not in _ITEM_TEXTS} if is_log else texts,
        item_columns=texts if is_log and len(texts) > 1 else {},
        unit=options.unit,
        date_order=guess.date_order,
        tag_separator=separator,
        fallback_encoding=encoding,
    )
    _check_files(files, layout, columns)
    return GuessedLayout(layout, guess)


def _format(name: str, files: tuple[InputFile, ...], options: GenericOptions) -> FileFormat:
    first = files[0].path
    if reason := explain_container(first):
        raise LayoutMismatchError(f"{first}: {reason}")
    if name == "parquet":
        return Parquet()
    try:
        if name == "jsonl":
            return JsonLines(infer_json_types(first, options.encoding), options.encoding)
        delimiter = options.delimiter or find_delimiter(_beginning(first, "", options.encoding))
    except UnreadableFileError as error:
        raise LayoutMismatchError(f"{first}: {error}") from error
    beginnings = (_beginning(file.path, delimiter, options.encoding) for file in _sample_files(files))
    return Delimited(delimiter, True, options.header, options.encoding, find_escape(beginnings, delimiter))


def _beginning(path: str, delimiter: str, encoding: str) -> bytes:
    with open_text(path, delimiter, encoding) as text:
        return text.beginning


def _sample_files(files: tuple[InputFile, ...]) -> tuple[InputFile, ...]:
    """Return some files at equal distances."""
    return files[:: max(len(files) // _SAMPLE_FILES, 1)][:_SAMPLE_FILES]


def _sample(files: tuple[InputFile, ...], format_: FileFormat) -> pa.RecordBatch:
    """Read the first rows of some files.

    Raises:
        LayoutMismatchError: when one cannot be read, or has other columns than the first.
    """
    batches: list[pa.RecordBatch] = []
    for file in _sample_files(files):
        try:
            names = [name for name in column_names(file.path, format_) if name]
            _check_names(file.path, names, format_)
            if len(set(names)) < len(names):
                raise LayoutMismatchError(f"{file.path}: columns have the same name: {', '.join(names)}")
            batches.extend(_first_blocks(file.path, format_, names))
        except UnreadableFileError as error:
            raise LayoutMismatchError(f"{file.path}: {error}") from error
    if not any(rows.num_rows for rows in batches):
        raise LayoutMismatchError(f"{files[0].path}: the file has no rows")
    schema = batches[0].schema
    return concatenate([rows for rows in batches if rows.schema.equals(schema)], schema)


def _check_names(path: str, names: Sequence[str], format_: FileFormat) -> None:
    """Check that the first line of delimited text has names, of which none is a time, as each row of a log has.

    Raises:
        LayoutMismatchError: when one is.
    """
    times = [name for name in names if _TIME.fullmatch(name)]
    if times and isinstance(format_, Delimited) and not format_.names:
        raise LayoutMismatchError(
            f"{path}: the first line has no names of columns, but values, such as {times[0]!r}: give names for its "
            f"{len(names)} fields: --header=NAME,NAME,..."
        )


def _first_blocks(path: str, format_: FileFormat, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield the first rows of a file; of parquet, those of some row groups at equal distances.

    Raises:
        UnreadableFileError: when they cannot be read, or most of them have another number of fields than the first row.
    """
    if isinstance(format_, Parquet):
        yield from _first_of_row_groups(path, names)
        return
    for block in itertools.islice(read_blocks(path, format_, names, _SAMPLE_BYTES), 1):
        bad = [row for row in block.bad if row.reason == WRONG_FIELD_COUNT]
        if isinstance(format_, Delimited) and len(bad) > block.rows.num_rows:
            raise UnreadableFileError(_explain_fields(bad, block.rows.num_rows, column_names(path, format_), format_))
        yield block.rows.slice(0, _SAMPLE_ROWS)


def _first_of_row_groups(path: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with ParquetReader(path) as reader:
        filled = list(nonempty_row_groups(reader))
        for row_group in filled[:: max(len(filled) // _SAMPLE_ROW_GROUPS, 1)][:_SAMPLE_ROW_GROUPS]:
            yield next(reader.batches(row_group, list(names))).slice(0, _SAMPLE_ROWS)


def _explain_fields(bad: Sequence[BadRow], sound: int, names: Sequence[str], format_: Delimited) -> str:
    row = bad[0]
    return (
        f"{len(bad)} of the first {len(bad) + sound} rows have another number of fields than the first line, which has "
        f"{len(names)} with {format_.delimiter!r} between them: {', '.join(names)}; such as row {row.position + 1} "
        f"after it: {row.text[:_SHOWN_CHARACTERS]!r}; give --delimiter if fields are separated by another character, "
        "and --header=NAME,NAME,... if the first line has no names"
    )


def _check_encoding(sample: pa.RecordBatch, columns: Mapping[str, str]) -> None:
    """Check that the texts of columns that are read are UTF-8.

    Raises:
        GuessError: when a column is in another encoding.
    """
    for name in columns.values():
        if (octets := undecoded_text(sample[name])) is not None:
            raise GuessError(f"the text {octets[:_SHOWN_CHARACTERS]!r} in column {name!r} {encoding_hint(octets)}")


def _check_types(found: pa.Schema, columns: Mapping[str, str], role: str, separator: str) -> None:
    for column, name in columns.items():
        schema = INTERACTIONS if role == INTERACTIONS.name and column not in _ITEM_TEXTS else ITEMS
        kind = found.field(name).type
        if not fits(kind, schema.column(column), separator):
            raise GuessError(f"column {name!r} is {kind}, which cannot be read as {column}")


def _lasting_format(format_: FileFormat, columns: Mapping[str, str]) -> FileFormat:
    """Return the format with the types that later rows of JSON lines may need: measures may have fractions."""
    if not isinstance(format_, JsonLines):
        return format_
    types = {name: format_.types[name] for name in dict.fromkeys(columns.values())}
    for column in ("value", "dwell_seconds"):
        name = columns.get(column, LEFT_OUT)
        if name and pa.types.is_integer(types[name]):
            types[name] = pa.float64()
    return JsonLines(types, format_.encoding)


def _check_files(files: tuple[InputFile, ...], layout: FileLayout, columns: Mapping[str, str]) -> None:
    for file in files:
        try:
            found = column_names(file.path, layout.format)
            if isinstance(layout.format, Parquet) and set(layout.columns_required) <= set(found):
                with ParquetReader(file.path) as reader:
                    _check_types(reader.schema, columns, layout.role, layout.tag_separator)
        except UnreadableFileError as error:
            raise LayoutMismatchError(f"{file.path}: {error}") from error
        missing = [name for name in layout.columns_required if name not in found]
        if missing and not isinstance(layout.format, JsonLines):
            names = ", ".join(map(repr, missing))
            raise LayoutMismatchError(f"{file.path}: no column {names}; the file has {', '.join(found)}")
