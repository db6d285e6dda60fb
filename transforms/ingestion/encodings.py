"""Encodings of files of text: found by their first bytes, and texts of others decoded."""

from __future__ import annotations

import codecs

import pyarrow as pa
import pyarrow.compute as pc

from transforms.datasets.casting import is_text
from transforms.datasets.coercion import is_utf8, is_valid_text

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ASCII = bytes(range(128))
_MIN_ZEROS, _MAX_ZEROS = 0.6, 0.1
"""The fractions of zeros among the first and the second halves of the units of UTF-16 that are Latin letters."""

SUGGESTED_ENCODING = "cp1252"
"""The encoding of most texts of Western Europe that are not UTF-8; it contains the letters of latin-1."""


def marked_encoding(beginning: bytes) -> tuple[str, int]:
    """Return the encoding that the byte order mark of a file states, and the length of the mark; empty and 0: none."""
    return next(((name, len(mark)) for mark, name in _MARKS if beginning.startswith(mark)), ("", 0))


def likely_utf16(beginning: bytes) -> str:
    """Return the encoding of UTF-16 without a byte order mark, by the zeros of Latin letters; empty for other texts."""
    halves = {"utf-16-le": beginning[1::2], "utf-16-be": beginning[::2]}
    zeros = {name: half.count(0) / max(len(half), 1) for name, half in halves.items()}
    name = max(zeros, key=lambda each: zeros[each])
    return name if zeros[name] >= _MIN_ZEROS and min(zeros.values()) <= _MAX_ZEROS else ""


def extends_ascii(encoding: str) -> bool:
    """Whether bytes below 128 are ASCII in an encoding, and each byte is a character, as in latin-1.

    Fields of such a file can be separated before they are decoded.
    """
    if _ASCII.decode(encoding, errors="replace") != _ASCII.decode():
        return False
    return all(_is_character(encoding, byte) for byte in range(128, 256))


def _is_character(encoding: str, byte: int) -> bool:
    """Whether a byte is a whole character, not the beginning of one; bytes that have no meaning count as whole."""
    return len(codecs.getincrementaldecoder(encoding)(errors="replace").decode(bytes([byte]))) == 1


def decode_texts(rows: pa.RecordBatch, encoding: str) -> pa.RecordBatch:
    """Decode texts that are not UTF-8 by another encoding; those that it cannot decode stay as they are.

    Args:
        rows: columns of text and others.
        encoding: the name of the encoding; empty: nothing is decoded.
    """
    if not encoding:
        return rows
    columns = [_decode_column(column, encoding) for column in rows.columns]
    return pa.RecordBatch.from_arrays(columns, names=rows.schema.names)


def _decode_column(column: pa.Array, encoding: str) -> pa.Array:
    if not is_text(column.type) or is_valid_text(column):
        return column
    broken = pc.invert(is_utf8(column))
    column = column.cast(pa.string())
    octets = column.filter(broken).cast(pa.binary()).to_pylist()
    decoded = pa.array([_decode(value, encoding) for value in octets], pa.binary())
    whole = pc.replace_with_mask(column.cast(pa.binary()), broken, decoded)
    return pa.Array.from_buffers(pa.string(), len(whole), whole.buffers(), whole.null_count, whole.offset)


def _decode(octets: bytes, encoding: str) -> bytes:
    try:
        return octets.decode(encoding).encode()
    except UnicodeDecodeError:
        return octets  # not UTF-8, which is reported row by row


def undecoded_text(column: pa.Array) -> bytes | None:
    """Return a text that is not UTF-8, if a column has at least as many as it has UTF-8 texts beyond ASCII.

    Fewer are damaged texts of a file that is UTF-8.
    """
    if not is_text(column.type) or is_valid_text(column):
        return None
    broken = pc.invert(is_utf8(column))
    sound = column.filter(pc.invert(broken)).drop_null()
    beyond_ascii = pc.sum(pc.invert(pc.string_is_ascii(sound))).as_py() or 0
    octets = column.filter(broken).cast(pa.binary())
    example: bytes = octets[0].as_py()
    return example if len(octets) >= beyond_ascii else None


def encoding_hint(octets: bytes) -> str:
    """Return a text that is not UTF-8 as the suggested encoding reads it, with the option to give."""
    shown = octets.decode(SUGGESTED_ENCODING, errors="replace")
    return (
        f"is not UTF-8: give --encoding={SUGGESTED_ENCODING}, by which it is {shown!r}, or the encoding that the file "
        "has, such as cp1251, shift_jis or gb18030"
    )
