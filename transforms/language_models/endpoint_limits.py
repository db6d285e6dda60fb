"""The waits that a server requests, in the headers and messages of the common providers."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from requests.structures import CaseInsensitiveDict

_NUMBER = re.compile(r"\d{1,9}(\.\d*)?")
_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d*)?)s)?(?:(\d+(?:\.\d*)?)ms)?")
_UNITS = (86_400.0, 3_600.0, 60.0, 1.0, 0.001)
_LIMIT_HEADER = re.compile(
    r"(?:x-|anthropic-)?ratelimit(?:-(?P<before>[a-z-]+?))?-(?P<kind>remaining|reset)(?:-(?P<after>[a-z-]+))?"
)
"""`x-ratelimit-remaining-requests`, `anthropic-ratelimit-requests-reset`, `ratelimit-reset`."""
_MIN_EPOCH, _MIN_EPOCH_MS = 1e9, 1e11
"""Numbers from here on are no durations, but seconds, or milliseconds, since 1970."""
_IN_TEXT = re.compile(
    r"(?:(?:try|retry|retrying|wait|available)[^.\n]{0,40}?(?:\bin|after|for)|retrydelay\W{1,5}|\bwait)\s*"
    r"(?P<duration>(?:\d+(?:\.\d+)?\s*(?:milliseconds?|minutes?|mins?|hours?|seconds?|secs?|ms|m|h|s)(?![a-z])\s*)+)",
    re.I,
)
_TEXT_UNIT = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)", re.I)
_TEXT_UNITS = {"ms": 0.001, "m": 60.0, "h": 3_600.0, "s": 1.0}


def requested_wait(headers: Mapping[str, str], message: str = "") -> float | None:
    """Return the seconds that a server requests to wait after it rejected a request; None: not given.

    Args:
        headers: of the response.
        message: the error message, such as `Please try again in 1m30s`.
    """
    headers = CaseInsensitiveDict(headers)
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _NUMBER.fullmatch(milliseconds):
        return float(milliseconds) / 1000
    for wait in (retry_after(headers), wait_until_reset(headers), _wait_in_text(message)):
        if wait is not None:
            return wait
    resets = [wait for _, wait in _limits(headers).values() if wait is not None]
    return min(resets, default=None)


def wait_until_reset(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until a used-up limit is reset; None: no header says that one is used up."""
    resets = [wait for remaining, wait in _limits(headers).values() if remaining == 0 and wait is not None]
    return max(resets, default=None)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of the header `Retry-After`: a number, or a time by the server's clock."""
    headers = CaseInsensitiveDict(headers)
    value = headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(value):
        return float(value)
    return _seconds_until(_parse_date(value), headers)


def _limits(headers: Mapping[str, str]) -> dict[str, tuple[float | None, float | None]]:
    """Return what remains of each limit, and the seconds until it is reset."""
    headers = CaseInsensitiveDict(headers)
    limits: dict[str, tuple[float | None, float | None]] = {}
    for name, value in headers.items():
        if found := _LIMIT_HEADER.fullmatch(name.lower()):
            limit = found["before"] or found["after"] or ""
            remaining, wait = limits.get(limit, (None, None))
            if found["kind"] == "reset":
                limits[limit] = remaining, _reset(value.strip(), headers)
            elif _NUMBER.fullmatch(value.strip()):
                limits[limit] = float(value), wait
    return limits


def _reset(value: str, headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `20`, `6m0s`, `120ms`, a time since 1970, or a date."""
    if re.fullmatch(r"\d{1,15}(\.\d*)?", value):
        number = float(value)
        if number < _MIN_EPOCH:
            return number
        seconds = number / 1000 if number >= _MIN_EPOCH_MS else number
        return _seconds_until(datetime.datetime.fromtimestamp(seconds, datetime.UTC), headers)
    duration = _DURATION.fullmatch(value)
    if value and duration:
        return sum(unit * float(part) for unit, part in zip(_UNITS, duration.groups(), strict=True) if part)
    try:
        parsed = datetime.datetime.fromisoformat(value)
    except ValueError:
        return _seconds_until(_parse_date(value), headers)
    return _seconds_until(parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC), headers)


def _seconds_until(until: datetime.datetime | None, headers: Mapping[str, str]) -> float | None:
    now = _parse_date(headers.get("Date", ""))
    return max((until - now).total_seconds(), 0.0) if until and now else None


def _parse_date(text: str) -> datetime.datetime | None:
    try:
        parsed = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=datetime.UTC)


def _wait_in_text(message: str) -> float | None:
    found = _IN_TEXT.search(message)
    if not found:
        return None
    return sum(float(number) * _unit(unit.lower()) for number, unit in _TEXT_UNIT.findall(found["duration"]))


def _unit(name: str) -> float:
    if name == "ms" or name.startswith("milli"):
        return _TEXT_UNITS["ms"]
    return _TEXT_UNITS[name[0]]


def remaining_requests(headers: Mapping[str, str]) -> float | None:
    """Return the number of further requests that a server accepts before a reset; None: not given."""
    limits = _limits(headers)
    numbers = [remaining for name, (remaining, _) in limits.items() if not name or "request" in name]
    return min((number for number in numbers if number is not None), default=None)
