"""A language model behind an endpoint that is compatible with OpenAI's: vLLM, TGI, llama.cpp and others.

The package `openai` is not used. Its client does not retry empty or malformed replies, ignores long `Retry-After`
headers and those of the remaining requests, counts a requested wait as a retry, and lets other threads go on when a
server requests a wait; without its retries it would replace a single call of `requests`.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from multiprocessing.pool import ThreadPool
from typing import Any, TypeVar

import requests

from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.decoding import DecodingConfig
from transforms.language_models.endpoint_dialect import Dialect, is_too_large
from transforms.language_models.endpoint_errors import (
    EndpointError,
    QuotaError,
    RejectedError,
    TransientError,
    describe_error,
)
from transforms.language_models.endpoint_limits import remaining_requests, wait_until_reset
from transforms.language_models.endpoint_name import KEY_VARIABLE
from transforms.language_models.endpoint_reply import ChatReply, parse_completion, raise_for_status
from transforms.language_models.interface import Batch, Completion, NBest, ReplyCheck, accept_reply, collect_batches
from transforms.language_models.prompt_template import PromptTemplate
from transforms.language_models.rate_limiter import RateLimiter, backoff
from transforms.model_files import ModelUnavailableError

MAX_RETRY_AFTER = 300.0
"""Seconds. If a server requests a longer wait, the prompt fails."""
MAX_WAIT = 600.0
"""Seconds that a prompt waits for a server that requests waits, while no other request of the process succeeds."""
ROOM = (512, 4096)
"""Maximum numbers of tokens of a reply that was cut, in its next requests: room for reasoning and for text around the
completion."""

_MAX_JSON_TOKENS = 256
"""Maximum number of tokens of a JSON object, which a schema ends earlier."""

_UNSTRUCTURED = frozenset({"malformed", "no_name", "reasoning"})
"""Replies that may become completions if the server enforces a schema; a refusal does not."""
_FIELD = "completion"
_COMPLETION_SCHEMA = {
    "type": "object",
    "properties": {_FIELD: {"type": "string"}},
    "required": [_FIELD],
    "additionalProperties": False,
}

_UNAVAILABLE = frozenset({408, 429, 502, 503, 504})
_KEY = re.compile(r"[!-~]*")
_T = TypeVar("_T")


class OpenAIEndpoint:
    """A model that a server loads, for several processes.

    Each prompt is one request; several are open at a time, and transient failures are retried. A prompt that fails for
    good does not fail the others. No request is made before the first prompt.

    Args:
        url: the part of the address before `/chat/completions`.
        model: the name of the model at the endpoint.
        template: the text around each prompt.
        decoding: configuration of decoding.
        limits: limits of the requests.
        key: the API key; None: that of the environment, which may be empty.
        reach_first: whether `generate` raises an error if the server is unreachable at first; otherwise each prompt
            fails.
        check: decides which replies are no completions, so that structured output is requested, and whether one that
            was cut has the whole completion nevertheless.

    Raises:
        ModelUnavailableError: if the key is invalid.
    """

    def __init__(
        self,
        url: str,
        model: str,
        template: PromptTemplate | None = None,
        decoding: DecodingConfig | None = None,
        limits: ClientLimits | None = None,
        key: str | None = None,
        reach_first: bool = False,
        check: ReplyCheck = accept_reply,
    ) -> None:
        self.url = url
        self.model = model
        self.template = template or PromptTemplate()
        self.decoding = decoding or DecodingConfig()
        self.limits = limits or ClientLimits()
        self._key = _check_key(os.environ.get(KEY_VARIABLE, "") if key is None else key)
        self._session = _session(self._key, self.limits.concurrency)
        self._rate = RateLimiter(self.limits)
        self._dialect = Dialect()
        self._check = check
        self._reasons = False  # whether a reply had reasoning, which needs room
        self._quota: QuotaError | None = None
        self._lock = threading.Lock()
        self._ping_first = reach_first

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        """Complete prompts; see `LanguageModel`.

        Raises:
            ModelUnavailableError: if the server must be reachable, and is not.
        """
        return collect_batches(self.generate_batches(prompts))

    def generate_batches(self, prompts: Sequence[str]) -> Iterator[Batch]:
        """Complete prompts without sources; see `BatchingModel`.

        Raises:
            ModelUnavailableError: if the server must be reachable, and is not.
        """
        yield from self.generate_checked(prompts, [()] * len(prompts))

    def generate_checked(self, prompts: Sequence[str], sources: Sequence[Sequence[str]]) -> Iterator[Batch]:
        """Complete prompts; see `CheckingModel`. Each reply is returned when it arrives.

        Raises:
            ModelUnavailableError: if the server must be reachable, and is not.
        """
        if not prompts:
            return
        with self._lock:
            if self._ping_first:
                self.ping()
            self._ping_first = False
        # A pool for each call: nothing has to be closed, and its threads do not keep a process alive.
        with ThreadPool(min(len(prompts), self.limits.concurrency)) as pool:
            numbered = zip(range(len(prompts)), prompts, sources, strict=True)
            for index, nbest in pool.imap_unordered(self._complete_numbered, numbered):
                yield [index], [nbest]

    def ping(self) -> None:
        """Check once that the server is reachable, so that it is not reported for each prompt.

        Raises:
            ModelUnavailableError: if the server is unreachable or rejects the key.
        """
        try:
            self._retry("", self._get_models)
        except EndpointError as error:
            raise ModelUnavailableError(f"language model {self.model} at {self.url}: {error}") from error

    def complete_by_schema(self, prompt: str, schema: dict[str, Any], parse: Callable[[str], str]) -> str:
        """Complete one prompt by a JSON object, through the structured output of the endpoint.

        Args:
            prompt: the prompt.
            schema: the JSON schema of the object.
            parse: returns what is wanted of a reply, and raises `TransientError` if the reply is not valid.

        Raises:
            EndpointError: if the request fails, or no reply is valid, in spite of retries.
        """
        schema_format = {"name": "completion", "strict": True, "schema": schema}
        response_format = {"type": "json_schema", "json_schema": schema_format}

        def post() -> str:
            smallest = max(self.decoding.max_new_tokens, _MAX_JSON_TOKENS)
            return parse(self._read(prompt, smallest, response_format, lambda text: text.rstrip().endswith("}")).text)

        return self._retry(prompt, post)

    def _complete_numbered(self, numbered: tuple[int, str, Sequence[str]]) -> tuple[int, NBest]:
        index, prompt, sources = numbered
        return index, self._complete(prompt, sources)

    def _complete(self, prompt: str, sources: Sequence[str]) -> NBest:
        is_whole = partial(self._is_whole, sources)
        try:
            reply = self._retry(prompt, lambda: self._read(prompt, self.decoding.max_new_tokens, None, is_whole))
            return NBest((Completion(self._structured(prompt, sources, reply.text)),))
        except QuotaError as error:
            return NBest((), f"language model {self.model} at {self.url}: {error}", error.reason)
        except EndpointError as error:
            return NBest((), str(error), error.reason)
        except Exception as error:  # its message may contain the key, or differ from run to run
            return NBest((), f"the request fails with {type(error).__name__}")

    def _structured(self, prompt: str, sources: Sequence[str], text: str) -> str:
        """Return a completion through structured output if a text is none, and the server offers it; else the text."""
        if self._check(sources, text) not in _UNSTRUCTURED or not self._dialect.accepts("response_format"):
            return text
        try:
            completion = self.complete_by_schema(prompt, _COMPLETION_SCHEMA, _parse_completion_field)
        except QuotaError:
            raise
        except EndpointError:
            return text
        if not completion:
            self._dialect.reject("response_format")  # the server ignores it
        return completion or text

    def _is_whole(self, sources: Sequence[str], text: str) -> bool:
        """Whether a reply that was cut has a completion above its last line, which may be incomplete."""
        above = text.strip().rpartition("\n")[0]
        return bool(above.strip()) and not self._check(sources, above)

    def _read(
        self,
        prompt: str,
        max_tokens: int,
        response_format: dict[str, Any] | None,
        is_whole: Callable[[str], bool],
    ) -> ChatReply:
        """Return a reply; one that was cut too early is requested again with more room, which is no retry.

        Raises:
            EndpointError: if it is cut with the most room as well.
        """
        sizes = [max_tokens, *(size for size in ROOM if size > max_tokens)]
        for size in sizes[1:] if self._reasons and len(sizes) > 1 else sizes:
            try:
                reply = self._post(prompt, size, response_format)
            except RejectedError as error:
                if size > max_tokens and is_too_large(error.text):
                    break
                raise
            self._reasons |= reply.has_reasoning
            if not reply.is_cut:
                return reply
            if is_whole(reply.text):
                return reply._replace(text=reply.text.strip().rpartition("\n")[0] or reply.text)
        raise EndpointError(f"the reply does not end within {size} tokens", "cut")

    def _post(self, prompt: str, max_tokens: int, response_format: dict[str, Any] | None) -> ChatReply:
        """Return a reply, if need be without parameters that the server rejects."""
        parse = partial(parse_completion, secret=self._key)
        while True:
            if self._quota:
                raise self._quota
            body = self._dialect.body(self.model, self.template, self.decoding, prompt, max_tokens, response_format)
            try:
                return self._request("POST", "/chat/completions", body, parse, prompt)
            except (RejectedError, TransientError) as error:
                is_rejection = isinstance(error, RejectedError)
                if not error.text or not self._dialect.learn(body, error.text, is_rejection):
                    raise
            except QuotaError as error:
                self._quota = error
                raise

    def _get_models(self) -> None:
        """Accept any reply, because not every server lists its models, except those of a server that is not ready."""

        def check(response: requests.Response) -> None:
            if response.status_code == 401:
                raise EndpointError(f"status 401: the key in the environment variable {KEY_VARIABLE} is rejected")

        self._request("GET", "/models", None, check, "", _UNAVAILABLE)

    def _request(
        self,
        method: str,
        path: str,
        body: Any,
        parse: Callable[[requests.Response], _T],
        prompt: str,
        raised: frozenset[int] | None = None,
    ) -> _T:
        """Make one request.

        Args:
            method: the HTTP method.
            path: the part of the address after the base.
            body: sent as JSON; None: nothing.
            parse: returns the result of a response.
            prompt: the prompt of the request.
            raised: statuses that are errors; None: all but those of success.
        """
        with self._rate.acquire() as started:
            try:
                response = self._session.request(method, self.url + path, json=body, timeout=self.limits.timeout)
            except requests.TooManyRedirects as error:
                raise EndpointError("too many redirects") from error
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
                requests.exceptions.ContentDecodingError,
            ) as error:
                raise TransientError(describe_error(error, self.limits.timeout)) from error
            try:
                if raised is None or response.status_code in raised:
                    raise_for_status(response, self._key)
                result = parse(response)
            except TransientError as error:
                self._slow_down(error, started, prompt)
                raise
            self._follow_limits(response, prompt)
        return result

    def _slow_down(self, error: TransientError, started: float, prompt: str) -> None:
        if error.retry_after is not None and error.retry_after <= MAX_RETRY_AFTER:
            self._rate.pause(error.retry_after, prompt)
        elif error.retry_after is None and error.is_limited:
            self._rate.back_off(started, prompt)

    def _follow_limits(self, response: requests.Response, prompt: str) -> None:
        """Pause before the server must reject a request, if it says that none is left."""
        self._rate.succeed(remaining_requests(response.headers))
        wait = wait_until_reset(response.headers)
        if wait is not None and wait <= MAX_RETRY_AFTER:
            self._rate.pause(wait, prompt)

    def _retry(self, prompt: str, call: Callable[[], _T]) -> _T:
        """Return the result of a call, which is repeated after transient errors.

        A wait that the server requests costs no retry, and neither does any rejection for too many requests while other
        requests of the process succeed.
        """
        tries, waited, successes = 0, 0.0, self._rate.successes
        while True:
            try:
                return call()
            except TransientError as error:
                last = error
            if (wait := last.retry_after) is not None and wait > MAX_RETRY_AFTER:
                raise EndpointError(f"{last}; the server requests a wait of {wait:g} seconds") from last
            if last.is_limited and self._rate.successes > successes:
                tries, waited, successes = 0, 0.0, self._rate.successes
            if wait is not None and last.is_limited:
                waited += max(wait, 1.0)
                if waited > MAX_WAIT:
                    raise EndpointError(f"{last}; no request succeeded within {MAX_WAIT:g} seconds") from last
                continue
            tries += 1
            if tries > self.limits.retries:
                text = f"{last}, after {tries} tries" if tries > 1 else str(last)
                raise EndpointError(text, last.reason) from last
            if not last.is_limited:
                time.sleep(backoff(tries, prompt))


class _Bearer(requests.auth.AuthBase):
    """Sends the key, whatever a .netrc says; the library removes it after a redirect to another host."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def _parse_completion_field(text: str) -> str:
    """Return the field of a JSON object; empty if the text is another one."""
    try:
        value = json.loads(text[text.find("{") : text.rfind("}") + 1])[_FIELD]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return value if isinstance(value, str) else ""


def _session(key: str, connections: int) -> requests.Session:
    """Return a session whose connections all threads reuse; it keeps no cookies."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=connections))
    if key:
        session.auth = _Bearer(key)
    return session


def _check_key(text: str) -> str:
    key = text.strip()
    if not _KEY.fullmatch(key):
        raise ModelUnavailableError(f"the environment variable {KEY_VARIABLE} contains characters that no key may have")
    return key
