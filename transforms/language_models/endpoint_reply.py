"""Replies of an endpoint: a completion, a failure that is worth a retry, or one that is not."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import requests

from transforms.language_models.endpoint_limits import requested_wait
from transforms.language_models.interface import FailureReason
from transforms.language_models.reasoning import remove_reasoning

_TRANSIENT = frozenset({408, 409, 425, 429})
_LIMITED = frozenset({429})
_OVERLOADED = frozenset({503, 529})
_UNAUTHORIZED = frozenset({401, 403})
"""Statuses with which servers may repeat a part of the key: their messages are not shown."""
_QUOTA_STATUS = 402
_QUOTA_CODES = frozenset(
    {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "quota_exceeded", "insufficient_balance"}
)
_QUOTA = re.compile(
    r"exceeded your current quota|credit balance|insufficient (?:balance|credits?|funds|quota)|billing"
    r"|(?:quota|credits?|balance) (?:is |are |has been |have been )?(?:used up|exhausted|exceeded|depleted)"
    r"|out of credits?|payment required",
    re.I,
)
_FILTER_CODES = re.compile(r"content_?(?:filter|policy)|responsible_?ai|data_?inspection_?failed|moderation", re.I)
_CUT = frozenset({"length", "max_tokens", "model_length", "max_output_tokens"})
_FILTERED = frozenset(
    {
        "content_filter",
        "content_filtered",
        "safety",
        "recitation",
        "prohibited_content",
        "blocklist",
        "sensitive",
        "spii",
    }
)
_REFUSED = frozenset({"refusal"})
_BROKEN = frozenset({"error", "abort", "network_error", "insufficient_system_resource"})
_REASONING_FIELDS = ("reasoning_content", "reasoning", "thinking")
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
    """

    def __init__(
        self,
        message: str,
        retry_after: float | None = None,
        is_limited: bool = False,
        reason: FailureReason = "failed",
    ) -> None:
        super().__init__(message, reason)
        self.retry_after = retry_after
        self.is_limited = is_limited


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
    if not 200 <= response.status_code < 300:
        _raise_error(response.status_code, _body(response), response, secret)


def parse_completion(response: requests.Response, secret: str = "") -> ChatReply:
    """Return the whole text of a chat completion, without its reasoning. It may be empty only if it was cut.

    Args:
        response: the response of the server, with a status of success.
        secret: text that is masked in messages; empty: none.

    Raises:
        TransientError: if the response is no chat completion, or has no text.
        EndpointError: if the completion was refused, filtered, or consists of reasoning only.
    """
    reply = _json(response)
    if isinstance(reply, dict) and reply.get("error") and not reply.get("choices"):
        _raise_error(_status_of(reply["error"]), reply, response, secret)
    choice = _first_choice(reply)
    message = choice["message"]
    finish = str(choice.get("finish_reason") or "").strip().casefold()
    if finish in _BROKEN:
        raise TransientError(f"the completion ended with {finish}")
    if refusal := _refusal(message):
        raise EndpointError(f"the model refuses: {shorten(refusal)}", "refused")
    if finish in _FILTERED:
        raise EndpointError("the provider's content filter removed the completion", "filtered")
    text, in_parts = _text(message.get("content"))
    if finish in _REFUSED:
        raise EndpointError(f"the model refuses: {shorten(text)}", "refused")
    plain = remove_reasoning(text)
    has_reasoning = plain.has_reasoning or in_parts or any(message.get(name) for name in _REASONING_FIELDS)
    is_cut = finish in _CUT
    if not plain.text and not is_cut:
        if has_reasoning:
            raise EndpointError("the reply has reasoning and no completion", "reasoning")
        raise TransientError("an empty completion", reason="blank")
    return ChatReply(plain.text, is_cut, has_reasoning)


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


def _raise_error(status: int, body: Any, response: requests.Response, secret: str) -> None:
    text = response.text.replace(secret, "***") if secret else response.text
    shown = _error_message(body, response)
    message = f"status {status}"
    if status not in _UNAUTHORIZED and (line := shorten(shown.replace(secret, "***") if secret else shown)):
        message += f": {line}"
    wait = requested_wait(response.headers, text) or None  # a wait of 0 says nothing
    if _is_quota(status, body, text, wait):
        raise QuotaError(message)
    if status in _TRANSIENT or status >= 500:
        raise TransientError(
            message, wait, is_limited=status in _LIMITED or (status in _OVERLOADED and wait is not None)
        )
    if _FILTER_CODES.search(" ".join(_codes(body))):
        raise EndpointError(message, "filtered")
    raise RejectedError(message, text)


def _is_quota(status: int, body: Any, text: str, wait: float | None) -> bool:
    """Whether an error means that the quota of the account is used up, rather than a limit of each minute.

    Some providers use the same message for both; then only the limit comes with a wait.
    """
    if status == _QUOTA_STATUS or _QUOTA_CODES & set(_codes(body)):
        return True
    return status in {400, 403, 429} and wait is None and _QUOTA.search(text) is not None


def _codes(body: Any) -> list[str]:
    """Return the codes and types of an error."""
    error = body.get("error", body) if isinstance(body, Mapping) else {}
    codes: list[str] = []
    while isinstance(error, Mapping):
        codes += [str(error[name]).casefold() for name in ("code", "type", "status") if error.get(name)]
        error = error.get("innererror")
    return codes


def _status_of(error: Any) -> int:
    code = error.get("code") if isinstance(error, Mapping) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 500


def _body(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError):
        return None


def _json(response: requests.Response) -> Any:
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise TransientError("the reply is not JSON") from error


def _first_choice(reply: Any) -> dict[str, Any]:
    try:
        choice = reply["choices"][0]
        message = choice["message"]
    except (KeyError, IndexError, TypeError) as error:
        raise TransientError("the reply is not a chat completion") from error
    if not isinstance(choice, dict) or not isinstance(message, dict):
        raise TransientError("the reply is not a chat completion")
    return choice


def _refusal(message: Mapping[str, Any]) -> str:
    refusal = message.get("refusal")
    if isinstance(refusal, str) and refusal.strip():
        return refusal
    content = message.get("content")
    parts = content if isinstance(content, list) else []
    return " ".join(str(part["refusal"]) for part in parts if isinstance(part, dict) and part.get("refusal"))


def _text(content: Any) -> tuple[str, bool]:
    """Return the text of a message, a string or a list of parts, and whether there are parts with reasoning.

    Raises:
        TransientError: if it is neither.
    """
    if content is None:  # of reasoning models, if the reasoning used all tokens
        return "", False
    if isinstance(content, str):
        return content, False
    if not isinstance(content, list) or not all(isinstance(part, dict) for part in content):
        raise TransientError("the reply is not a chat completion")
    texts = [part for part in content if part.get("type", "text") in ("text", "output_text")]
    if not all(isinstance(part.get("text"), str) for part in texts):
        raise TransientError("the reply is not a chat completion")
    return "".join(part["text"] for part in texts), len(texts) < len(content)


def _error_message(body: Any, response: requests.Response) -> str:
    """Return the message of an error in the format of OpenAI, or of others; else the whole body."""
    error = body
    for key in ("error", "message"):
        error = error.get(key, error) if isinstance(error, dict) else error
    return error if isinstance(error, str) else response.text
