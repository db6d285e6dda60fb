"""Replies of an endpoint: a completion, or why there is none, whatever the form of the body."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import requests

from transforms.language_models.endpoint_errors import EndpointError, TransientError, error_of, shorten
from transforms.language_models.reasoning import remove_reasoning

_CUT = re.compile(r"length|max\w*_?tokens|truncat", re.I)
_FILTERED = re.compile(
    r"content_?filter|safety|recitation|prohibited|blocklist|sensitive|spii|moderation|content_?polic|guardrail|toxic",
    re.I,
)
_REFUSED = re.compile(r"refusal|refused", re.I)
_BROKEN = frozenset({"error", "abort", "network_error", "insufficient_system_resource"})
_FILTER_MARK = re.compile(r"block_?reason|filtered$|_sensitive$|flagged$|^blocked$", re.I)
_REASONING_FIELD = re.compile(r"reasoning|think|thought", re.I)
_MAX_DEPTH = 6


class ChatReply(NamedTuple):
    """A chat completion.

    Attributes:
        text: the completion without reasoning, all lines.
        is_cut: whether it ends because it reached the maximum number of tokens.
        has_reasoning: whether the model wrote reasoning.
    """

    text: str
    is_cut: bool
    has_reasoning: bool


def raise_for_status(response: requests.Response, secret: str = "") -> None:
    """Raise an error unless the status is one of success.

    Args:
        response: the response of the server.
        secret: text that is masked in the message; empty: none.

    Raises:
        TransientError: if the server is busy or broken.
        QuotaError: if the quota is used up.
        EndpointError: if the server rejects the request.
    """
    if 200 <= response.status_code < 300:
        return
    try:
        body = response.json()
    except (ValueError, RecursionError):
        body = None
    raise error_of(response, body, secret, response.status_code)


def parse_completion(response: requests.Response, secret: str = "") -> ChatReply:
    """Return the whole text of a chat completion, without its reasoning. It may be empty only if it was cut.

    Args:
        response: the response of the server, with a status of success.
        secret: text that is masked in messages; empty: none.

    Raises:
        TransientError: if the response is no chat completion, or has no text.
        QuotaError: if the response is an error about the quota.
        EndpointError: if the completion was refused, filtered, or consists of reasoning only.
    """
    reply = _json(response)
    choice = _first_choice(reply)
    if choice is None and _is_native(reply):
        raise EndpointError(
            "the reply is not in the format of OpenAI; most servers have that format at an address with /v1"
        )
    if choice is None and _is_error(reply):
        raise error_of(response, reply, secret)
    finish = _finish(choice or {})
    if finish in _BROKEN:
        raise TransientError(f"the completion ended with {finish}")
    message = (choice or {}).get("message")
    if isinstance(message, Mapping) and (refusal := _refusal(message)):
        raise EndpointError(f"the model refuses: {shorten(refusal)}", "refused")
    if _FILTERED.search(finish) or (not isinstance(message, Mapping) and _has_filter_mark(reply)):
        raise EndpointError("the provider's content filter removed the completion", "filtered")
    if not isinstance(message, Mapping):
        raise TransientError("the reply is not a chat completion")
    return _read(reply, message, finish)


def _read(reply: Any, message: Mapping[str, Any], finish: str) -> ChatReply:
    text, in_parts = _text(message.get("content"))
    text = text if text.strip() else _arguments(message)
    if _REFUSED.search(finish):
        raise EndpointError(f"the model refuses: {shorten(text)}", "refused")
    plain = remove_reasoning(text)
    in_fields = any(value for name, value in message.items() if _REASONING_FIELD.match(str(name)))
    has_reasoning = plain.has_reasoning or in_parts or in_fields
    is_cut = _CUT.search(finish) is not None
    if not plain.text and not is_cut:
        if has_reasoning:
            raise EndpointError("the reply has reasoning and no completion", "reasoning")
        if _has_filter_mark(reply):
            raise EndpointError("the provider's content filter removed the completion", "filtered")
        raise TransientError("an empty completion", reason="blank")
    return ChatReply(plain.text, is_cut, has_reasoning)


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise TransientError("the reply is not JSON") from error


def _first_choice(reply: Any) -> Mapping[str, Any] | None:
    choices = reply.get("choices") if isinstance(reply, Mapping) else None
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, Mapping) else None


def _is_error(reply: Any) -> bool:
    """Whether a successful response without choices is an error in the format of OpenAI, or of others."""
    if not isinstance(reply, Mapping):
        return False
    state = reply.get("base_resp")
    is_bad = isinstance(state, Mapping) and state.get("status_code") not in (None, 0)
    return is_bad or any(reply.get(name) for name in ("error", "message", "msg", "detail"))


def _is_native(reply: Any) -> bool:
    """Whether a response has a completion in another format, such as that of Ollama's `/api/chat`."""
    if not isinstance(reply, Mapping):
        return False
    message = reply.get("message")
    is_ollama = isinstance(message, Mapping) and isinstance(message.get("content"), str)
    return is_ollama or any(isinstance(reply.get(name), list) and bool(reply[name]) for name in ("content", "output"))


def _finish(choice: Mapping[str, Any]) -> str:
    """Return why a completion ended, in the words of the provider and of the one behind it."""
    reason = str(choice.get("finish_reason") or "").strip().casefold()
    native = str(choice.get("native_finish_reason") or "").strip().casefold()
    return native if native and (_FILTERED.search(native) or _REFUSED.search(native)) else reason


def _has_filter_mark(value: Any, depth: int = 0) -> bool:
    """Whether a reply without text says that a filter removed it: `"promptFeedback": {"blockReason": "OTHER"}`."""
    if depth > _MAX_DEPTH:
        return False
    if isinstance(value, list):
        return any(_has_filter_mark(each, depth + 1) for each in value)
    if not isinstance(value, Mapping):
        return False
    marks = [each for name, each in value.items() if _FILTER_MARK.search(str(name)) and isinstance(each, bool | str)]
    return any(marks) or any(_has_filter_mark(each, depth + 1) for each in value.values())


def _refusal(message: Mapping[str, Any]) -> str:
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip():
        return refusal
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return " ".join(str(part["refusal"]) for part in parts if isinstance(part, dict) and part.get("refusal"))


def _text(content: Any) -> tuple[str, bool]:
    """Return the text of a message, a string or parts of it, and whether there are parts with reasoning.

    Raises:
        TransientError: if it is neither.
    """
    if content is None:  # of reasoning models, if the reasoning used all tokens
        return "", False
    parts = content if isinstance(content, list) else [content]
    if not all(isinstance(part, str | Mapping) for part in parts):
        raise TransientError("the reply is not a chat completion")
    shown = [part for part in parts if isinstance(part, str) or part.get("type", "text") in ("text", "output_text")]
    return "".join(map(_part_text, shown)), len(shown) < len(parts)


def _part_text(part: Any) -> str:
    """Return the text of a part: `"a"`, `{"text": "a"}` or `{"text": {"value": "a"}}`."""
    text = part.get("text") if isinstance(part, Mapping) else part
    text = text.get("value") if isinstance(text, Mapping) else text
    if text is not None and not isinstance(text, str):
        raise TransientError("the reply is not a chat completion")
    return text or ""


def _arguments(message: Mapping[str, Any]) -> str:
    """Return the arguments of the first function that a message without text calls, as JSON; empty: it calls none."""
    calls = message.get("tool_calls")
    call = calls[0] if isinstance(calls, list) and calls else message
    function = call.get("function", call.get("function_call")) if isinstance(call, Mapping) else None
    arguments = function.get("arguments") if isinstance(function, Mapping) else None
    if isinstance(arguments, Mapping):
        return json.dumps(arguments, ensure_ascii=False)
    return arguments if isinstance(arguments, str) else ""
