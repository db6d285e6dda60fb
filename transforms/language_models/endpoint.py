"""A language model behind an endpoint that is compatible with OpenAI's: vLLM, TGI, llama.cpp and others."""

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
from transforms.language_models.endpoint_pace import RateLimiter, wait_before
from transforms.language_models.endpoint_reply import (
    EndpointError,
    TransientError,
    cause,
    check_status,
    first_line,
)
from transforms.language_models.interface import Completion, NBest
from transforms.language_models.prompt_template import PromptTemplate, chat_messages
from transforms.model_files import ModelUnavailableError

LONGEST_ASKED_WAIT = 300.0
"""Seconds; a server that asks for a longer wait is taken at its word, and the question fails."""

_UNAVAILABLE = frozenset({408, 429, 502, 503, 504})
_KEY = re.compile(r"[!-~]*")
_Made = TypeVar("_Made")


class OpenAIEndpoint:
    """A model that a server holds, and other processes may ask too.

    Questions are put in requests of their own, several at once, and those that fail in a way that may pass are put
    again. A question that fails for good costs its own answer alone. Nothing is asked before the first question.

    Args:
        url: what stands before `/chat/completions`.
        model: the model's name there.
        template: what is said around each question.
        decoding: how an answer is drawn.
        limits: how hard the server is asked.
        key: what the server wants to know its clients by; None: what the environment has, which may be nothing.
        reach_first: whether `answer` raises where the server is out of reach from the start; else each question fails.

    Raises:
        ModelUnavailableError: when the key is none.
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
        self._key = _checked_key(os.environ.get(KEY_VARIABLE, "") if key is None else key)
        self._session = _session(self._key, self.limits.requests_at_once)
        self._pace = RateLimiter(self.limits)
        self._lock = threading.Lock()
        self._to_reach = reach_first

    def generate(self, prompts: Sequence[str]) -> list[NBest]:
        """One answer for each question, in their order.

        Raises:
            ModelUnavailableError: when the server must be reached first, and is not.
        """
        if not prompts:
            return []
        with self._lock:
            if self._to_reach:
                self.reach()
            self._to_reach = False
        # Of a call, not of the model: nothing is left to be closed, and its threads do not keep a process alive.
        with ThreadPool(min(len(prompts), self.limits.requests_at_once)) as pool:
            return pool.map(self._answer, prompts, chunksize=1)

    def reach(self) -> None:
        """Asks whether the server is there, so that one that is not is told at once, not once for each question.

        Raises:
            ModelUnavailableError: when it is not, or does not take the key.
        """
        try:
            self._patiently("", self._look)
        except EndpointError as error:
            raise ModelUnavailableError(f"language model {self.model} at {self.url}: {error}") from error

    def _answer(self, question: str) -> NBest:
        try:
            return NBest((Completion(self._patiently(question, lambda: self._ask(question))),))
        except EndpointError as error:
            return NBest((), str(error))
        except Exception as error:  # its words may hold the key, or what differs from run to run
            return NBest((), f"the request fails with {type(error).__name__}")

    def _ask(self, question: str) -> str:
        body = chat(self.model, self.template, self.decoding, question)
        response = self._request("POST", "/chat/completions", body)
        check_status(response, self._key)
        return first_line(response)

    def _look(self) -> None:
        """Any reply will do, as not every server lists its models, but that of one that is not ready."""
        response = self._request("GET", "/models")
        if response.status_code == 401:
            raise EndpointError(f"status 401: the key in the environment variable {KEY_VARIABLE} is not taken")
        if response.status_code in _UNAVAILABLE:
            check_status(response, self._key)

    def _request(self, method: str, path: str, body: Any = None) -> requests.Response:
        with self._pace.turn():
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
                raise TransientError(cause(error, self.limits.timeout)) from error

    def _patiently(self, asked: str, make: Callable[[], _Made]) -> _Made:
        """What `make` gives, which is tried again as long as it may yet succeed."""
        for attempt in range(self.limits.retries + 1):
            if attempt:
                time.sleep(wait_before(attempt, asked))
            try:
                return make()
            except TransientError as error:
                last = error
                if (error.wait or 0) > LONGEST_ASKED_WAIT:
                    raise EndpointError(f"{error}; the server asks for a wait of {error.wait:g} seconds") from error
                if error.wait:
                    self._pace.hold(error.wait)
        tries = self.limits.retries + 1
        raise EndpointError(f"{last}, after {tries} tries" if tries > 1 else str(last)) from last


def chat(model: str, template: PromptTemplate, decoding: DecodingConfig, question: str) -> dict[str, Any]:
    """The body of a request for a chat completion.

    Each question has a seed of its own, of 31 bits, which every server takes: an answer depends on its question alone.
    Where nothing is drawn, `top_p` is left out, as TGI refuses a 1.
    """
    cut = {"top_p": decoding.top_p} if decoding.temperature > 0 else {}
    return {
        "model": model,
        "messages": chat_messages(template, question),
        "max_tokens": decoding.max_new_tokens,
        "temperature": decoding.temperature,
        **cut,
        "seed": prompt_seed(question, decoding.seed) >> 32,
        "stop": ["\n"],
    }


class _Bearer(requests.auth.AuthBase):
    """Sends the key, whatever a .netrc says; the library leaves it out where it is led to another host."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def _session(key: str, connections: int) -> requests.Session:
    """Connections that are used again, by all threads; it keeps nothing else from one request to the next."""
    session = requests.Session()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    for scheme in ("http://", "https://"):
        session.mount(scheme, requests.adapters.HTTPAdapter(pool_maxsize=connections))
    if key:
        session.auth = _Bearer(key)
    return session


def _checked_key(text: str) -> str:
    key = text.strip()
    if not _KEY.fullmatch(key):
        raise ModelUnavailableError(
            f"the environment variable {KEY_VARIABLE} holds no key: a sign in it cannot be sent"
        )
    return key
