"""Recognition of files that are not parquet, and the commands that convert them."""

from __future__ import annotations

import posixpath
import re

_MAGIC = (
    (b"\x1f\x8b", "gzip"),
    (b"(\xb5/\xfd", "Zstandard"),
    (b"BZh", "bzip2"),
    (b"PK\x03\x04", "a zip archive or a spreadsheet"),
    (b"ORC", "ORC"),
    (b"Obj\x01", "Avro"),
    (b"ARROW1", "Arrow IPC (Feather)"),
    (b"SQLite format 3\x00", "SQLite"),
    (b"PARE", "encrypted parquet"),
)
_BINARY = ((b"PAR1", "parquet"), *(pair for pair in _MAGIC if pair[1] not in ("gzip", "Zstandard", "bzip2")))
_COMPRESSED = (".gz", ".zst", ".bz2")
_BLANK = b"\xef\xbb\xbf \r\n\t"
_MARKUP = (b"<!doctype", b"<html", b"<head", b"<?xml")
_TEXT_FORMATS = {
    "CSV": ("csv", "tsv", "txt", "tab", "dat"),
    "JSON": ("json", "jsonl", "ndjson"),
}
_READERS = {"CSV": "read_csv", "JSON": "read_json"}


def explain_format(path: str, beginning: bytes) -> str | None:
    """Return what a file is that is not parquet, and how to convert it; None if that is not known.

    Args:
        path: the file.
        beginning: its first bytes, some hundred.
    """
    if beginning.startswith(b"PAR1"):
        return None  # damaged or cut off, which the reader of parquet says
    if is_markup(beginning):
        return "this is a page of HTML or XML, not parquet, as servers send in place of a file: download it again"
    found = next((name for magic, name in _MAGIC if beginning.startswith(magic)), None)
    text = _text_format(path, beginning) if found is None or path.endswith(_COMPRESSED) else None
    if text is not None:
        kind = text if found is None else f"{text} compressed by {found}"
        return f"this is {kind}, not parquet; convert it: {convert_command(path, text)}"
    if found in ("ORC", "Avro", "Arrow IPC (Feather)", "SQLite", "encrypted parquet"):
        return f"this is {found}, not parquet; write it as parquet first"
    return f"this is {found}, not parquet; unpack it, and write its tables as parquet" if found else None


def convert_command(path: str, text_format: str) -> str:
    """Return the command that converts a file of text to parquet, by DuckDB.

    Args:
        path: the file.
        text_format: `CSV` or `JSON`.
    """
    stem = path
    if path.endswith(".parquet"):
        stem = f"{path.removesuffix('.parquet')}-converted"
    for suffix in (*_COMPRESSED, *(f".{suffix}" for suffixes in _TEXT_FORMATS.values() for suffix in suffixes)):
        stem = stem.removesuffix(suffix)
    return f"""duckdb -c "COPY (FROM {_READERS[text_format]}('{quoted(path)}')) TO '{quoted(stem)}.parquet'\""""


def quoted(path: str) -> str:
    """Return a path as text of SQL inside of double quotes of a shell."""
    return re.sub(r'([\\"$`])', r"\\\1", path.replace("'", "''"))


def format_of_name(path: str) -> str | None:
    """Return `CSV` or `JSON` for the name of a file of that format, compressed or not; None for any other name."""
    name = posixpath.basename(path).lower()
    for suffix in _COMPRESSED:
        name = name.removesuffix(suffix)
    suffix = name.rpartition(".")[2]
    return next((kind for kind, suffixes in _TEXT_FORMATS.items() if suffix in suffixes), None)


def _text_format(path: str, beginning: bytes) -> str | None:
    """Return `CSV` or `JSON` for a file that is one by its name or its first line."""
    if by_name := format_of_name(path):
        return by_name
    if b"\x00" in beginning:
        return None
    line = beginning.lstrip(_BLANK).split(b"\n")[0]
    if line.startswith((b"{", b"[")):
        return "JSON"
    return "CSV" if any(separator in line for separator in (b",", b"\t", b";", b"|")) else None


def is_markup(beginning: bytes) -> bool:
    """Whether a file is a page of HTML or XML, as servers send in place of a file, by its first bytes."""
    return beginning.lstrip(_BLANK).lower().startswith(_MARKUP)


def binary_format(beginning: bytes) -> str | None:
    """Return the format of a file that is neither text nor compressed text, by its first bytes; None if it may be.

    Args:
        beginning: the first bytes. Text may begin with the letters that mark a format, but has no zeros.
    """
    has_zeros = b"\x00" in beginning
    return next(
        (name for start, name in _BINARY if beginning.startswith(start) and (has_zeros or not start.isalnum())), None
    )
