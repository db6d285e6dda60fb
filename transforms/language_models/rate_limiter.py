"""Concurrency and rate of requests, and the waiting time before retries."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from transforms.language_models.client_limits import ClientLimits

FIRST_BACKOFF = 0.5
"""Maximum seconds before the first retry; doubled for each further retry."""
MAX_BACKOFF = 30.0
"""Maximum seconds before any retry."""

_FIRST_PAUSE = 4
"""Times `FIRST_BACKOFF`: the first pause if a server rejects the rate of requests and does not say how long."""
_MAX_PAUSE = 2 * MAX_BACKOFF
_LEARNED_FRACTION = 0.75
"""The next pause, as a fraction of the time that the limit lasted before: it may have begun earlier this time."""
_SUCCESSES_TO_GROW = 2
_JITTER = 0.1
_MAX_JITTER = 1.0


class RateLimiter:
    """Limits concurrency and rate of the requests of all threads of a process.

    After a rejection for too many requests, they are made one after the other, and one more may be open after twice as
    many successes, so that waiting threads do not start at once. The limiter determines when requests start, and never
    what they contain, so reading a clock is harmless.

    Args:
        limits: concurrency and rate.
    """

    def __init__(self, limits: ClientLimits) -> None:
        self._concurrency = limits.concurrency
        self._interval = 1 / limits.requests_per_second if limits.requests_per_second else 0.0
        self._changed = threading.Condition()
        self._open = 0
        self._window = limits.concurrency
        self._successes_of_window = 0
        self._next_start = 0.0  # on the monotonic clock; no request starts before
        self._paused_at = 0.0
        self._limited_since: float | None = None
        self._misses = 0
        self._learned_pause = 0.0
        self._successes = 0

    @property
    def successes(self) -> int:
        """Number of successful requests of the process."""
        return self._successes

    @contextmanager
    def acquire(self) -> Iterator[float]:
        """Wait until a request may start, and return the time of its start; it has finished when the context ends."""
        with self._changed:
            while (wait := self._wait()) is None or wait:
                self._changed.wait(wait)
            self._open += 1
            started = time.monotonic()
        try:
            yield started
        finally:
            with self._changed:
                self._open -= 1
                self._changed.notify_all()

    def pause(self, seconds: float, request: str = "") -> float:
        """Start no request for some time, and then one after the other, as a server demands.

        Args:
            seconds: the time.
            request: the prompt; its hash determines a small further delay, so that processes do not start at once.

        Returns:
            The seconds of the pause.
        """
        with self._changed:
            return self._pause(seconds, request)

    def back_off(self, started: float, request: str) -> float:
        """Pause after a rejection for too many requests that does not say how long to wait.

        Args:
            started: start of the request. A rejection of one that started before the current pause changes nothing.
            request: the prompt; see `pause`.

        Returns:
            The seconds of the pause.
        """
        with self._changed:
            if started < self._paused_at:
                return 0.0
            self._misses += 1
            doubled = min(_FIRST_PAUSE * FIRST_BACKOFF * 2.0 ** min(self._misses - 1, 32), _MAX_PAUSE)
            learned = _LEARNED_FRACTION * self._learned_pause if self._misses == 1 else 0.0
            return self._pause(max(doubled, learned), request)

    def succeed(self, remaining: float | None = None) -> None:
        """Record a successful request.

        Args:
            remaining: number of further requests that the server accepts; None: not given.
        """
        with self._changed:
            self._successes += 1
            self._successes_of_window += 1
            if self._successes_of_window >= _SUCCESSES_TO_GROW * self._window:
                self._set_window(self._window + 1)
            if remaining is not None:
                self._set_window(min(self._window, max(int(remaining), 1)))
            if self._limited_since is not None:
                if self._misses:
                    self._learned_pause = min(time.monotonic() - self._limited_since, _MAX_PAUSE)
                self._limited_since, self._misses = None, 0
            self._changed.notify_all()

    def _pause(self, seconds: float, request: str) -> float:
        seconds += min(_JITTER * seconds, _MAX_JITTER) * _fraction(0, request)
        now = time.monotonic()
        self._next_start = max(self._next_start, now + seconds)
        self._paused_at = now
        self._set_window(1)
        if self._limited_since is None:
            self._limited_since = now
        return seconds

    def _set_window(self, size: int) -> None:
        size = min(size, self._concurrency)
        if size != self._window:
            self._window, self._successes_of_window = size, 0

    def _wait(self) -> float | None:
        """Return the seconds until the next attempt; 0: the request may start now; None: another one must end."""
        if self._open >= self._window:
            return None
        now = time.monotonic()
        if now < self._next_start:
            return self._next_start - now
        self._next_start = now + self._interval
        return 0.0


def backoff(attempt: int, prompt: str) -> float:
    """Compute the seconds before a retry: exponential, reduced by up to one half, by a fraction of its own per prompt.

    Args:
        attempt: 1 for the first retry.
        prompt: the prompt of the request; its hash replaces a random number.
    """
    longest = min(FIRST_BACKOFF * 2.0 ** min(attempt - 1, 32), MAX_BACKOFF)
    return longest * (1 - _fraction(attempt, prompt) / 2)


def _fraction(attempt: int, prompt: str) -> float:
    """Return a number in [0, 1) that replaces a random one."""
    digest = hashlib.sha256(f"{attempt}\n{prompt}".encode(errors="replace")).digest()
    return int.from_bytes(digest[:4], "big") / 2**32
