"""Files of text as streams of bytes: decompressed, and with delimiters of one character."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from transforms.datasets.reading import ErrorTrackingFile, UnreadableFileError

ONE_CHARACTER = "\x1f"
"""The delimiter by which longer ones are replaced: the unit separator, which texts do not contain."""

_COMPRESSIONS = ((b"\x1f\x8b", "gzip"), (b"(\xb5/\xfd", "zstd"), (b"BZh", "bz2"))
COMPRESSED_SUFFIXES = (".gz", ".zst", ".bz2")
_MAGIC_BYTES = 4
_RAISED_BY_PYARROW = (pa.ArrowException, OSError, UnicodeDecodeError)


class _ReplacingFile:
    """A file in which each occurrence of a delimiter of several bytes is replaced by one byte."""

    mode = "rb"
    closed = False

    def __init__(self, stream: pa.NativeFile, delimiter: bytes) -> None:
        self._stream = stream
        self._delimiter = delimiter
        self._kept = b""

    def read(self, size: int = -1) -> bytes:
        """Read about `size` bytes; empty at the end only."""
        while True:
            chunk: bytes = self._stream.read(max(size, len(self._delimiter)) if size >= 0 else None)
            content = self._kept + chunk
            self._kept = self._beginning_of_delimiter(content) if chunk else b""
            content = content[: len(content) - len(self._kept)].replace(self._delimiter, ONE_CHARACTER.encode())
            if content or not chunk:
                return content

    def _beginning_of_delimiter(self, content: bytes) -> bytes:
        """Return the end of a content that the next bytes may complete to a delimiter."""
        content = content.replace(self._delimiter, b"")
        for length in range(len(self._delimiter) - 1, 0, -1):
            if content.endswith(self._delimiter[:length]):
                return content[-length:]
        return b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def close(self) -> None:
        """Close the stream."""
        self._stream.close()


class _TextStream:
    """A stream of decompressed bytes, which distinguishes errors of its file from those of its content.

    Attributes:
        stream: the bytes.
    """

    def __init__(self, path: str, delimiter: str) -> None:
        self._file = ErrorTrackingFile(path)
        beginning = self._file.read(_MAGIC_BYTES)
        self._file.seek(0)
        compression = next((name for magic, name in _COMPRESSIONS if beginning.startswith(magic)), None)
        stream: pa.NativeFile = pa.PythonFile(self._file, mode="r")
        if compression:
            stream = pa.CompressedInputStream(stream, compression)
        if len(delimiter) > 1:
            stream = pa.PythonFile(_ReplacingFile(stream, delimiter.encode()), mode="r")
        self.stream = stream

    def translate(self, error: Exception) -> Exception:
        """Return the failure of the file system behind an error, or else an error about the content."""
        return self._file.failure or UnreadableFileError(str(error))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextmanager
def open_text(path: str, delimiter: str = "") -> Iterator[pa.NativeFile]:
    """Open a file of text, compressed or not.

    Args:
        path: the file.
        delimiter: the delimiter of its fields; one of several characters is replaced by `ONE_CHARACTER`.

    Yields:
        The decompressed bytes.

    Raises:
        UnreadableFileError: when pyarrow cannot read the content.
        OSError, BeamIOError: when the file system fails.
    """
    text = _TextStream(path, delimiter)
    try:
        yield text.stream
    except _RAISED_BY_PYARROW as error:
        raise text.translate(error) from error
    finally:
        text.close()
