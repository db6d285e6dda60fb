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


class RateLimiter:
    """Limits concurrency and rate of the requests of all threads of a process.

    It determines when requests start, and never what they contain, so reading a clock is harmless.

    Args:
        limits: concurrency and rate.
    """

    def __init__(self, limits: ClientLimits) -> None:
        self._slots = threading.BoundedSemaphore(limits.concurrency)
        self._interval = 1 / limits.requests_per_second if limits.requests_per_second else 0.0
        self._lock = threading.Lock()
        self._next_start = 0.0  # on the monotonic clock; no request starts before

    @contextmanager
    def acquire(self) -> Iterator[None]:
        """Wait until a request may start; it has finished when the context ends."""
        with self._slots:
            while wait := self._wait():
                time.sleep(wait)
            yield

    def pause(self, seconds: float) -> None:
        """Start no request for some time, as a server demands."""
        with self._lock:
            self._next_start = max(self._next_start, time.monotonic() + seconds)

    def _wait(self) -> float:
        """Return the seconds until the next attempt; 0: the request may start now."""
        with self._lock:
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
    digest = hashlib.sha256(f"{attempt}\n{prompt}".encode(errors="replace")).digest()
    fraction = 1 - int.from_bytes(digest[:4], "big") / 2**33
    return min(FIRST_BACKOFF * 2.0 ** min(attempt - 1, 32), MAX_BACKOFF) * fraction
