"""Files of text as streams of bytes: decompressed, in UTF-8, and with delimiters of one character."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from transforms.datasets.file_formats import binary_format, is_markup
from transforms.datasets.reading import ErrorTrackingFile, UnreadableFileError
from transforms.ingestion.encodings import extends_ascii, likely_utf16, marked_encoding

ONE_CHARACTER = "\x1f"
"""The delimiter by which longer ones are replaced: the unit separator, which texts do not contain."""

BEGINNING_BYTES = 1 << 18
"""The bytes at the beginning of a file by which its form is recognized."""

COMPRESSED_SUFFIXES = (".gz", ".zst", ".bz2")
_COMPRESSIONS = ((b"\x1f\x8b", "gzip"), (b"(\xb5/\xfd", "zstd"), (b"BZh", "bz2"))
_MAGIC_BYTES = 4
_READ_BYTES = 1 << 20
_RAISED_BY_PYARROW = (pa.ArrowException, OSError, UnicodeError)

_Step = Callable[[bytes, bool], bytes]
"""A conversion of the next bytes of a stream; the second argument says whether they are the last ones."""


class _ConvertedFile:
    """A file whose bytes are those of a stream after some conversions.

    Attributes:
        beginning: the first converted bytes, which are read again.
    """

    mode = "rb"
    closed = False

    def __init__(self, stream: pa.NativeFile, first: bytes, steps: list[_Step]) -> None:
        self._stream = stream
        self._steps = steps
        self._ready = self._convert(first) if first else b""
        self._place = 0
        self._has_ended = False
        self._fill(BEGINNING_BYTES)
        self.beginning = self._ready[:BEGINNING_BYTES]

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, fewer at the end only."""
        self._fill(size)
        end = len(self._ready) if size < 0 else self._place + size
        content, self._place = self._ready[self._place : end], min(end, len(self._ready))
        return content

    def _fill(self, size: int) -> None:
        """Convert bytes until `size` of them are ready; negative: all."""
        parts = [self._ready[self._place :]]
        number = len(parts[0])
        while not self._has_ended and (size < 0 or number < size):
            chunk: bytes = self._stream.read(_READ_BYTES)
            self._has_ended = not chunk
            parts.append(self._convert(chunk))
            number += len(parts[-1])
        if len(parts) > 1:
            self._ready, self._place = b"".join(parts), 0

    def _convert(self, content: bytes) -> bytes:
        is_last = not content
        for step in self._steps:
            content = step(content, is_last)
        return content

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class _Transcoder:
    """A conversion of bytes of another encoding to UTF-8."""

    def __init__(self, encoding: str) -> None:
        # Bytes without a meaning stay as they are, so that their row is invalid; those of UTF-16 and UTF-32 cannot.
        self._errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "surrogateescape"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors=self._errors)

    def __call__(self, content: bytes, is_last: bool) -> bytes:
        return self._decoder.decode(content, is_last).encode(errors=self._errors)


class _DelimiterReplacer:
    """A conversion that replaces each occurrence of a delimiter of several bytes by one byte."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._kept = b""

    def __call__(self, content: bytes, is_last: bool) -> bytes:
        content = self._kept + content
        self._kept = b"" if is_last else self._beginning_of_delimiter(content)
        return content[: len(content) - len(self._kept)].replace(self._delimiter, ONE_CHARACTER.encode())

    def _beginning_of_delimiter(self, content: bytes) -> bytes:
        """Return the end of a content that the next bytes may complete to a delimiter."""
        content = content.replace(self._delimiter, b"")
        for length in range(len(self._delimiter) - 1, 0, -1):
            if content.endswith(self._delimiter[:length]):
                return content[-length:]
        return b""


class _NullKeeper:
    r"""A conversion that escapes the backslash of `\N`, a null of MySQL, which otherwise would be read as `N`."""

    def __init__(self) -> None:
        self._kept = b""

    def __call__(self, content: bytes, is_last: bool) -> bytes:
        content = self._kept + content
        backslashes = len(content) - len(content.rstrip(b"\\"))
        self._kept = b"\\" if backslashes % 2 and not is_last else b""
        content = content[: len(content) - len(self._kept)]
        return re.sub(rb"\\(.)", lambda pair: b"\\\\N" if pair[1] == b"N" else pair[0], content, flags=re.DOTALL)


class TextStream:
    """A stream of decompressed bytes, which distinguishes errors of its file from those of its content.

    Attributes:
        stream: the bytes.
        beginning: the first `BEGINNING_BYTES` of them.
    """

    def __init__(self, path: str, delimiter: str, encoding: str, escape: str) -> None:
        self._file = ErrorTrackingFile(path)
        try:
            converted = self._converted(delimiter, encoding, escape)
        except UnreadableFileError:
            self.close()
            raise
        except _RAISED_BY_PYARROW as error:
            explained = self.translate(error)
            self.close()
            raise explained from error
        self.beginning = converted.beginning
        self.stream: pa.NativeFile = pa.PythonFile(converted, mode="r")

    def _converted(self, delimiter: str, encoding: str, escape: str) -> _ConvertedFile:
        magic = self._file.read(_MAGIC_BYTES)
        self._file.seek(0)
        compression = next((name for start, name in _COMPRESSIONS if magic.startswith(start)), None)
        stream: pa.NativeFile = pa.PythonFile(self._file, mode="r")
        if compression:
            stream = pa.CompressedInputStream(stream, compression)
        first = stream.read(BEGINNING_BYTES)
        _check_text(first, encoding)
        marked, length = marked_encoding(first)
        steps: list[_Step] = []
        if source := _source_encoding(first, marked, encoding):
            steps.append(_Transcoder(source))
        if escape:
            steps.append(_NullKeeper())
        if len(delimiter) > 1:
            steps.append(_DelimiterReplacer(delimiter.encode()))
        return _ConvertedFile(stream, first[length:], steps)

    def translate(self, error: Exception) -> Exception:
        """Return the failure of the file system behind an error, or else an error about the content."""
        return self._file.failure or UnreadableFileError(str(error))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _check_text(beginning: bytes, encoding: str) -> None:
    """Check that a file is text.

    Raises:
        UnreadableFileError: with what it is, and what to do.
    """
    if name := binary_format(beginning):
        advice = "give --format=parquet" if name == "parquet" else "write it as CSV, JSON lines or parquet first"
        raise UnreadableFileError(f"this is {name}, not text; {advice}")
    if is_markup(beginning):
        raise UnreadableFileError(
            "this is a page of HTML or XML, such as the message of a download that failed; fetch the file again"
        )
    if not encoding and not marked_encoding(beginning)[0] and (found := likely_utf16(beginning)):
        raise UnreadableFileError(f"this looks like UTF-16 without a byte order mark: give --encoding={found}")


def _source_encoding(beginning: bytes, marked: str, given: str) -> str:
    """Return the encoding that a whole file is converted from; empty: it is UTF-8, or its texts are decoded alone."""
    if marked or not given:
        return "" if marked == "utf-8" else marked
    name = codecs.lookup(given).name
    if name in ("utf-16", "utf-32"):  # without a mark
        return f"{name}-{(likely_utf16(beginning) or 'le')[-2:]}"
    return "" if name in ("utf-8", "utf-8-sig") or extends_ascii(name) else name


@contextmanager
def open_text(path: str, delimiter: str = "", encoding: str = "", escape: str = "") -> Iterator[TextStream]:
    """Open a file of text, compressed or not.

    Args:
        path: the file.
        delimiter: the delimiter of its fields; one of several characters is replaced by `ONE_CHARACTER`.
        encoding: its encoding, if it has no byte order mark. Of an encoding that extends ASCII by single bytes, texts
            stay as they are.
        escape: the character before which others lose their meaning.

    Yields:
        The decompressed bytes, without a byte order mark.

    Raises:
        UnreadableFileError: when the file is no text, or pyarrow cannot read the content.
        OSError, BeamIOError: when the file system fails.
    """
    text = TextStream(path, delimiter, encoding, escape)
    try:
        yield text
    except _RAISED_BY_PYARROW as error:
        raise text.translate(error) from error
    finally:
        text.close()
