"""Request bodies for an endpoint, without the parameters that its server was found to reject.

Servers that are compatible with OpenAI's API differ in their optional parameters, and so do models of one server. The
error of a rejected request names the parameter, so it is sent in another form, or not at all, from then on.
"""

from __future__ import annotations

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
    r"|extra|deprecated|instead|only the default|invalid|forbidden|unavailable",
    re.I,
)
_REJECTS_SYSTEM = re.compile(
    r"system (?:role|message|prompt|instruction)s?\b.{0,40}(?:not|unsupported)|developer instruction is not enabled"
    r"|roles? must alternate|(?:role|roles)\W{1,5}system",
    re.I | re.S,
)
_TOO_LARGE = re.compile(
    r"too (?:large|long|high|many)|maximum|at most|exceed|less than|context (?:length|window)", re.I
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

    def learn(self, body: dict[str, Any], error: str) -> bool:
        """Learn from the error of a rejected request.

        Args:
            body: of the request.
            error: the error of the server.

        Returns:
            Whether another body is worth a request: one of its parameters is the cause.
        """
        parameter = _rejected_parameter(body, error)
        if parameter:
            self.reject(parameter)
        return bool(parameter)


def is_too_large(error: str) -> bool:
    """Whether a server rejects a request because the maximum number of tokens is above what it allows."""
    return _mentions(error, (_LIMIT, _NEW_LIMIT, "context length", "context window")) and bool(_TOO_LARGE.search(error))


def _rejected_parameter(body: dict[str, Any], error: str) -> str:
    """Return the parameter of a body that an error is about; empty: none."""
    if not _REJECTS.search(error) and not _REJECTS_SYSTEM.search(error):
        return ""
    has_system = body["messages"][0]["role"] == "system"
    if has_system and _REJECTS_SYSTEM.search(error):
        return _SYSTEM
    named = [name for name in _OPTIONAL if name in body and _mentions(error, (name,))]
    if named:
        return named[0]
    if "response_format" in body and _mentions(error, ("json_schema", "guided", "schema", "structured output")):
        return "response_format"
    for limit in (_LIMIT, _NEW_LIMIT):
        if limit in body and _mentions(error, (limit,)) and not re.search("too (?:large|high)|exceed", error, re.I):
            return limit
    return ""


def _mentions(error: str, names: tuple[str, ...]) -> bool:
    return any(re.search(rf"(?<![a-z_]){re.escape(name)}(?![a-z_])", error, re.I) for name in names)
