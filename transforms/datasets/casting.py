"""Conversion of a column of a file to the type of a column of a dataset, where the meaning of its values is certain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from schemas import Column
from transforms.datasets.number_meanings import problems_of_numbers
from transforms.datasets.times import Times, times_of_numbers, times_of_texts
from transforms.datasets.written_lists import NAME_FIELDS, lists_of_texts

_EXACT_INTEGERS = {"halffloat": 2**11, "float": 2**24, "double": 2**53}
"""Above, neighbouring integers are the same float, so that different ids may have become equal."""
_INTEGER = pa.decimal256(76, 0)
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_NULL_NUMBERS = pa.array(["", "null", "none", "nan", "n/a", "<na>", "\\n"])
_UUID_BYTES = 16
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class Casted(NamedTuple):
    """A column after conversion.

    Attributes:
        values: the values, of the type of the dataset's column; null where a value could not be read.
        unreadable: whether a value that is not null could not be read; None: all could.
        problem: what is wrong with the unreadable values, for the reason in `errors`; an array: with each of them.
    """

    values: pa.Array
    unreadable: pa.BooleanArray | None = None
    problem: str | pa.StringArray = ""


def fits(found: pa.DataType, column: Column, separator: str = "") -> bool:
    """Return whether values of a type of a file have a certain meaning as values of a column.

    Args:
        found: the type in the file.
        column: the column of the dataset.
        separator: what separates the tags in a text; empty: a text is no list of tags.
    """
    found, wanted = plain_type(found), column.type
    if pa.types.is_null(found) or found == wanted:
        return True
    if pa.types.is_string(wanted):
        return _fits_text(found) or (column.nullable and _fits_nullable_text(found, column))
    if pa.types.is_timestamp(wanted):
        return pa.types.is_timestamp(found) or pa.types.is_date(found) or _is_number(found) or is_text(found)
    if pa.types.is_list(wanted):
        return _fits_list(found, wanted.value_type, separator)
    return _fits_number(found, column)


def plain_type(type_: pa.DataType) -> pa.DataType:
    """Return the type of the values of a dictionary or an extension type, or the type itself."""
    if isinstance(type_, pa.BaseExtensionType):
        return plain_type(type_.storage_type)
    return plain_type(type_.value_type) if pa.types.is_dictionary(type_) else type_


def is_text(type_: pa.DataType) -> bool:
    """Return whether a type is text, of any layout."""
    return pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_string_view(type_)


def _is_binary(type_: pa.DataType) -> bool:
    return pa.types.is_binary(type_) or pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_)


def _is_number(type_: pa.DataType) -> bool:
    return pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_decimal(type_)


def _is_list(type_: pa.DataType) -> bool:
    is_usual = pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)
    return is_usual or _is_list_view(type_)


def _is_list_view(type_: pa.DataType) -> bool:
    return pa.types.is_list_view(type_) or pa.types.is_large_list_view(type_)


def explain_null_lists(error: Exception, types: Mapping[str, pa.DataType]) -> Exception:
    """Return the error of reading columns, with what to do about lists of a fixed size that Arrow cannot read."""
    fixed = [name for name, type_ in types.items() if pa.types.is_fixed_size_list(type_)]
    if not fixed or "Expected all lists to be of size" not in str(error):
        return error
    return ValueError(
        f"{error}: lists of a fixed size, in column {', '.join(map(repr, fixed))}, cannot be null in parquet; write "
        "the column as lists of any size, or leave it out if it is optional, by an empty name: --item_columns=tags="
    )


def _fits_text(found: pa.DataType) -> bool:
    return is_text(found) or _is_binary(found) or pa.types.is_fixed_size_binary(found) or _is_number(found)


def _fits_nullable_text(found: pa.DataType, column: Column) -> bool:
    if pa.types.is_boolean(found):
        return not column.list_separator
    if _is_list(found) and column.list_separator:
        return _fits_element(plain_type(found.value_type))
    return bool(column.list_separator) and _text_field(found) is not None


def _fits_list(found: pa.DataType, element: pa.DataType, separator: str) -> bool:
    if pa.types.is_string(element):
        return (_is_list(found) and _fits_element(plain_type(found.value_type))) or (bool(separator) and is_text(found))
    return _is_list(found) and _is_number(plain_type(found.value_type))


def _fits_element(found: pa.DataType) -> bool:
    is_plain = is_text(found) or _is_binary(found) or pa.types.is_integer(found) or pa.types.is_null(found)
    return is_plain or _text_field(found) is not None


def _text_field(type_: pa.DataType) -> str | None:
    """Return the field of a struct that names it: one of the usual name, or its only text."""
    if not pa.types.is_struct(type_):
        return None
    texts = [field.name for field in type_ if is_text(plain_type(field.type))]
    return next((name for name in NAME_FIELDS if name in texts), texts[0] if len(texts) == 1 else None)


def _fits_number(found: pa.DataType, column: Column) -> bool:
    if _is_number(found) or is_text(found):
        return True
    return pa.types.is_duration(found) if column.is_seconds else pa.types.is_boolean(found)


def without_views(type_: pa.DataType) -> pa.DataType:
    """Return a type of the same values without views of texts and octets, which Arrow cannot filter."""
    if pa.types.is_string_view(type_):
        return pa.large_string()
    if pa.types.is_binary_view(type_):
        return pa.large_binary()
    if pa.types.is_struct(type_):
        return pa.struct([field.with_type(without_views(field.type)) for field in type_])
    if pa.types.is_map(type_):
        return pa.map_(without_views(type_.key_type), without_views(type_.item_type))
    if pa.types.is_fixed_size_list(type_):
        return pa.list_(without_views(type_.value_type), type_.list_size)
    if pa.types.is_list(type_) or pa.types.is_large_list(type_):
        return pa.large_list(without_views(type_.value_type))
    return type_


def cast(array: pa.Array, column: Column, unit: str = "auto", separator: str = "") -> Casted:
    """Convert values of a file to the type of a column of a dataset.

    Args:
        array: the values, of a type that `fits`.
        column: the column.
        unit: the unit of numbers in a column of times.
        separator: what separates the tags in a text.
    """
    casted = _cast(plain_values(array), column, unit, separator)
    if column.is_id:
        return casted._replace(values=pc.utf8_trim_whitespace(casted.values))
    if column.optional and pa.types.is_floating(column.type):
        return _finite(casted)
    return casted


def _cast(array: pa.Array, column: Column, unit: str, separator: str) -> Casted:
    wanted = column.type
    if array.type == wanted:
        return Casted(array)
    if pa.types.is_null(array.type):
        return Casted(array.cast(wanted))
    if pa.types.is_timestamp(wanted):
        return _cast_to_time(array, unit)
    if pa.types.is_list(wanted):
        if is_text(array.type):
            return Casted(*lists_of_texts(array.cast(pa.string()), separator), "not_a_list")
        return Casted(_cast_to_list(array, wanted))
    if pa.types.is_string(wanted):
        return _cast_to_text(array, column.list_separator)
    return _cast_to_number(array, wanted)


def _finite(casted: Casted) -> Casted:
    """Replace NaN by null, which pandas writes as NaN, and infinite numbers too, which could not be read."""
    numbers, is_finite = casted.values, pc.is_finite(casted.values)
    if pc.all(is_finite).as_py():
        return casted
    is_infinite = pc.fill_null(pc.is_inf(numbers), fill_value=False)
    unreadable = is_infinite if casted.unreadable is None else pc.or_(casted.unreadable, is_infinite)
    return Casted(pc.if_else(is_finite, numbers, None), unreadable, casted.problem)


def plain_values(array: pa.Array) -> pa.Array:
    """Replace dictionaries by their values, and extension types by their storage."""
    if isinstance(array.type, pa.BaseExtensionType):
        return plain_values(array.storage)
    return plain_values(array.cast(array.type.value_type)) if pa.types.is_dictionary(array.type) else array


def _cast_to_time(array: pa.Array, unit: str) -> Casted:
    if is_text(array.type):
        array = array.cast(pa.string())
        return _without_misread(array, times_of_texts(array, unit), unit)
    if pa.types.is_timestamp(array.type):
        found = times_of_numbers(array.cast(pa.int64()), array.type.unit)
    elif pa.types.is_date32(array.type):
        found = times_of_numbers(array.cast(pa.int32()), "days")
    elif pa.types.is_date64(array.type):
        found = times_of_numbers(array.cast(pa.int64()), "ms")
    else:
        return _without_misread(array, times_of_numbers(array, unit), unit)
    return Casted(found.times, found.unreadable, "not_a_time")


def _without_misread(array: pa.Array, found: Times, unit: str) -> Casted:
    """Leave out the times of numbers that are no times of a log if the unit is derived from their size."""
    problems = problems_of_numbers(array, found.times) if unit == "auto" else None
    if problems is None:
        return Casted(found.times, found.unreadable, "not_a_time")
    times = pc.if_else(problems.is_valid(), None, found.times)
    return Casted(times, pc.or_(found.unreadable, problems.is_valid()), pc.fill_null(problems, "not_a_time"))


def _cast_to_list(array: pa.Array, wanted: pa.ListType) -> pa.ListArray:
    if _is_list_view(array.type):
        array = _without_views(array)
    if pa.types.is_fixed_size_list(array.type):
        array = array.cast(pa.list_(array.type.value_type))
    offsets = pa.array(
        array.offsets.to_numpy().astype(np.int32)
    )  # a copy, because offsets of slices do not support a mask
    values = plain_values(array.values)
    if pa.types.is_string(wanted.value_type):
        values = _cast_to_text(_named(values), "").values
    return pa.ListArray.from_arrays(offsets, values.cast(wanted.value_type, safe=False), mask=array.is_null())


def _without_views(array: pa.Array) -> pa.ListArray:
    """Convert views of lists, whose cast in Arrow leaves buffers that are too short."""
    sizes = pc.fill_null(pc.list_value_length(array), 0).to_numpy()
    offsets = pa.array(np.concatenate([[0], np.cumsum(sizes)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, array.flatten(), mask=array.is_null())


def _named(values: pa.Array) -> pa.Array:
    """Replace structs by the field that names them."""
    if not pa.types.is_struct(values.type):
        return values
    return plain_values(pc.struct_field(values, _text_field(values.type)))


def _cast_to_text(array: pa.Array, list_separator: str) -> Casted:
    array = _named(array)
    if _is_list(array.type):
        texts = _cast_to_list(array, pa.list_(pa.string()))
        return Casted(pc.binary_join(_without_nulls(texts), list_separator))
    if pa.types.is_fixed_size_binary(array.type):
        return Casted(_hexadecimal(array))
    if _is_binary(array.type):
        return Casted(array.cast(pa.binary()).cast(pa.string(), safe=False))
    if pa.types.is_floating(array.type):
        return _integers_of_floats(array)
    if pa.types.is_decimal(array.type):
        return _integers_of_decimals(array)
    return Casted(array.cast(pa.string()))


def _without_nulls(texts: pa.ListArray) -> pa.ListArray:
    """Leave null elements out of lists, because the join of a list with one is null."""
    elements = texts.flatten()
    owners, present = pc.list_parent_indices(texts), elements.is_valid()
    counts = np.bincount(owners.filter(present).to_numpy(), minlength=len(texts)) if len(texts) else np.zeros(0, int)
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32())
    return pa.ListArray.from_arrays(offsets, elements.filter(present), mask=texts.is_null())


def _hexadecimal(array: pa.FixedSizeBinaryArray) -> pa.StringArray:
    """Format bytes as hexadecimal digits; 16 bytes as a UUID is written."""
    width = array.type.byte_width
    octets = b"".join(bytes(width) if value is None else value for value in array.to_pylist())
    digits = np.frombuffer(octets.hex().encode(), "S1").reshape(len(array), 2 * width)
    if width == _UUID_BYTES:
        digits = np.insert(digits, [8, 12, 16, 20], b"-", axis=1)
    text = np.ascontiguousarray(digits).view(f"S{digits.shape[1]}").ravel() if digits.size else np.zeros(0, "S1")
    return pc.if_else(array.is_valid(), pa.array(text, pa.binary()).cast(pa.string()), pa.scalar(None, pa.string()))


def _integers_of_floats(array: pa.Array) -> Casted:
    """Format floats that are exact integers, such as ids of a column with nulls in pandas; NaN is null."""
    limit = _EXACT_INTEGERS[str(array.type)]
    numbers = array.cast(pa.float64())
    missing = pc.is_null(numbers, nan_is_null=True)
    exact = pc.and_(pc.equal(numbers, pc.trunc(numbers)), pc.less_equal(pc.abs(numbers), limit - 1))
    exact = pc.fill_null(exact, fill_value=False)
    integers = pc.if_else(exact, numbers, None).cast(pa.int64())
    return Casted(integers.cast(pa.string()), pc.invert(pc.or_(exact, missing)), "not_an_exact_integer")


def _integers_of_decimals(array: pa.Array) -> Casted:
    """Format decimals that are integers, such as all integers of some databases."""
    wide = array.cast(pa.decimal256(76, array.type.scale))
    is_whole = pc.equal(pc.trunc(wide), wide)
    # Without a fraction first, because Arrow writes 0 with nine decimal places as 0E-9.
    integers = pc.if_else(is_whole, wide, None).cast(_INTEGER)
    return Casted(
        integers.cast(pa.string()), pc.invert(pc.fill_null(is_whole, fill_value=True)), "not_an_exact_integer"
    )


def _cast_to_number(array: pa.Array, wanted: pa.DataType) -> Casted:
    if pa.types.is_duration(array.type):
        ticks = array.cast(pa.int64()).cast(pa.float64(), safe=False)
        return Casted(pc.multiply(ticks, _SECONDS[array.type.unit]).cast(wanted, safe=False))
    if not is_text(array.type):
        return Casted(array.cast(wanted, safe=False))  # large integers become the nearest float
    text = pc.utf8_trim_whitespace(array.cast(pa.string()))
    missing = pc.or_(text.is_null(), pc.is_in(pc.utf8_lower(text), _NULL_NUMBERS))
    readable = pc.fill_null(pc.match_substring_regex(text, _NUMBER), fill_value=False)
    numbers = pc.utf8_ltrim(pc.if_else(readable, text, None), characters="+").cast(pa.float64())
    return Casted(numbers.cast(wanted, safe=False), pc.invert(pc.or_(readable, missing)), "not_a_number")
