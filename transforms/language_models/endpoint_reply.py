"""Replies of an endpoint: a completion, a failure that is worth a retry, or one that is not."""

from __future__ import annotations

import datetime
import re
from email.utils import parsedate_to_datetime
from typing import Any

import requests

_TRANSIENT = frozenset({408, 429})
_UNAUTHORIZED = frozenset({401, 403})
"""Statuses with which servers may repeat a part of the key: their messages are not shown."""
_MAX_MESSAGE = 200


class EndpointError(Exception):
    """A request failed, and a retry would fail as well."""


class TransientError(EndpointError):
    """A request failed, and a retry may succeed.

    Attributes:
        retry_after: seconds of the wait that the server requests; None: not given.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


def raise_for_status(response: requests.Response, secret: str = "") -> None:
    """Raise an error unless the status is one of success.

    Args:
        response: the response of the server.
        secret: text that is masked in the message; empty: none.

    Raises:
        TransientError: if the server is busy or broken.
        EndpointError: if the server rejects the request.
    """
    if 200 <= response.status_code < 300:
        return
    message = f"status {response.status_code}"
    if response.status_code not in _UNAUTHORIZED and (text := _error_text(response, secret)):
        message += f": {text}"
    if response.status_code in _TRANSIENT or response.status_code >= 500:
        raise TransientError(message, retry_after(response))
    raise EndpointError(message)


def parse_completion(response: requests.Response) -> str:
    """Return the first line of a chat completion.

    Raises:
        TransientError: if there is none.
    """
    line = parse_content(response).strip().partition("\n")[0].strip()
    if not line:
        raise TransientError("an empty completion")
    return line


def parse_content(response: requests.Response) -> str:
    """Return the whole text of a chat completion.

    Raises:
        TransientError: if the response is no chat completion.
    """
    return _content(_json(response))


def describe_error(error: requests.RequestException, timeout: float) -> str:
    """Describe why there was no reply, in equal words each time: messages of the library contain memory addresses."""
    if isinstance(error, requests.Timeout):
        return f"no reply within {timeout:g} seconds"
    root: BaseException = error
    while root.__context__ is not None:
        root = root.__context__
    reason = root.strerror if isinstance(root, OSError) and root.strerror else type(root).__name__
    return f"no reply: {reason}"


def retry_after(response: requests.Response) -> float | None:
    """Return the seconds of the header `Retry-After`: a number, or a time by the server's clock."""
    value = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d*)?", value):
        return float(value)
    until, now = _parse_time(value), _parse_time(response.headers.get("Date", ""))
    return max((until - now).total_seconds(), 0.0) if until and now else None


def _parse_time(text: str) -> datetime.datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise TransientError("the reply is not JSON") from error


def _content(reply: Any) -> str:
    try:
        content = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        raise TransientError("the reply is not a chat completion") from error
    if content is None:  # of reasoning models, if the reasoning used all tokens
        raise TransientError("an empty completion")
    if not isinstance(content, str):
        raise TransientError("the reply is not a chat completion")
    return content


def _error_text(response: requests.Response, secret: str) -> str:
    """Return the beginning of the error message of a server, on one line."""
    text = _error_message(response)
    if secret:
        text = text.replace(secret, "***")
    text = " ".join(text.split())
    return text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}…"


def _error_message(response: requests.Response) -> str:
    """Return the message of an error in the format of OpenAI, or of others; else the whole body."""
    try:
        error = response.json()
    except (ValueError, RecursionError):
        return response.text
    for key in ("error", "message"):
        error = error.get(key, error) if isinstance(error, dict) else error
    return error if isinstance(error, str) else response.text
