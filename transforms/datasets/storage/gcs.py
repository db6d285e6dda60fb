"""Google Cloud Storage, through the client of Beam.

Beam's own `FileSystems` is not used for it: it renames by copying and deleting, creates a client for each call, and
searches for credentials for half a minute even where an emulator needs none.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any, BinaryIO

from apache_beam.io.filesystem import FileMetadata, FileSystem
from apache_beam.io.filesystems import FileSystems
from apache_beam.io.gcp import gcsio, gcsio_retry
from apache_beam.options.pipeline_options import PipelineOptions
from google.api_core import exceptions
from google.auth.exceptions import GoogleAuthError

from transforms.datasets.storage.base import Storage, StorageError, VersionedFile, translate_errors

_CONCURRENT_DELETIONS = 8
_LOG_IN = "run `gcloud auth application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a key file"


class GoogleCloudStorage(Storage):
    """Buckets of Google Cloud Storage.

    While the server is unavailable or overloaded, requests are retried with exponential backoff for two minutes.
    """

    def __init__(self, *, anonymous: bool) -> None:
        options = _options()
        with _no_tracebacks():
            client = gcsio.create_storage_client(options, use_credentials=not anonymous)
        self._io = gcsio.GcsIO(client, options)
        self._retry = gcsio_retry.get_retry(options)

    def _blob(self, path: str, generation: int | None = None) -> Any:
        bucket, _, name = path.removeprefix("gs://").partition("/")
        return self._io.client.bucket(bucket).blob(name, generation=generation)

    def list_files(self, pattern: str) -> list[FileMetadata]:
        prefix = re.split(r"[*?[]", pattern, maxsplit=1)[0]
        with _translate_errors("list", pattern):
            if prefix == pattern:
                return self._file(pattern)
            matches = re.compile(FileSystem.translate_pattern(pattern)).match
            return [
                FileMetadata(path, size)
                for path, size in self._io.list_files(prefix)
                if matches(path) and not path.endswith("/")
            ]

    def _file(self, path: str) -> list[FileMetadata]:
        blob = self._blob(path)
        found = blob.bucket.get_blob(blob.name, retry=self._retry) if blob.name else None
        return [FileMetadata(path, found.size)] if found else []

    def open(self, path: str) -> BinaryIO:
        with _translate_errors("read", path):
            return self._io.open(path, "rb")

    def translate_error(self, error: Exception, path: str) -> Exception:
        return StorageError(f"cannot read {path!r}: {_reason(error)}")

    def read(self, path: str) -> VersionedFile | None:
        blob = self._blob(path)
        with _translate_errors("read", path):
            try:
                content = blob.download_as_bytes(raw_download=True, retry=self._retry)
            except exceptions.NotFound:
                return None
            return VersionedFile(content, int(blob.generation))

    def content_digest(self, path: str) -> str:
        """Return the checksum that the server stores for an object, and its size; the object is not read."""
        with _translate_errors("read", path):
            blob = self._blob(path)
            blob.reload(retry=self._retry)
            return f"crc32c={blob.crc32c} size={blob.size}"

    def write(self, path: str, content: bytes) -> None:
        """Write an object in one upload. Retries are safe, because a name always has the same content."""
        with _translate_errors("write", path):
            self._upload(path, content)

    def _upload(self, path: str, content: bytes, **condition: int) -> VersionedFile:
        blob = self._blob(path)
        blob.upload_from_string(content, "application/octet-stream", checksum="crc32c", retry=self._retry, **condition)
        return VersionedFile(content, int(blob.generation))

    def replace(self, path: str, content: bytes | None, expected: VersionedFile | None) -> VersionedFile | None:
        generation = expected.version if expected and expected.version else 0
        with _translate_errors("write", path):
            try:
                if content is not None:
                    return self._upload(path, content, if_generation_match=generation)
                return self._remove(path, generation)
            except exceptions.PreconditionFailed:
                return self._accept_if_equal(
                    path, self.read(path), content
                )  # equal if this process wrote it, but the reply was lost

    def _remove(self, path: str, generation: int) -> VersionedFile | None:
        try:
            self._blob(path, generation).delete(retry=self._retry)
        except exceptions.NotFound:
            return self._accept_if_equal(path, self.read(path), None)
        return None

    def delete(self, paths: Iterable[str]) -> None:
        with ThreadPoolExecutor(_CONCURRENT_DELETIONS) as pool:
            for _ in pool.map(self._delete, paths):
                pass  # iterating re-raises the exceptions of the deletions

    def _delete(self, path: str) -> None:
        with _translate_errors("delete", path), suppress(exceptions.NotFound):
            self._blob(path).delete(retry=self._retry)


def _options() -> PipelineOptions:
    """Return the options that Beam set for its own file systems, in the launcher or in a worker."""
    options: PipelineOptions | None = FileSystems._pipeline_options
    return options or PipelineOptions()


@contextmanager
def _no_tracebacks() -> Iterator[None]:
    """Suppress the tracebacks that Beam logs for each attempt without credentials; one line of the error suffices."""

    def passes(record: logging.LogRecord) -> bool:
        return "_get_credentials" not in record.getMessage()

    logger = logging.getLogger("apache_beam.utils.retry")
    logger.addFilter(passes)
    try:
        yield
    finally:
        logger.removeFilter(passes)


def _translate_errors(action: str, path: str) -> AbstractContextManager[None]:
    return translate_errors(action, path, _reason)


def _reason(error: Exception) -> str:
    """Return the cause in one line, with a remedy where there is one."""
    match error:
        case exceptions.RetryError(cause=Exception() as cause):
            return f"no response: {_reason(cause)}"
        case exceptions.NotFound():
            return "there is no such bucket or file"
        case exceptions.Unauthorized() | GoogleAuthError():
            return f"Google requires credentials ({_server_message(error)}): {_LOG_IN}"
        case exceptions.GoogleAPICallError():
            return _server_message(error)
        case _:
            return str(error) or type(error).__name__


def _server_message(error: Any) -> str:
    """Return the message of the server, which is nested in the response of a failed upload."""
    try:
        return str(error.response.json()["error"]["message"])
    except (AttributeError, KeyError, TypeError, ValueError):
        return str(error)
