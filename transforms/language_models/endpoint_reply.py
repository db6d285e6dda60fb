"""What a server said: an answer, a failure that may pass, or one that will not."""

from __future__ import annotations

import datetime
import re
from email.utils import parsedate_to_datetime
from typing import Any

import requests

_PASSING = frozenset({408, 429})
_DENIED = frozenset({401, 403})
"""Statuses with which servers may repeat a part of the key: their words are not told."""
_MOST_TOLD = 200


class EndpointError(Exception):
    """A request failed, and would again."""


class TransientError(EndpointError):
    """A request failed in a way that may pass.

    Attributes:
        wait: seconds that the server asks for; None: it does not say.
    """

    def __init__(self, told: str, wait: float | None = None) -> None:
        super().__init__(told)
        self.wait = wait


def check_status(response: requests.Response, hidden: str = "") -> None:
    """Does nothing where a request was carried out.

    Args:
        response: what the server sent.
        hidden: what is never told of it; empty: nothing.

    Raises:
        TransientError: for a server that is busy or broken.
        EndpointError: for one that refuses the request.
    """
    if 200 <= response.status_code < 300:
        return
    told = f"status {response.status_code}"
    if response.status_code not in _DENIED and (words := _words(response, hidden)):
        told += f": {words}"
    if response.status_code in _PASSING or response.status_code >= 500:
        raise TransientError(told, asked_to_wait(response))
    raise EndpointError(told)


def first_line(response: requests.Response) -> str:
    """The first line of the answer in a chat completion.

    Raises:
        TransientError: when there is none.
    """
    content = _content(_json(response))
    line = content.strip().partition("\n")[0].strip()
    if not line:
        raise TransientError("an empty answer")
    return line


def cause(error: requests.RequestException, timeout: float) -> str:
    """Why there was no reply, the same each time: without addresses in memory, which the library tells."""
    if isinstance(error, requests.Timeout):
        return f"no reply within {timeout:g} seconds"
    root: BaseException = error
    while root.__context__ is not None:
        root = root.__context__
    reason = root.strerror if isinstance(root, OSError) and root.strerror else type(root).__name__
    return f"no reply: {reason}"


def asked_to_wait(response: requests.Response) -> float | None:
    """Seconds of `Retry-After`, which is a number, or a time that is seen from the server's own clock."""
    told = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d*)?", told):
        return float(told)
    until, now = _time(told), _time(response.headers.get("Date", ""))
    return max((until - now).total_seconds(), 0.0) if until and now else None


def _time(text: str) -> datetime.datetime | None:
    try:
        read = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=datetime.UTC)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise TransientError("the reply is no JSON") from error


def _content(reply: Any) -> str:
    try:
        content = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError) as error:
        raise TransientError("the reply is no chat completion") from error
    if content is None:  # of models that think, where the thoughts took all tokens
        raise TransientError("an empty answer")
    if not isinstance(content, str):
        raise TransientError("the reply is no chat completion")
    return content


def _words(response: requests.Response, hidden: str) -> str:
    """The start of what a server says of a failure, on one line."""
    text = _message(response)
    if hidden:
        text = text.replace(hidden, "***")
    text = " ".join(text.split())
    return text if len(text) <= _MOST_TOLD else f"{text[:_MOST_TOLD]}…"


def _message(response: requests.Response) -> str:
    """The message of an error as OpenAI words it, or as others do; else all that was sent."""
    try:
        error = response.json()
    except (ValueError, RecursionError):
        return response.text
    for key in ("error", "message"):
        error = error.get(key, error) if isinstance(error, dict) else error
    return error if isinstance(error, str) else response.text
