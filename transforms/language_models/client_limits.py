"""How hard an endpoint is asked. Nothing of it changes an answer."""

from __future__ import annotations

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class ClientLimits:
    """How long, how often and how fast an endpoint is asked, by each process of a worker.

    Attributes:
        timeout: seconds that a request waits for a connection, and again for the server to say something.
        requests_at_once: requests that are open at a time.
        requests_per_second: how many requests begin in a second, evenly; None: as many as there are.
        retries: how often a request is made again that failed in a way that may pass.

    Raises:
        ValueError: naming the attribute, what was given and what is allowed.
    """

    timeout: float = 60.0
    requests_at_once: int = 8
    requests_per_second: float | None = None
    retries: int = 5

    def __post_init__(self) -> None:
        if not 0 < self.timeout < math.inf:
            raise ValueError(f"timeout must be above 0 and finite, got {self.timeout}")
        if self.requests_at_once < 1:
            raise ValueError(f"requests_at_once must be at least 1, got {self.requests_at_once}")
        if self.requests_per_second is not None and not 0 < self.requests_per_second < math.inf:
            raise ValueError(f"requests_per_second must be above 0 and finite, got {self.requests_per_second}")
        if self.retries < 0:
            raise ValueError(f"retries must be at least 0, got {self.retries}")
