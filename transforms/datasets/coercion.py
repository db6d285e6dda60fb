"""Vectorized conversion of input tables to rows of a dataset: names, types, times, and detection of invalid rows."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from schemas import ERRORS, DatasetSchema
from schemas.interactions import EARLIEST, LATEST
from transforms.text_cleaning.columns import clean_column, clean_titles

TimestampUnit = Literal["auto", "s", "ms", "us", "ns"]

FILE = pa.field("file", pa.dictionary(pa.int32(), pa.string()), nullable=False)
ROW = pa.field("row", pa.int64(), nullable=False)
"""The provenance of an input row. Rows keep these two columns until they are fully validated."""

_PAYLOAD_CHARACTERS = 1000
_PER_SECOND = {"D": 1 / 86400, "s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_AUTO_LIMITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (np.inf, "ns"))

_CLEANERS = {"title": clean_titles, "text": clean_column}

Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]


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
    """

    rows: pa.RecordBatch
    errors: pa.RecordBatch


def select_columns(found: pa.Schema, schema: DatasetSchema, renamed: Mapping[str, str]) -> dict[str, str]:
    """Map the columns of a dataset to those of a file.

    Args:
        found: the schema of the file.
        schema: the dataset.
        renamed: dataset column -> file column, for names that differ.

    Returns:
        Dataset column -> file column, for the columns that the file has.

    Raises:
        ColumnError: when a required or renamed column is missing or a column's type does not fit.
    """
    selected = {}
    for column in schema.columns:
        name = renamed.get(column.name, column.name)
        if name not in found.names:
            if column.optional and column.name not in renamed:
                continue
            raise ColumnError("missing_column", f"no column {name!r}; the file has {', '.join(found.names)}")
        if found.names.count(name) > 1:
            raise ColumnError("ambiguous_column", f"the file has {found.names.count(name)} columns {name!r}")
        if not _fits(found.field(name).type, column.type):
            raise ColumnError(
                "wrong_type", f"column {name!r} is {found.field(name).type}, which cannot be read as {column.type}"
            )
        selected[column.name] = name
    return selected


def _plain(type_: pa.DataType) -> pa.DataType:
    return type_.value_type if pa.types.is_dictionary(type_) else type_


def _is_text(type_: pa.DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)


def _fits(found: pa.DataType, wanted: pa.DataType) -> bool:
    found = _plain(found)
    if pa.types.is_null(found) or found == wanted:
        return True
    if pa.types.is_string(wanted):
        return _is_text(found) or pa.types.is_integer(found)
    if pa.types.is_timestamp(wanted):
        return pa.types.is_timestamp(found) or pa.types.is_date(found) or _is_number(found)
    if pa.types.is_list(wanted):
        return _is_list(found) and _fits(found.value_type, wanted.value_type)
    return _is_number(found) or pa.types.is_decimal(found)


def _is_list(type_: pa.DataType) -> bool:
    return pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)


def _is_number(type_: pa.DataType) -> bool:
    return pa.types.is_integer(type_) or pa.types.is_floating(type_)


def coerce(
    raw: pa.RecordBatch,
    schema: DatasetSchema,
    selected: Mapping[str, str],
    file: str,
    first_row: int,
    unit: TimestampUnit = "auto",
) -> Coerced:
    """Cast rows of a file to the types of a dataset, check all invariants, and separate valid from invalid rows.

    Args:
        raw: rows of a file, with the columns of `selected`.
        schema: the dataset.
        selected: dataset column -> file column, the result of `select_columns`.
        file: path of the file, for `errors`.
        first_row: position of the first row in the file.
        unit: the unit of numbers in a timestamp column.

    Returns:
        The valid rows, with the types of the dataset, and the invalid ones, each with the first reason that applies.
    """
    rows = pa.RecordBatch.from_arrays(
        [
            _cast(raw[selected[column.name]], column.type, unit)
            if column.name in selected
            else pa.nulls(raw.num_rows, column.type)
            for column in schema.columns
        ],
        schema=pa.schema([pa.field(column.name, column.type) for column in schema.columns]),
    )
    numbers = pa.array(np.arange(first_row, first_row + raw.num_rows))
    reasons = _reasons(rows, schema)
    is_valid = pc.is_null(reasons)
    valid = _add_provenance(rows, file, numbers)
    if reasons.null_count == len(reasons):
        return Coerced(clean_texts(valid, schema), _no_errors())
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
    )


def clean_texts(rows: pa.RecordBatch, schema: DatasetSchema) -> pa.RecordBatch:
    """Clean the texts of valid rows that people wrote (`Column.written_as`); other columns stay as they are."""
    cleaners = {column.name: _CLEANERS[column.written_as] for column in schema.columns if column.written_as}
    columns = [
        cleaners[name](column) if name in cleaners else column
        for name, column in zip(rows.schema.names, rows.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def _filterable(column: pa.Array) -> pa.Array:
    """Convert string views, which Arrow cannot filter, to strings."""
    if pa.types.is_string_view(column.type):
        return column.cast(pa.string())
    if pa.types.is_nested(column.type) and pa.types.is_string_view(column.type.value_type):
        return _cast(column, pa.list_(pa.string()), "auto")
    return column


def _no_errors() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], ERRORS.arrow)


def _add_provenance(rows: pa.RecordBatch, file: str, numbers: pa.Int64Array) -> pa.RecordBatch:
    files = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows.num_rows, np.int32)), [file])
    return pa.RecordBatch.from_arrays([*rows.columns, files, numbers], schema=pa.schema([*rows.schema, FILE, ROW]))


def with_provenance(schema: DatasetSchema) -> pa.Schema:
    """Return the schema of `Coerced.rows`: the columns of a dataset, then `file` and `row`."""
    return pa.schema([*(pa.field(column.name, column.type) for column in schema.columns), FILE, ROW])


def _reasons(rows: pa.RecordBatch, schema: DatasetSchema) -> pa.StringArray:
    """Return for each row `<column>_not_utf8`, or else the first violated invariant, or null for a valid row."""
    reasons = pa.nulls(rows.num_rows, pa.string())
    for invariant in reversed(schema.all_invariants()):
        passed = invariant.check(rows)
        if not pc.all(passed).as_py():
            reasons = pc.if_else(passed, reasons, invariant.reason)
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if not _is_valid_text(column):
            reasons = pc.if_else(_is_utf8(column), reasons, f"{name}_not_utf8")
    return reasons


def _is_valid_text(array: pa.Array) -> bool:
    """Whether all text of an array is UTF-8, which parquet files declare but do not enforce."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_utf8(column: pa.Array) -> pa.BooleanArray:
    """Return for each row whether its text, or all text in its list, is UTF-8."""
    if pa.types.is_list(column.type):
        broken = pc.list_parent_indices(column).filter(pc.invert(_is_utf8(column.flatten())))
        return pc.invert(pc.is_in(pa.array(np.arange(len(column))), broken.cast(pa.int64())))
    octets = column.cast(pa.binary()).to_pylist()
    return pa.array([value is None or value.decode(errors="replace").encode() == value for value in octets])


def _cast(array: pa.Array, wanted: pa.DataType, unit: TimestampUnit) -> pa.Array:
    if pa.types.is_dictionary(array.type):
        array = array.cast(array.type.value_type)
    if array.type == wanted:
        return array
    if pa.types.is_timestamp(wanted) and not pa.types.is_null(array.type):
        return _cast_timestamp(array, unit)
    if pa.types.is_list(wanted) and not pa.types.is_null(array.type):
        if pa.types.is_fixed_size_list(array.type):
            array = array.cast(pa.list_(array.type.value_type))
        offsets = pa.array(
            array.offsets.to_numpy().astype(np.int32)
        )  # a copy, because offsets of slices do not support a mask
        values = _cast(array.values, wanted.value_type, unit)
        return pa.ListArray.from_arrays(offsets, values, mask=array.is_null())
    return array.cast(wanted)


def _cast_timestamp(array: pa.Array, unit: TimestampUnit) -> pa.TimestampArray:
    """Convert to microseconds since 1970 UTC; values out of range become a time that violates the invariant."""
    nulls = array.is_null()
    number_unit: str = unit
    if pa.types.is_timestamp(array.type):
        number_unit = array.type.unit
    elif pa.types.is_date32(array.type):
        number_unit, array = "D", array.cast(pa.int32())
    elif pa.types.is_date64(array.type):
        number_unit = "ms"
    elif pa.types.is_floating(array.type):
        array = array.cast(pa.float64())
        nulls = pc.or_(nulls, pc.is_nan(array.fill_null(0)))
    elif pa.types.is_uint64(array.type):
        array = pc.min_element_wise(array, pa.scalar(2**63 - 1, pa.uint64()))
    numbers = (array if pa.types.is_floating(array.type) else array.cast(pa.int64())).fill_null(0).to_numpy()
    microseconds = _auto_microseconds(numbers) if number_unit == "auto" else _to_microseconds(numbers, number_unit)
    return pa.array(microseconds, mask=nulls.to_numpy(zero_copy_only=False)).cast(pa.timestamp("us", tz="UTC"))


def _seconds(time: datetime.datetime) -> int:
    return int(time.timestamp())


_OUT_OF_RANGE = _seconds(LATEST) * 10**6


def _to_microseconds(numbers: Numbers, unit: str) -> npt.NDArray[np.int64]:
    """Convert numbers of `unit` since 1970 to microseconds; those out of range become the upper end of the range."""
    per_second = _PER_SECOND[unit]
    inside = (numbers >= int(_seconds(EARLIEST) * per_second)) & (numbers < int(_seconds(LATEST) * per_second))
    safe = np.where(inside, numbers, 0)
    # Within the range, a float64 represents microseconds exactly.
    microseconds = safe.astype(np.int64) // 1000 if unit == "ns" else np.rint(safe * int(10**6 / per_second))
    return np.where(inside, microseconds, _OUT_OF_RANGE).astype(np.int64)


def _auto_microseconds(numbers: Numbers) -> npt.NDArray[np.int64]:
    """Convert each number by the unit inferred from its own size, independently of the other numbers."""
    size = np.abs(numbers.astype(np.float64))
    microseconds = np.full(len(numbers), _OUT_OF_RANGE)
    low = -1.0
    for limit, unit in _AUTO_LIMITS:
        chosen = (size > low) & (size <= limit)
        microseconds[chosen] = _to_microseconds(numbers[chosen], unit)
        low = limit
    return microseconds


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
    if not _is_valid_text(payloads):
        payloads = pa.array([octets.decode(errors="replace") for octets in payloads.cast(pa.binary()).to_pylist()])
    return pc.utf8_slice_codeunits(payloads, 0, _PAYLOAD_CHARACTERS)


def _as_text(column: pa.Array) -> pa.StringArray:
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))  # this machine may not have the zone
    if pa.types.is_nested(column.type):
        return pa.array([_json(value) for value in column], pa.string())
    return column.cast(pa.string())


def _json(value: pa.Scalar) -> str | None:
    try:
        return json.dumps(value.as_py(), ensure_ascii=False, default=str) if value.is_valid else None
    except UnicodeDecodeError:
        return "not UTF-8"
