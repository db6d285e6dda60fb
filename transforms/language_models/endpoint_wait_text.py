"""The wait that the error message of a server requests, such as `Please try again in 1m30s`."""

from __future__ import annotations

import re

_NUMBER = r"(?:\d{1,9}(?:\.\d{1,9})?|\b(?:an?|one)\b)"
_UNIT = r"(?:milliseconds?|minutes?|mins?|hours?|hrs?|seconds?|secs?|days?|ms|m|h|s|d)(?![a-z])"
_DURATION = rf"{_NUMBER}\s*{_UNIT}(?:(?:\s*(?:,|and\b))?\s*{_NUMBER}\s*{_UNIT}){{0,4}}"
_VERB = r"(?:try|retry|retrying|retries|wait|available|resets?|back ?off|throttled)"
_IN_WORDS = re.compile(
    rf"(?:\b{_VERB}\b[^.\n]{{0,40}}?(?:\bin|after|for)|retrydelay|\bwait)\W{{0,5}}(?P<duration>{_DURATION})", re.I
)
_OTHERWISE = re.compile(
    rf"\b{_VERB}\b[^.\n]{{0,40}}?(?:\bin|after)\s+(?:PT(?:(?P<h>\d+)H)?(?:(?P<m>\d+)M)?(?:(?P<s>\d+(?:\.\d+)?)S)?"
    r"|(?P<hours>\d{1,2}):(?P<minutes>\d\d):(?P<seconds>\d\d(?:\.\d+)?))(?!\w)",
    re.I,
)
"""`PT1M30S` and `00:01:30`."""
_EAST_ASIAN = re.compile(
    r"(?P<number>\d{1,9}(?:\.\d{1,9})?)\s*(?P<unit>毫秒|秒钟?|秒間?|分钟|分鐘|分間?|小时|小時|時間|天|日|초|분|시간|일)"
    r"\s*(?:之|以)?\s*(?:后|後|후|뒤)"
)
_FIELD = re.compile(
    r"retry[_\-]?after(?:[_\-]?(?P<unit>ms|milliseconds|s|sec|seconds))?[\"']?\s*[:=]\s*[\"']?"
    r"(?P<number>\d{1,9}(?:\.\d{1,9})?)(?![\w.:\-])",
    re.I,
)
"""`{"retry_after": 12.5}`, `Retry-After: 15`."""
_PART = re.compile(rf"({_NUMBER})\s*([a-z]+)", re.I)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_EAST_ASIAN_SECONDS = [("毫", 0.001), ("秒초", 1.0), ("分분", 60.0), ("小時시", 3_600.0), ("天日일", 86_400.0)]
"""The first characters of units, and their seconds."""


def wait_in_text(message: str) -> float | None:
    """Return the seconds of the wait in a message; None: it requests none."""
    if found := _IN_WORDS.search(message):
        return sum(_number(number) * _unit(unit) for number, unit in _PART.findall(found["duration"]))
    if found := _FIELD.search(message):
        return float(found["number"]) * (_SECONDS["ms"] if (found["unit"] or "s").lower().startswith("m") else 1.0)
    if found := _EAST_ASIAN.search(message):
        return float(found["number"]) * next(each for names, each in _EAST_ASIAN_SECONDS if found["unit"][0] in names)
    if (found := _OTHERWISE.search(message)) and any(found.groups()):
        parts = (found["h"] or found["hours"], found["m"] or found["minutes"], found["s"] or found["seconds"])
        return sum(float(part) * _SECONDS[unit] for part, unit in zip(parts, "hms", strict=True) if part)
    return None


def _number(text: str) -> float:
    return float(text) if text[0].isdigit() else 1.0


def _unit(name: str) -> float:
    name = name.lower()
    return _SECONDS["ms"] if name == "ms" or name.startswith("milli") else _SECONDS[name[0]]
