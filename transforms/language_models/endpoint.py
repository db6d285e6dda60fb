"""A language model behind an endpoint that is compatible with OpenAI's: vLLM, TGI, llama.cpp and others.

The package `openai` is not used. Its client does not retry empty or malformed replies, ignores long `Retry-After`
headers, and lets other threads go on when a server requests a wait; without its retries it would replace a single
call of `requests`.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from http.cookiejar import DefaultCookiePolicy
from multiprocessing.pool import ThreadPool
from typing import Any, TypeVar

import requests

from transforms.language_models.client_limits import ClientLimits
from transforms.language_models.decoding import DecodingConfig, prompt_seed
from transforms.language_models.endpoint_name import KEY_VARIABLE
from transforms.language_models.endpoint_reply import (
    EndpointError,
    TransientError,
    describe_error,
    parse_completion,
    parse_content,
    raise_for_status,
)
from transforms.language_models.interface import Completion, NBest
from transforms.language_models.prompt_template import PromptTemplate, chat_messages
from transforms.language_models.rate_limiter import RateLimiter, backoff
from transforms.model_files import ModelUnavailableError

MAX_RETRY_AFTER = 300.0
"""Seconds. If a server requests a longer wait, the prompt fails."""

_MAX_JSON_TOKENS = 256
"""Maximum number of tokens of a JSON object, which a schema ends earlier."""

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
    ) -> None:
        self.url = url
        self.model = model
        self.template = template or PromptTemplate()
        self.decoding = decoding or DecodingConfig()
        self.limits = limits or ClientLimits()
        self._key = _check_key(os.environ.get(KEY_VARIABLE, "") if key is None else key)
        self._session = _session(self._key, self.limits.concurrency)
        self._rate = RateLimiter(self.limits)
        self._lock = threading.Lock()
        self._ping_first = reach_first

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        """Complete prompts; see `LanguageModel`.

        Raises:
            ModelUnavailableError: if the server must be reachable, and is not.
        """
        if not prompts:
            return []
        with self._lock:
            if self._ping_first:
                self.ping()
            self._ping_first = False
        # A pool for each call: nothing has to be closed, and its threads do not keep a process alive.
        with ThreadPool(min(len(prompts), self.limits.concurrency)) as pool:
            return pool.map(self._complete, prompts, chunksize=1)

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

        def post() -> str:
            body = request_body(self.model, self.template, self.decoding, prompt)
            del body["stop"]
            response_format = {"name": "completion", "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": response_format}
            body["max_tokens"] = max(self.decoding.max_new_tokens, _MAX_JSON_TOKENS)
            response = self._request("POST", "/chat/completions", body)
            raise_for_status(response, self._key)
            return parse(parse_content(response))

        return self._retry(prompt, post)

    def _complete(self, prompt: str) -> NBest:
        try:
            return NBest((Completion(self._retry(prompt, lambda: self._post(prompt))),))
        except EndpointError as error:
            return NBest((), str(error))
        except Exception as error:  # its message may contain the key, or differ from run to run
            return NBest((), f"the request fails with {type(error).__name__}")

    def _post(self, prompt: str) -> str:
        body = request_body(self.model, self.template, self.decoding, prompt)
        response = self._request("POST", "/chat/completions", body)
        raise_for_status(response, self._key)
        return parse_completion(response)

    def _get_models(self) -> None:
        """Accept any reply, because not every server lists its models, except those of a server that is not ready."""
        response = self._request("GET", "/models")
        if response.status_code == 401:
            raise EndpointError(f"status 401: the key in the environment variable {KEY_VARIABLE} is rejected")
        if response.status_code in _UNAVAILABLE:
            raise_for_status(response, self._key)

    def _request(self, method: str, path: str, body: Any = None) -> requests.Response:
        with self._rate.acquire():
            try:
                return self._session.request(method, self.url + path, json=body, timeout=self.limits.timeout)
            except requests.TooManyRedirects as error:
                raise EndpointError("too many redirects") from error
            except (
                requests.ConnectionError,
                requests.Timeout,
                requests.exceptions.ChunkedEncodingError,
                requests.exceptions.ContentDecodingError,
            ) as error:
                raise TransientError(describe_error(error, self.limits.timeout)) from error

    def _retry(self, prompt: str, call: Callable[[], _T]) -> _T:
        """Return the result of a call, which is repeated after transient errors."""
        for attempt in range(self.limits.retries + 1):
            if attempt:
                time.sleep(backoff(attempt, prompt))
            try:
                return call()
            except TransientError as error:
                last = error
                wait = error.retry_after or 0.0
                if wait > MAX_RETRY_AFTER:
                    raise EndpointError(f"{error}; the server requests a wait of {wait:g} seconds") from error
                if wait:
                    self._rate.pause(wait)
        tries = self.limits.retries + 1
        raise EndpointError(f"{last}, after {tries} tries" if tries > 1 else str(last)) from last


def request_body(model: str, template: PromptTemplate, decoding: DecodingConfig, prompt: str) -> dict[str, Any]:
    """Return the body of a request for a chat completion.

    Each prompt has its own seed, of 31 bits, which every server accepts, so a completion depends on its prompt alone.
    Without sampling `top_p` is left out, because TGI rejects a value of 1.
    """
    sampling = {"top_p": decoding.top_p} if decoding.temperature > 0 else {}
    return {
        "model": model,
        "messages": chat_messages(template, prompt),
        "max_tokens": decoding.max_new_tokens,
        "temperature": decoding.temperature,
        **sampling,
        "seed": prompt_seed(prompt, decoding.seed) >> 32,
        "stop": ["\n"],
    }


class _Bearer(requests.auth.AuthBase):
    """Sends the key, whatever a .netrc says; the library removes it after a redirect to another host."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


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
