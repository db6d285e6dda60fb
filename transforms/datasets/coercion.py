"""Vectorized conversion of input tables to rows of a dataset: names, types, times, and detection of invalid rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ERRORS, Column, DatasetSchema
from schemas.dataset import MAX_CHARACTERS
from transforms.datasets.casting import cast, fits, is_text, plain_values, without_views
from transforms.datasets.column_options import LEFT_OUT, TimestampUnit
from transforms.text_cleaning.columns import clean_column, clean_titles, count_longer, cut_column

FILE = pa.field("file", pa.dictionary(pa.int32(), pa.string()), nullable=False)
ROW = pa.field("row", pa.int64(), nullable=False)
"""The provenance of an input row. Rows keep these two columns until they are fully validated."""

_PAYLOAD_CHARACTERS = 1000
_CLEANERS = {"title": clean_titles, "text": clean_column}


class ColumnError(ValueError):
    """A file lacks a column, or the column has an incompatible type."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Coerced(NamedTuple):
    """Rows of a file after coercion.

    Attributes:
        rows: the valid rows: the columns of the dataset, then `file` and `row`.
        errors: the invalid rows, as rows of `errors`.
        left_out: by optional column, the number of values without a certain meaning, which became null.
        cut: by column, the number of texts with more than `MAX_CHARACTERS` characters, which were cut.
    """

    rows: pa.RecordBatch
    errors: pa.RecordBatch
    left_out: dict[str, int]
    cut: dict[str, int]


def select_columns(
    found: pa.Schema, schema: DatasetSchema, renamed: Mapping[str, str], separator: str = ""
) -> dict[str, str]:
    """Map the columns of a dataset to those of a file.

    An optional column whose values have no certain meaning is left out, unless it was renamed.

    Args:
        found: the schema of the file.
        schema: the dataset.
        renamed: dataset column -> file column, for names that differ; `LEFT_OUT` for columns that are not read.
        separator: what separates the tags in a text.

    Returns:
        Dataset column -> file column, for the columns that the file has.

    Raises:
        ColumnError: when required or renamed columns are missing or a column's type does not fit.
    """
    if missing := missing_columns(found, schema, renamed):
        names = ", ".join(repr(name) for name in missing.values())
        raise ColumnError("missing_column", f"no column {names}; the file has {', '.join(found.names)}")
    selected = {}
    for column, name in _present(found, schema, renamed):
        if found.names.count(name) > 1:
            raise ColumnError("ambiguous_column", f"the file has {found.names.count(name)} columns {name!r}")
        type_ = found.field(name).type
        if fits(type_, column, separator):
            selected[column.name] = name
        elif not column.optional or column.name in renamed:
            raise ColumnError("wrong_type", f"column {name!r} is {type_}, which cannot be read as {column.type}")
    return selected


def missing_columns(found: pa.Schema, schema: DatasetSchema, renamed: Mapping[str, str]) -> dict[str, str]:
    """Return dataset column -> name, for the required and the renamed columns that a file lacks."""
    names = {column.name: renamed.get(column.name, column.name) for column in schema.columns}
    required = {column.name for column in schema.columns if not column.optional}
    return {
        column: name
        for column, name in names.items()
        if name not in found.names and (column in required or (column in renamed and name != LEFT_OUT))
    }


def left_out_columns(
    found: pa.Schema, schema: DatasetSchema, renamed: Mapping[str, str], separator: str = ""
) -> dict[str, str]:
    """Return the optional columns of a file whose values have no certain meaning, with their types as text."""
    return {
        column.name: str(found.field(name).type)
        for column, name in _present(found, schema, renamed)
        if column.optional and not fits(found.field(name).type, column, separator)
    }


def left_out_slice(column: str, type_: str) -> str:
    """Return the slice of the metric of columns that are left out: the column of the dataset and its type in a file."""
    return f"{column}: {type_}"


def _present(found: pa.Schema, schema: DatasetSchema, renamed: Mapping[str, str]) -> list[tuple[Column, str]]:
    named = [(column, renamed.get(column.name, column.name)) for column in schema.columns]
    return [(column, name) for column, name in named if name in found.names and name != LEFT_OUT]


def coerce(
    raw: pa.RecordBatch,
    schema: DatasetSchema,
    selected: Mapping[str, str],
    file: str,
    first_row: int | pa.Int64Array,
    unit: TimestampUnit = "auto",
    separator: str = "",
) -> Coerced:
    """Cast rows of a file to the types of a dataset, check all invariants, and separate valid from invalid rows.

    Args:
        raw: rows of a file, with the columns of `selected`.
        schema: the dataset.
        selected: dataset column -> file column, the result of `select_columns`.
        file: path of the file, for `errors`.
        first_row: position of the first row in the file, or the position of each row.
        unit: the unit of numbers in a timestamp column.
        separator: what separates the tags in a text.

    Returns:
        The valid rows, with the types of the dataset, and the invalid ones, each with the first reason that applies.
    """
    read = [_read_column(raw, column, selected, unit, separator) for column in schema.columns]
    rows = pa.RecordBatch.from_arrays(
        [each.values for each in read],
        schema=pa.schema([pa.field(column.name, column.type) for column in schema.columns]),
    )
    numbers = pa.array(np.arange(first_row, first_row + raw.num_rows)) if isinstance(first_row, int) else first_row
    reasons = _reasons(rows, schema, read)
    is_valid = pc.is_null(reasons)
    left_out = {
        column.name: _count(each.unreadable)
        for column, each in zip(schema.columns, read, strict=True)
        if column.optional and each.unreadable is not None
    }
    left_out = {name: number for name, number in left_out.items() if number}
    cut = {column.name: each.cut for column, each in zip(schema.columns, read, strict=True) if each.cut}
    valid = _add_provenance(rows, file, numbers)
    if reasons.null_count == len(reasons):
        return Coerced(clean_texts(valid, schema), _no_errors(), left_out, cut)
    is_invalid = pc.invert(is_valid)
    names = list(dict.fromkeys(selected.values()))
    return Coerced(
        clean_texts(valid.filter(is_valid), schema),
        error_rows(
            schema.name,
            pa.DictionaryArray.from_arrays(pa.array(np.zeros(raw.num_rows, np.int32)), [file]).filter(is_invalid),
            numbers.filter(is_invalid),
            reasons.filter(is_invalid),
            pa.RecordBatch.from_arrays([_filterable(raw[name]) for name in names], names=names).filter(is_invalid),
        ),
        left_out,
        cut,
    )


class _ReadColumn(NamedTuple):
    """One column of a dataset, read from a file.

    Attributes:
        values: the values; null where they are not UTF-8 or could not be read.
        unreadable: whether a value could not be read; None: all could.
        problem: what is wrong with the unreadable values; an array: with each of them.
        broken: whether text is not UTF-8; None: all is.
        cut: number of texts that were too long.
    """

    values: pa.Array
    unreadable: pa.BooleanArray | None = None
    problem: str | pa.StringArray = ""
    broken: pa.BooleanArray | None = None
    cut: int = 0


def _read_column(
    raw: pa.RecordBatch, column: Column, selected: Mapping[str, str], unit: TimestampUnit, separator: str
) -> _ReadColumn:
    if column.name not in selected:
        return _ReadColumn(pa.nulls(raw.num_rows, column.type))
    array = plain_values(raw[selected[column.name]])
    if is_text(array.type):
        array, broken = _without_broken_text(array)
        values, unreadable, problem = cast(array, column, unit, separator)
    else:
        values, unreadable, problem = cast(array, column, unit, separator)
        values, broken = _without_broken_text(values)
    cut = count_longer(values, MAX_CHARACTERS) if column.written_as else 0
    if cut:
        values = cut_column(values, MAX_CHARACTERS)
    return _ReadColumn(values, unreadable, problem, broken, cut)


def _without_broken_text(array: pa.Array) -> tuple[pa.Array, pa.BooleanArray | None]:
    """Replace text that is not UTF-8 by null, and return where it was."""
    nested = pa.types.is_list(array.type) and is_text(array.type.value_type)
    if not (is_text(array.type) or nested) or is_valid_text(array):
        return array, None
    array = array if nested else array.cast(pa.binary()).cast(pa.string(), safe=False)
    sound = is_utf8(array)
    return pc.if_else(sound, array, pa.scalar(None, array.type)), pc.invert(sound)


def _count(holds: pa.BooleanArray) -> int:
    return pc.sum(holds).as_py() or 0


def clean_texts(rows: pa.RecordBatch, schema: DatasetSchema) -> pa.RecordBatch:
    """Clean the texts of valid rows that people wrote (`Column.written_as`); other columns stay as they are."""
    cleaners = {column.name: _CLEANERS[column.written_as] for column in schema.columns if column.written_as}
    columns = [
        cleaners[name](column) if name in cleaners else column
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _filterable(column: pa.Array) -> pa.Array:
    """Convert extension types, and views of texts and octets, which Arrow cannot filter."""
    column = plain_values(column)
    return column.cast(without_views(column.type))


def _no_errors() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], ERRORS.arrow)


def _add_provenance(rows: pa.RecordBatch, file: str, numbers: pa.Int64Array) -> pa.RecordBatch:
    files = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows.num_rows, np.int32)), [file])
    return pa.RecordBatch.from_arrays([*rows.columns, files, numbers], schema=pa.schema([*rows.schema, FILE, ROW]))


def with_provenance(schema: DatasetSchema) -> pa.Schema:
    """Return the schema of `Coerced.rows`: the columns of a dataset, then `file` and `row`."""
    return pa.schema([*(pa.field(column.name, column.type) for column in schema.columns), FILE, ROW])


def _reasons(rows: pa.RecordBatch, schema: DatasetSchema, read: list[_ReadColumn]) -> pa.StringArray:
    """Return for each row the first reason that applies, or null for a valid row.

    Text that is not UTF-8 comes first, then values of required columns that could not be read, then invariants.
    """
    reasons = pa.nulls(rows.num_rows, pa.string())
    for invariant in reversed(schema.all_invariants()):
        passed = invariant.check(rows)
        if not pc.all(passed).as_py():
            reasons = pc.if_else(passed, reasons, invariant.reason)
    for column, each in zip(schema.columns, read, strict=True):
        if each.unreadable is not None and not column.optional and _count(each.unreadable):
            problems = pc.binary_join_element_wise(column.name, each.problem, "_")
            reasons = pc.if_else(each.unreadable, problems, reasons)
    for column, each in zip(schema.columns, read, strict=True):
        if each.broken is not None:
            reasons = pc.if_else(each.broken, f"{column.name}_not_utf8", reasons)
    return reasons


def is_valid_text(array: pa.Array) -> bool:
    """Whether all text of an array is UTF-8, which parquet files declare but do not enforce."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def is_utf8(column: pa.Array) -> pa.BooleanArray:
    """Return for each row whether its text, or all text in its list, is UTF-8."""
    if pa.types.is_list(column.type):
        broken = pc.list_parent_indices(column).filter(pc.invert(is_utf8(column.flatten())))
        return pc.invert(pc.is_in(pa.array(np.arange(len(column))), broken.cast(pa.int64())))
    octets = column.cast(pa.binary()).to_pylist()
    return pa.array([value is None or value.decode(errors="replace").encode() == value for value in octets])


def error_rows(
    dataset: str, files: pa.Array, rows: pa.Array, reasons: pa.StringArray | str, values: pa.RecordBatch
) -> pa.RecordBatch:
    """Build rows of `errors` for rows of an input.

    Args:
        dataset: name of the input dataset.
        files: the file of each row.
        rows: the position of each row in its file.
        reasons: the reason of each row, or one reason for all.
        values: the values of each row, which become text.
    """
    count = values.num_rows
    return pa.RecordBatch.from_arrays(
        [
            pa.array([dataset] * count, pa.string()),
            files.cast(pa.string()),
            rows.cast(pa.int64()),
            pa.array([reasons] * count, pa.string()) if isinstance(reasons, str) else reasons,
            _payloads(values),
        ],
        schema=ERRORS.arrow,
    )


def file_error(dataset: str, file: str, first_row: int | None, reason: str, message: str) -> pa.RecordBatch:
    """Build the row of `errors` for an unreadable file or row group."""
    row = {"dataset": dataset, "file": file, "row": first_row, "reason": reason, "payload": message}
    return pa.RecordBatch.from_pylist([row], ERRORS.arrow)


def _payloads(values: pa.RecordBatch) -> pa.StringArray:
    """Format each row as `name=value` of its columns, joined by spaces."""
    parts = [
        pc.binary_join_element_wise(f"{name}=", pc.fill_null(_as_text(column), "null"), "")
        for name, column in zip(values.schema.names, values.columns, strict=True)
    ]
    payloads = pc.binary_join_element_wise(*parts, " ")
    if not is_valid_text(payloads):
        payloads = pa.array([octets.decode(errors="replace") for octets in payloads.cast(pa.binary()).to_pylist()])
    return pc.utf8_slice_codeunits(payloads, 0, _PAYLOAD_CHARACTERS)


def _as_text(column: pa.Array) -> pa.StringArray:
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))  # this machine may not have the zone
    if pa.types.is_fixed_size_binary(column.type) or pa.types.is_duration(column.type):
        return pa.array([_shown(value) for value in column], pa.string())
    if pa.types.is_nested(column.type):
        return pa.array([_json(value) for value in column], pa.string())
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type) or pa.types.is_binary_view(column.type):
        return column.cast(pa.binary()).cast(pa.string(), safe=False)
    return column.cast(pa.string())


def _shown(value: pa.Scalar) -> str | None:
    if not value.is_valid:
        return None
    return value.as_py().hex() if pa.types.is_fixed_size_binary(value.type) else f"{value.value}{value.type.unit}"


def _json(value: pa.Scalar) -> str | None:
    try:
        return json.dumps(value.as_py(), ensure_ascii=False, default=_plain) if value.is_valid else None
    except UnicodeDecodeError:
        return "not UTF-8"


def _plain(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
