"""When a request may be made: not too many at once, nor too many in a second."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from transforms.language_models.client_limits import ClientLimits

FIRST_WAIT = 0.5
"""Seconds before a request is made a second time; they double from then on."""
LONGEST_WAIT = 30.0
"""Seconds that are never exceeded so."""


class RateLimiter:
    """Has the threads of a process wait for each other. It decides when, never what, so a clock does no harm.

    Args:
        limits: how many requests at once, and in a second.
    """

    def __init__(self, limits: ClientLimits) -> None:
        self._places = threading.BoundedSemaphore(limits.requests_at_once)
        self._gap = 1 / limits.requests_per_second if limits.requests_per_second else 0.0
        self._lock = threading.Lock()
        self._free = 0.0  # by the monotonic clock, before which no request begins

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits until a request may be made, and makes room when it is done."""
        with self._places:
            while wait := self._must_wait():
                time.sleep(wait)
            yield

    def hold(self, seconds: float) -> None:
        """No request begins for so long, as a server asked."""
        with self._lock:
            self._free = max(self._free, time.monotonic() + seconds)

    def _must_wait(self) -> float:
        """Seconds until it is worth asking again; 0: the turn is taken."""
        with self._lock:
            now = time.monotonic()
            if now < self._free:
                return self._free - now
            self._free = now + self._gap
            return 0.0


def wait_before(attempt: int, asked: str) -> float:
    """Seconds before a request is made again: twice as long each time, less up to a half of it that differs by request.

    Args:
        attempt: 1 for the second time.
        asked: what the request asks; it takes the place of chance.
    """
    digest = hashlib.sha256(f"{attempt}\n{asked}".encode(errors="replace")).digest()
    share = 1 - int.from_bytes(digest[:4], "big") / 2**33
    return min(FIRST_WAIT * 2.0 ** min(attempt - 1, 32), LONGEST_WAIT) * share
