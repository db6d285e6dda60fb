"""Request bodies for an endpoint, without the parameters that its server was found to reject.

Servers that are compatible with OpenAI's API differ in their optional parameters, and so do models of one server. The
error of a rejected request names the parameter, so it is sent in another form, or not at all, from then on.
"""

from __future__ import annotations

import json
import re
import threading
from typing import Any

from transforms.language_models.decoding import DecodingConfig, prompt_seed
from transforms.language_models.prompt_template import PromptTemplate, chat_messages, merge_instructions

_LIMIT, _NEW_LIMIT = "max_tokens", "max_completion_tokens"
_OPTIONAL = ("temperature", "top_p", "seed", "response_format")
_SYSTEM = "system message"
_REJECTS = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|unexpected|not (?:permitted|allowed|available|accepted|valid)"
    r"|extra|deprecated|instead|only the default|invalid|forbidden|unavailable|\bmust\b|exception|not implemented",
    re.I,
)
_REJECTS_SYSTEM = re.compile(
    r"system\W{0,3}(?:role|message|prompt|instruction)s?\b.{0,40}(?:not|unsupported)"
    r"|developer instruction is not enabled|roles? must (?:alternate|be)|only [^.\n]{0,40}\broles? (?:is|are)"
    r"|\broles?\W{1,5}system|\brole\b[^.\n]{0,60}\bsystem\b|messages\W{0,2}0\W{1,2}role|(?:不支持|无效)[^.\n]{0,8}system",
    re.I | re.S,
)
_FORMAT = re.compile(r"json[ _]?(?:schema|mode)|response[ _]format|guided|schema|structured[ _]output|grammar", re.I)
_EITHER = re.compile(r"cannot both|both .{0,20}specified|only one|either|not both", re.I)
_REPEATED = re.compile(
    r"\\?[\"'](?:role\\?[\"']\s*:\s*\\?[\"']\w+\\?[\"']"
    r"|(?:temperature|top_p|seed|max_\w*tokens)\\?[\"']\s*:\s*-?\d[\d.e\-]*)"
)
"""Parts of a request body that an error repeats: `"seed": 7`."""
_MIN_REPEATED = 20
"""Minimum number of characters of a message that is looked for in an error; a short one may be a part of its words."""
_TOO_LARGE = re.compile(
    r"too (?:large|long|high|many)|maximum|at most|exceed|less than|must be <|context (?:length|window)", re.I
)
_UNSUPPORTED = re.compile(
    r"unsupported|not support|unrecogni[sz]ed|unknown|instead|not permitted|extra_forbidden", re.I
)


class Dialect:
    """The form of request bodies, shared by the threads of a process.

    It determines which parameters are sent. A model that rejects the temperature, say, completes with its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rejected: frozenset[str] = frozenset()

    def accepts(self, parameter: str) -> bool:
        """Whether no request was rejected for a parameter."""
        return parameter not in self._rejected

    def reject(self, parameter: str) -> None:
        """Do not send a parameter any more."""
        with self._lock:
            self._rejected |= {parameter}

    def body(
        self,
        model: str,
        template: PromptTemplate,
        decoding: DecodingConfig,
        prompt: str,
        max_tokens: int,
        response_format: dict[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Return the body of a request for a chat completion.

        Each prompt has its own seed, of 31 bits, which every server accepts, so a completion depends on its prompt
        alone. Without sampling `top_p` is left out, because TGI rejects a value of 1. No `stop` is sent: a line break
        may stand before the completion, and between reasoning and completion.
        """
        rejected = self._rejected
        messages = chat_messages(template, prompt)
        body = {
            "model": model,
            "messages": merge_instructions(messages) if _SYSTEM in rejected else messages,
            _NEW_LIMIT if _LIMIT in rejected else _LIMIT: max_tokens,
            "temperature": decoding.temperature,
            "top_p": decoding.top_p,
            "seed": prompt_seed(prompt, decoding.seed) >> 32,
            "response_format": response_format,
        }
        if decoding.temperature == 0:
            del body["top_p"]
        if response_format is None:
            del body["response_format"]
        return {name: value for name, value in body.items() if name == _LIMIT or name not in rejected}

    def learn(self, body: dict[str, Any], error: str, is_rejection: bool = True) -> bool:
        """Learn from the error of a failed request.

        Args:
            body: of the request.
            error: the error of the server.
            is_rejection: whether the server says that the request is the cause, rather than the server itself.

        Returns:
            Whether another body is worth a request: one of its parameters is the cause.
        """
        error = _without_body(body, error)
        if not is_rejection and not _REJECTS.search(error) and not _REJECTS_SYSTEM.search(error):
            return False
        parameter = _rejected_parameter(body, error)
        if parameter:
            self.reject(parameter)
        return bool(parameter)


def is_too_large(error: str) -> bool:
    """Whether a server rejects a request because the maximum number of tokens is above what it allows."""
    limits = (_LIMIT, _NEW_LIMIT, "max_new_tokens", "context length", "context window")
    return any(_place(error, limit) >= 0 for limit in limits) and bool(_TOO_LARGE.search(error))


def _without_body(body: dict[str, Any], error: str) -> str:
    """Remove the parts of a body that an error repeats: their words do not say which parameter is the cause."""
    contents = [message["content"] for message in body["messages"]]
    for content in (each for each in contents if len(each) >= _MIN_REPEATED):
        for form in (content, json.dumps(content)[1:-1], json.dumps(content, ensure_ascii=False)[1:-1]):
            error = error.replace(form, "")
    return _REPEATED.sub("", error)


def _rejected_parameter(body: dict[str, Any], error: str) -> str:
    """Return the parameter of a body that an error is about; empty: none."""
    if is_too_large(error) and not _UNSUPPORTED.search(error):
        return ""
    if body["messages"][0]["role"] == "system" and _REJECTS_SYSTEM.search(error):
        return _SYSTEM
    places = {name: place for name in _OPTIONAL if name in body and (place := _place(error, name)) >= 0}
    if len(places) > 1 and "top_p" in places and _EITHER.search(error):
        return "top_p"
    if places:
        return min(places, key=places.__getitem__)
    if "response_format" in body and _FORMAT.search(error):
        return "response_format"
    is_named = (limit for limit in (_LIMIT, _NEW_LIMIT) if limit in body and _place(error, limit) >= 0)
    return next(is_named, "") if _REJECTS.search(error) else ""


def _place(error: str, name: str) -> int:
    """Return where an error names a parameter; -1: nowhere."""
    found = re.search(rf"(?<![a-z_]){re.escape(name)}(?![a-z_])", error, re.I)
    return found.start() if found else -1
