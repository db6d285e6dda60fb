"""The waits that a server requests, in the headers and messages of the common providers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from requests.structures import CaseInsensitiveDict

from transforms.language_models.endpoint_wait_text import wait_in_text

_NUMBER = re.compile(r"\d{1,9}(\.\d*)?")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d*)?)s)?(?:(\d+(?:\.\d*)?)ms)?")
_UNITS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_RETRY_HEADER = re.compile(r"(?:x-)?(?:ms-)?(?:ratelimit-)?retry-after(?P<ms>-ms)?")
_LIMIT_HEADER = re.compile(
    r"(?:[a-z]+-)?ratelimit(?P<of>[a-z]*)(?:-(?P<before>[a-z-]+?))?-(?P<kind>remaining|reset)(?:-(?P<after>[a-z-]+))?"
)
"""`x-ratelimit-remaining-requests`, `anthropic-ratelimit-requests-reset`, `ratelimit-reset`, `ratelimitbysize-reset`"""
_LIMIT_FIELD = re.compile(r"\b(?P<kind>r|remaining|t|reset)\s*=\s*(?P<number>\d{1,9}(?:\.\d*)?)", re.I)
"""Of the header `RateLimit`: `"default";r=0;t=30`, or `limit=100, remaining=0, reset=30`."""
_MIN_EPOCH, _MIN_EPOCH_MS = 1e9, 1e11
"""Numbers from here on are no durations, but seconds, or milliseconds, since 1970."""


def requested_wait(headers: Mapping[str, str], message: str = "") -> float | None:
    """Return the seconds that a server requests to wait after it rejected a request; None: not given.

    Args:
        headers: of the response.
        message: the error message, such as `Please try again in 1m30s`.
    """
    headers = CaseInsensitiveDict(headers)
    for wait in (retry_after(headers), wait_until_reset(headers), wait_in_text(message)):
        if wait is not None:
            return wait
    resets = [wait for _, wait in _limits(headers).values() if wait is not None]
    return min(resets, default=None)


def wait_until_reset(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a used-up limit is reset; None: no header says that one is used up."""
    resets = [wait for remaining, wait in _limits(headers).values() if remaining == 0 and wait is not None]
    return max(resets, default=None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of the header `Retry-After` or one of its kind: a number, a duration, or a time."""
    headers = CaseInsensitiveDict(headers)
    found = {name: match for name in headers if (match := _RETRY_HEADER.fullmatch(name.lower()))}
    for name, match in sorted(found.items(), key=lambda each: (not each[1]["ms"], each[0])):  # milliseconds first
        value = headers[name].strip()
        if match["ms"] and _NUMBER.fullmatch(value):
            return float(value) / 1000
        if not match["ms"] and (wait := _reset(value, headers)) is not None:
            return wait
    return None


def _limits(headers: Mapping[str, str]) -> dict[str, tuple[float | None, float | None]]:
    """Return what remains of each limit, and the seconds until it is reset."""
    headers = CaseInsensitiveDict(headers)
    limits: dict[str, tuple[float | None, float | None]] = {}
    for name, value in headers.items():
        if found := _LIMIT_HEADER.fullmatch(name.lower()):
            limit = found["of"] or found["before"] or found["after"] or ""
            remaining, wait = limits.get(limit, (None, None))
            if found["kind"] == "reset":
                limits[limit] = remaining, _reset(value.strip(), headers)
            elif _NUMBER.fullmatch(value.strip()):
                limits[limit] = float(value), wait
    return limits | _structured_limits(headers.get("RateLimit", ""))


def _structured_limits(value: str) -> dict[str, tuple[float | None, float | None]]:
    """Return the limits of the header `RateLimit`, each by its place."""
    limits: dict[str, tuple[float | None, float | None]] = {}
    remaining = None
    for found in _LIMIT_FIELD.finditer(value):
        number = float(found["number"])
        if found["kind"].lower() in ("r", "remaining"):
            remaining = number
        else:
            limits[f"{found.start()}"] = remaining, number
    return limits


def _reset(value: str, headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `20`, `6m0s`, `120ms`, `PT10S`, a time since 1970, or a date."""
    if re.fullmatch(r"\d{1,15}(\.\d*)?", value):
        number = float(value)
        if number < _MIN_EPOCH:
            return number
        seconds = number / 1000 if number >= _MIN_EPOCH_MS else number
        return _seconds_until(datetime.datetime.fromtimestamp(seconds, datetime.UTC), headers)
    duration = _DURATION.fullmatch(value.lower().removeprefix("pt"))
    if value and duration:
        return sum(unit * float(part) for unit, part in zip(_UNITS, duration.groups(), strict=True) if part)
    try:
        parsed = datetime.datetime.fromisoformat(value)
    except ValueError:
        return _seconds_until(_parse_date(value), headers)
    return _seconds_until(parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC), headers)


def _seconds_until(until: datetime.datetime | None, headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a time by the server's clock; if it is not given, by that of this machine.

    By this machine, a time that has passed says nothing.
    """
    if until is None:
        return None
    if now := _parse_date(headers.get("Date", "")):
        return max((until - now).total_seconds(), 0.0)
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - decides when a request starts, not what is written
    wait = (until - now).total_seconds()
    return wait if wait > 0 else None


def _parse_date(text: str) -> datetime.datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)


def remaining_requests(headers: Mapping[str, str]) -> float | None:
    """Return the number of further requests that a server accepts before a reset; None: not given."""
    limits = _limits(headers)
    numbers = [remaining for name, (remaining, _) in limits.items() if not name or "req" in name]
    return min((number for number in numbers if number is not None), default=None)
