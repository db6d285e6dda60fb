"""Cleaning of a column of texts: Python runs only on texts that may have something to clean."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from transforms.text_cleaning.markup import clean_text
from transforms.text_cleaning.placeholders import is_placeholder

# Everything that `clean_text` changes has one of these characters, or one of these at an end.
_SUSPECT = (
    r"[&<>{}\[\]\\*_`~$%\x{00ad}\x{2060}\x{feff}\x{fe0e}\x{fe0f}\x{1f3fb}-\x{1f3ff}\x{203c}\x{2049}\x{2194}-\x{21aa}"
    r"\p{Cc}\p{Cf}\p{Co}\p{So}\p{Zl}\p{Zp}\x{10000}-\x{10ffff}]|[ÂÃ][\x{a0}-\x{bf}]|â€|[^ \P{Z}]|  |^ | $"
    r"|(^|[^\pL\pN]):[a-z]|^[bu]['\"]|^[^\pL\pN]|^[0-9(]|[^\pL\pN.!?)\"'”’»。！？）」』…]$|[/:=#|-]$"  # noqa: RUF001
)


def clean_column(column: pa.Array) -> pa.Array:
    """Clean each text of a column of strings, or of lists of strings; null stays null.

    Args:
        column: type string or list<string>.
    """
    if pa.types.is_list(column.type):
        values = clean_column(column.values)
        return pa.ListArray.from_arrays(_copied_offsets(column), values, mask=column.is_null())
    suspect = pc.fill_null(pc.match_substring_regex(column, _SUSPECT), fill_value=False)
    if not pc.any(suspect).as_py():
        return column
    cleaned = pa.array(map(clean_text, column.filter(suspect).to_pylist()), pa.string())
    return pc.replace_with_mask(column, suspect, cleaned)


def count_longer(column: pa.Array, max_characters: int) -> int:
    """Count the texts with more characters, in a column of strings, or of lists of strings."""
    texts = column.flatten() if pa.types.is_list(column.type) else column
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= max_characters:
        return 0
    return int(pc.sum(pc.greater(pc.utf8_length(texts), max_characters)).as_py() or 0)


def cut_column(column: pa.Array, max_characters: int) -> pa.Array:
    """Cut each text of a column of strings, or of lists of strings, to its first characters; null stays null.

    Args:
        column: type string or list<string>.
        max_characters: number of characters that stay.
    """
    if pa.types.is_list(column.type):
        values = cut_column(column.values, max_characters)
        return pa.ListArray.from_arrays(_copied_offsets(column), values, mask=column.is_null())
    return pc.utf8_slice_codeunits(column, 0, max_characters)


def blank_placeholders(titles: pa.Array) -> pa.Array:
    """Replace titles that stand for a missing one, such as `[deleted]` or `Private video`, by the empty text.

    Args:
        titles: type string or list<string>.
    """
    if pa.types.is_list(titles.type):
        values = blank_placeholders(titles.values)
        return pa.ListArray.from_arrays(_copied_offsets(titles), values, mask=titles.is_null())
    is_blank = pc.fill_null(is_placeholder(titles), fill_value=False)
    return pc.if_else(is_blank, pa.scalar(""), titles) if pc.any(is_blank).as_py() else titles


def clean_titles(titles: pa.Array) -> pa.Array:
    """Clean a column of titles, and blank placeholders."""
    return blank_placeholders(clean_column(titles))


def _copied_offsets(column: pa.ListArray) -> pa.Array:
    return pa.array(column.offsets.to_numpy().copy())  # offsets of slices do not support a mask
