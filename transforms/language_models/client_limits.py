"""Client-side timeout, concurrency, rate and retries of an endpoint. No completion depends on them."""

from __future__ import annotations

import dataclasses

from transforms.settings import setting, validate


@dataclasses.dataclass(frozen=True)
class ClientLimits:
    """Limits of the requests that each process of a worker makes to an endpoint.

    Raises:
        ValueError: naming the field, the value given and what is allowed.
    """

    timeout: float = setting(
        60.0,
        minimum=0,
        above=True,
        maximum=86_400,
        option="endpoint_timeout",
        help="Seconds that a request to an endpoint waits for a connection, and then for a reply.",
    )
    concurrency: int = setting(
        8,
        minimum=1,
        maximum=1000,
        option="endpoint_concurrency",
        help="Maximum number of open requests to an endpoint of each worker process.",
    )
    requests_per_second: float | None = setting(
        None,
        minimum=0,
        above=True,
        maximum=100_000,
        option="endpoint_requests_per_second",
        help="Maximum rate of requests to an endpoint of each worker process. Default: no limit.",
    )
    retries: int = setting(
        5,
        minimum=0,
        maximum=100,
        option="endpoint_retries",
        help="Number of times that a request to an endpoint is repeated while the server is busy, broken or "
        "unreachable.",
    )

    def __post_init__(self) -> None:
        validate(self)
