"""From a table as somebody wrote it to rows of a dataset, vectorised: names, types, times, and what is wrong."""

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

TimestampUnit = Literal["auto", "s", "ms", "us", "ns"]

FILE = pa.field("file", pa.dictionary(pa.int32(), pa.string()), nullable=False)
ROW = pa.field("row", pa.int64(), nullable=False)
"""Where a row came from. The two columns travel with input rows until nothing can be wrong with them any more."""

_PAYLOAD_CHARACTERS = 1000
_PER_SECOND = {"D": 1 / 86400, "s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_AUTO_LIMITS = ((1e11, "s"), (1e14, "ms"), (1e17, "us"), (np.inf, "ns"))

Numbers = npt.NDArray[np.int64] | npt.NDArray[np.float64]


class ColumnError(ValueError):
    """A file lacks a column or has it in a type that cannot be what the dataset needs."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Coerced(NamedTuple):
    """Rows of a file after coercion.

    Attributes:
        rows: the good ones: the dataset's columns, then `file` and `row`.
        errors: the others, as rows of `errors`.
    """

    rows: pa.RecordBatch
    errors: pa.RecordBatch


def select_columns(found: pa.Schema, schema: DatasetSchema, renamed: Mapping[str, str]) -> dict[str, str]:
    """Which column of a file feeds which column of the dataset.

    Args:
        found: the file's schema.
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
    """Casts, checks every invariant, and parts good rows from bad.

    Args:
        raw: rows of a file, with the columns that `selected` names.
        schema: the dataset.
        selected: dataset column -> file column, as `select_columns` gives it.
        file: path of the file, for `errors`.
        first_row: position of the first row in the file.
        unit: what numbers in a timestamp column count.

    Returns:
        The good rows, typed as the dataset says, and the bad ones with the first reason that applies to each.
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
    good = pc.is_null(reasons)
    located = _locate(rows, file, numbers)
    if reasons.null_count == len(reasons):
        return Coerced(located, _no_errors())
    bad = pc.invert(good)
    names = list(dict.fromkeys(selected.values()))
    return Coerced(
        located.filter(good),
        error_rows(
            schema.name,
            pa.DictionaryArray.from_arrays(pa.array(np.zeros(raw.num_rows, np.int32)), [file]).filter(bad),
            numbers.filter(bad),
            reasons.filter(bad),
            pa.RecordBatch.from_arrays([_filterable(raw[name]) for name in names], names=names).filter(bad),
        ),
    )


def _filterable(column: pa.Array) -> pa.Array:
    """The same values in a type that Arrow can filter, which views of strings are not."""
    if pa.types.is_string_view(column.type):
        return column.cast(pa.string())
    if pa.types.is_nested(column.type) and pa.types.is_string_view(column.type.value_type):
        return _cast(column, pa.list_(pa.string()), "auto")
    return column


def _no_errors() -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist([], ERRORS.arrow)


def _locate(rows: pa.RecordBatch, file: str, numbers: pa.Int64Array) -> pa.RecordBatch:
    files = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows.num_rows, np.int32)), [file])
    return pa.RecordBatch.from_arrays([*rows.columns, files, numbers], schema=pa.schema([*rows.schema, FILE, ROW]))


def with_provenance(schema: DatasetSchema) -> pa.Schema:
    """Schema of `Coerced.rows`."""
    return pa.schema([*(pa.field(column.name, column.type) for column in schema.columns), FILE, ROW])


def _reasons(rows: pa.RecordBatch, schema: DatasetSchema) -> pa.StringArray:
    """For each row `<column>_not_utf8` where its text is none, else the first invariant it breaks, or null."""
    reasons = pa.nulls(rows.num_rows, pa.string())
    for invariant in reversed(schema.all_invariants()):
        holds = invariant.check(rows)
        if not pc.all(holds).as_py():
            reasons = pc.if_else(holds, reasons, invariant.reason)
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if not _is_sound(column):
            reasons = pc.if_else(_is_utf8(column), reasons, f"{name}_not_utf8")
    return reasons


def _is_sound(array: pa.Array) -> bool:
    """Whether all text in an array is UTF-8, which files say but nothing enforces."""
    try:
        array.validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _is_utf8(column: pa.Array) -> pa.BooleanArray:
    """For each row whether its text, or all text in its list, is UTF-8."""
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
        offsets = pa.array(array.offsets.to_numpy().astype(np.int32))  # a copy, since slices cannot be masked
        values = _cast(array.values, wanted.value_type, unit)
        return pa.ListArray.from_arrays(offsets, values, mask=array.is_null())
    return array.cast(wanted)


def _cast_timestamp(array: pa.Array, unit: TimestampUnit) -> pa.TimestampArray:
    """Microseconds since 1970 UTC. What does not fit becomes a time that the schema's invariant refuses."""
    nulls = array.is_null()
    known: str = unit
    if pa.types.is_timestamp(array.type):
        known = array.type.unit
    elif pa.types.is_date32(array.type):
        known, array = "D", array.cast(pa.int32())
    elif pa.types.is_date64(array.type):
        known = "ms"
    elif pa.types.is_floating(array.type):
        array = array.cast(pa.float64())
        nulls = pc.or_(nulls, pc.is_nan(array.fill_null(0)))
    elif pa.types.is_uint64(array.type):
        array = pc.min_element_wise(array, pa.scalar(2**63 - 1, pa.uint64()))
    numbers = (array if pa.types.is_floating(array.type) else array.cast(pa.int64())).fill_null(0).to_numpy()
    microseconds = _auto_microseconds(numbers) if known == "auto" else _to_microseconds(numbers, known)
    return pa.array(microseconds, mask=nulls.to_numpy(zero_copy_only=False)).cast(pa.timestamp("us", tz="UTC"))


def _seconds(time: datetime.datetime) -> int:
    return int(time.timestamp())


_BEYOND = _seconds(LATEST) * 10**6


def _to_microseconds(numbers: Numbers, unit: str) -> npt.NDArray[np.int64]:
    """Numbers of `unit` since 1970 as microseconds; what lies outside the schema's range becomes its upper end."""
    per_second = _PER_SECOND[unit]
    inside = (numbers >= int(_seconds(EARLIEST) * per_second)) & (numbers < int(_seconds(LATEST) * per_second))
    safe = np.where(inside, numbers, 0)
    # Inside the range, microseconds are whole numbers that a float64 holds exactly.
    microseconds = safe.astype(np.int64) // 1000 if unit == "ns" else np.rint(safe * int(10**6 / per_second))
    return np.where(inside, microseconds, _BEYOND).astype(np.int64)


def _auto_microseconds(numbers: Numbers) -> npt.NDArray[np.int64]:
    """Each number in the unit that its own size suggests, so that the answer does not depend on its neighbours."""
    size = np.abs(numbers.astype(np.float64))
    microseconds = np.full(len(numbers), _BEYOND)
    low = -1.0
    for limit, unit in _AUTO_LIMITS:
        chosen = (size > low) & (size <= limit)
        microseconds[chosen] = _to_microseconds(numbers[chosen], unit)
        low = limit
    return microseconds


def error_rows(
    dataset: str, files: pa.Array, rows: pa.Array, reasons: pa.StringArray | str, values: pa.RecordBatch
) -> pa.RecordBatch:
    """Rows of `errors` for rows of an input.

    Args:
        dataset: name of the dataset that was read.
        files: for each row the file it came from.
        rows: its position there.
        reasons: why it cannot be used, for each row or for all.
        values: its values; written out as text.
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
    """The one row of `errors` for a file, or a row group, that cannot be read."""
    row = {"dataset": dataset, "file": file, "row": first_row, "reason": reason, "payload": message}
    return pa.RecordBatch.from_pylist([row], ERRORS.arrow)


def _payloads(values: pa.RecordBatch) -> pa.StringArray:
    """`name=value` for each column, joined by a space."""
    parts = [
        pc.binary_join_element_wise(f"{name}=", pc.fill_null(_as_text(column), "null"), "")
        for name, column in zip(values.schema.names, values.columns, strict=True)
    ]
    payloads = pc.binary_join_element_wise(*parts, " ")
    if not _is_sound(payloads):
        payloads = pa.array([octets.decode(errors="replace") for octets in payloads.cast(pa.binary()).to_pylist()])
    return pc.utf8_slice_codeunits(payloads, 0, _PAYLOAD_CHARACTERS)


def _as_text(column: pa.Array) -> pa.StringArray:
    if pa.types.is_timestamp(column.type) and column.type.tz is not None:
        column = column.cast(pa.timestamp(column.type.unit, "UTC"))  # the zone may be one that this machine lacks
    if pa.types.is_nested(column.type):
        return pa.array([_json(value) for value in column], pa.string())
    return column.cast(pa.string())


def _json(value: pa.Scalar) -> str | None:
    try:
        return json.dumps(value.as_py(), ensure_ascii=False, default=str) if value.is_valid else None
    except UnicodeDecodeError:
        return "not UTF-8"
