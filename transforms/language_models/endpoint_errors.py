"""Errors of requests to an endpoint, with the words of the provider and without the key."""

from __future__ import annotations

import re

import requests

from transforms.language_models.endpoint_error_kind import (
    error_codes,
    error_message,
    is_filtered,
    is_limited,
    is_quota,
    status_of,
)
from transforms.language_models.endpoint_limits import requested_wait
from transforms.language_models.interface import FailureReason

_TRANSIENT = frozenset({408, 409, 425, 429, 498})
_OVERLOADED = frozenset({503, 529})
_UNAUTHORIZED = 401
"""A status that explains itself, with messages that repeat a part of the key: they are not shown."""
_MIN_KEY = 12
"""Minimum number of characters of a key of which a message may show the beginning or the end."""
_MAX_MESSAGE = 200


class EndpointError(Exception):
    """A request failed, and a retry would fail as well.

    Attributes:
        reason: the kind of the failure.
    """

    def __init__(self, message: str, reason: FailureReason = "failed") -> None:
        super().__init__(message)
        self.reason = reason


class QuotaError(EndpointError):
    """The quota of the account is used up: no request will succeed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "quota")


class RejectedError(EndpointError):
    """The server rejects the request, perhaps for one of its parameters.

    Attributes:
        text: the whole error of the server.
    """

    def __init__(self, message: str, text: str) -> None:
        super().__init__(message)
        self.text = text


class TransientError(EndpointError):
    """A request failed, and a retry may succeed.

    Attributes:
        retry_after: seconds of the wait that the server requests; None: not given.
        is_limited: whether the server only requests fewer requests.
        text: the whole error of a server that is broken, perhaps by a parameter; empty: of others.
    """

    def __init__(
        self,
        message: str,
        retry_after: float | None = None,
        is_limited: bool = False,
        reason: FailureReason = "failed",
        text: str = "",
    ) -> None:
        super().__init__(message, reason)
        self.retry_after = retry_after
        self.is_limited = is_limited
        self.text = text


def error_of(response: requests.Response, body: object, secret: str = "", status: int | None = None) -> EndpointError:
    """Return the error that a response describes.

    Args:
        response: the response of the server.
        body: its parsed body; None: it is not JSON.
        secret: text that is masked in the message; empty: none.
        status: the status; None: that in the body.
    """
    status = status_of(body) if status is None else status
    words, codes = error_message(body, response.text), error_codes(body)
    message = f"status {status}"
    line = shorten(_mask(words, secret))
    text = response.text.replace(secret, "***") if secret else response.text
    wait = requested_wait(response.headers, text) or None  # a wait of 0 says nothing
    if is_quota(status, codes, words, text, wait is not None):
        return QuotaError(f"{message}: {line}" if line else message)
    if line and status != _UNAUTHORIZED:
        message += f": {line}"
    if is_filtered(status, codes, words):
        return EndpointError(message, "filtered")
    limits = is_limited(status, codes, words)
    if limits or status in _TRANSIENT or status >= 500:
        limits |= status in _OVERLOADED and wait is not None
        return TransientError(message, wait, limits, text=text if status >= 500 else "")
    return RejectedError(message, text)


def describe_error(error: requests.RequestException, timeout: float) -> str:
    """Describe why there was no reply, in equal words each time: messages of the library contain memory addresses."""
    if isinstance(error, requests.Timeout):
        return f"no reply within {timeout:g} seconds"
    root: BaseException = error
    while root.__context__ is not None:
        root = root.__context__
    reason = root.strerror if isinstance(root, OSError) and root.strerror else type(root).__name__
    return f"no reply: {reason}"


def shorten(text: str) -> str:
    """Return the beginning of a text, on one line."""
    text = " ".join(text.split())
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}…"


def _mask(text: str, secret: str) -> str:
    """Mask a secret, and words that repeat its beginning or its end, as in `sk-proj-…cdef`."""
    if not secret:
        return text
    text = text.replace(secret, "***")
    if len(secret) < _MIN_KEY:
        return text
    return re.sub(rf"\S*(?:{re.escape(secret[:8])}|{re.escape(secret[-4:])})\S*", "***", text)
