"""The kinds of the errors of an endpoint: a used-up quota, a limit of each minute, or a content filter.

Codes and statuses differ between providers, and one status has several meanings. So the words of the message decide
where the codes do not. Only the message is searched, because other fields of an error may repeat the prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PAYMENT_REQUIRED = 402
_LIMITED = frozenset({429, 498})
_UNAVAILABLE = frozenset({502, 503, 504, 529})
_QUOTA_STATUSES = frozenset({400, 401, 403, 412, *_LIMITED})
_UNSPECIFIC = frozenset({403, 500})
"""Statuses of limits of the rate at some providers, and of errors in successful responses without a status."""
_MESSAGE_KEYS = ("message", "error", "detail", "msg", "status_msg", "error_msg", "error_message", "errors", "Message")
_CODE_KEYS = ("code", "type", "status", "error_code", "status_code")
_MAX_DEPTH = 5
_ADDRESS = re.compile(r"https?://\S+|\S+\.\w+/\S*")

_BALANCE = re.compile(
    r"(?:balance|credits?|funds)\b.{0,24}\b(?:insufficient|too low|not enough|exhausted|depleted|used up|negative)"
    r"|(?:insufficient|not enough|out of|used all|negative|exhausted)\b.{0,24}\b(?:balance|credits?|funds)\b"
    r"|free (?:tier|trial|allocated quota|quota)\b.{0,24}\b(?:exceeded|exhausted|used up|expired|ended)"
    r"|\bno (?:more |remaining )?credits?\b|credit balance|payment required|in arrears|payments? (?:is |are )?overdue"
    r"|欠费|余额(?:已)?(?:不足|用尽|用完)|(?:请|需要?|账户)充值|额度(?:已)?(?:不足|用尽|用完|耗尽)|套餐已?(?:到期|过期)",
    re.I | re.S,
)
"""Words of an account that has to be paid for, whatever else the message says."""
_QUOTA_CODE = re.compile(
    r"insufficient_(?:\w*quota|balance|credits?|funds)|billing_|arrear|quota_?exceeded|exceeded_current_quota"
    r"|free_?tier_?only|credits?_|payment|^1113$",
    re.I,
)
_QUOTA = re.compile(
    r"exceeded your current quota|billing"
    r"|\b(?:quota|credits?|balance|free tier|allowance)\b.{0,24}\b(?:used up|exhausted|exceeded|depleted|reached)"
    r"|(?:exceeded|exhausted|reached|used|hit)(?: all)?(?: of)? (?:your|the|its)\b.{0,30}"
    r"\b(?:quota|usage limits?|allowance|credits)"
    r"|(?:key|spend(?:ing)?|usage|month(?:ly)?)\b.{0,24}\b(?:limits?|cap|quota)\b.{0,24}(?:reached|exceeded|used)"
    r"|month(?:ly)? .{0,24}(?:limit|quota|cap)|(?:per|each|this|/)\s*month\b|每月|本月",
    re.I | re.S,
)
_SHORT = re.compile(
    r"(?:per|/|each|every|an?)[\s_\-]*(?:min(?:ute)?|sec(?:ond)?|hour)s?(?![a-z])"
    r"|(?-i:Per(?:Minute|Second|Hour))|\b[RT]P[MSH]\b|\bhourly\b|每(?:分钟|秒|小时)|分钟内",
    re.I,
)
"""Periods of limits that a job can wait for."""
_DAY = re.compile(r"(?:per|/|each)[\s_\-]*day\b|\bdaily\b|(?-i:PerDay)|\b[RT]PD\b|每(?:天|日)|当日|今日", re.I)
_THROTTLED = re.compile(r"throttl", re.I)
"""Codes of limits of the rate, though their messages speak of an allocated quota."""
_LIMIT = re.compile(r"rate.?limit|too many requests|throttl|concurrency limit|请求过于频繁|频率限制|并发", re.I)
_FILTER_CODE = re.compile(
    r"content_?(?:filter|policy)|responsible_?ai|data_?inspection_?failed|moderation|sensitive|^1301$", re.I
)
_FILTER = re.compile(
    r"content exists risk|\bflagged\b|content (?:management )?polic|content filter|inappropriate content"
    r"|safety (?:system|filter|polic)|usage polic|(?:request|prompt|response|content|output) was (?:filtered|blocked)"
    r"|sensitive (?:content|information|words?)|敏感|违规|不安全|不当内容|不适当",
    re.I,
)


def is_quota(status: int, codes: Sequence[str], message: str, text: str, has_wait: bool) -> bool:
    """Whether an error means that the quota of the account is used up, rather than a limit that a job can wait for.

    Some providers use the same message for both; then only the limit comes with a wait, or names a period.

    Args:
        status: the HTTP status.
        codes: the codes and types of the error.
        message: the words of the error.
        text: the whole error, which may name the period of a limit in its details.
        has_wait: whether the server requests a wait.
    """
    words = _ADDRESS.sub(" ", message)
    if status == _PAYMENT_REQUIRED or _BALANCE.search(words):
        return True
    if _SHORT.search(message) or _SHORT.search(text) or any(map(_THROTTLED.search, codes)):
        return False
    if any(map(_QUOTA_CODE.search, codes)):
        return True
    is_said = _QUOTA.search(words) or (status in _LIMITED and _DAY.search(message))
    return status in _QUOTA_STATUSES and not has_wait and bool(is_said)


def is_filtered(status: int, codes: Sequence[str], message: str) -> bool:
    """Whether an error means that a content filter removed the prompt or the completion."""
    if any(map(_FILTER_CODE.search, codes)):
        return True
    return status not in _LIMITED | _UNAVAILABLE and _FILTER.search(message) is not None


def is_limited(status: int, codes: Sequence[str], message: str) -> bool:
    """Whether an error only requests fewer requests."""
    return status in _LIMITED or (status in _UNSPECIFIC and any(map(_LIMIT.search, (*codes, message))))


def error_codes(body: object) -> list[str]:
    """Return the codes and types of an error."""
    return [str(each[key]).casefold() for each in _parts(body) for key in _CODE_KEYS if _is_code(each.get(key))]


def error_message(body: object, text: str) -> str:
    """Return the message of an error in the format of OpenAI, or of others; else the whole text of the response."""
    messages = list(dict.fromkeys(_messages(body, 0)))
    return ": ".join(messages) or text


def status_of(body: object) -> int:
    """Return the HTTP status that an error in a successful response contains; 500 if there is none."""
    codes = [each[key] for each in _parts(body) for key in ("code", "status", "status_code") if key in each]
    numbers = [int(code) for code in codes if str(code).isdecimal() and len(str(code)) == 3]
    return next((number for number in numbers if 400 <= number < 600), 500)


def _is_code(value: object) -> bool:
    return isinstance(value, str | int) and bool(value)


def _parts(value: object, depth: int = 0) -> Iterator[Mapping[str, Any]]:
    """Yield an error and the errors in it."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for each in value:
            yield from _parts(each, depth + 1)
    elif isinstance(value, Mapping):
        yield value
        for key in ("error", "innererror", "base_resp", "metadata", "detail"):
            yield from _parts(value.get(key), depth + 1)


def _messages(value: object, depth: int) -> Iterator[str]:
    """Yield the message of an error, and that of another provider which it repeats."""
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, str):
        inner = _parse(value)
        if inner is None and value.strip():
            yield value.strip()
        yield from _messages(inner, depth + 1)
    elif isinstance(value, list):
        yield from _messages(value[0] if value else None, depth + 1)
    elif isinstance(value, Mapping):
        found = next((value[key] for key in (*_MESSAGE_KEYS, "base_resp") if value.get(key)), None)
        place = value.get("loc")
        if isinstance(place, list):
            yield ".".join(map(str, place))
        yield from _messages(found, depth + 1)
        metadata = value.get("metadata")
        yield from _messages(metadata.get("raw") if isinstance(metadata, Mapping) else None, depth + 1)


def _parse(text: str) -> Any:
    """Return the JSON value in a text; None: it is plain."""
    try:
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") else None
    except (ValueError, RecursionError):
        return None
