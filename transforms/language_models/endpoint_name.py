"""The name of a model behind an endpoint: `http://host:8000/v1#name-of-model`."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

ALLOWED = "http://host:port/v1#name-of-model for an endpoint that is compatible with OpenAI's"
KEY_VARIABLE = "ENDPOINT_API_KEY"
"""The environment variable of workers with the API key of an endpoint."""

_SCHEMES = ("http://", "https://")
_CHAT = "/chat/completions"


class EndpointName(NamedTuple):
    """Address of an endpoint, and the name of a model.

    Attributes:
        url: the part of the address before `/chat/completions`.
        model: the name of the model at the endpoint.
    """

    url: str
    model: str


def is_endpoint(text: str) -> bool:
    """Whether the name of a model has the form of an endpoint."""
    return text.lower().startswith(_SCHEMES)


def parse_endpoint(text: str) -> EndpointName:
    """Parse the name of a model behind an endpoint; no request is made.

    Raises:
        ValueError: naming the value given and what is allowed.
    """
    if "@" in text.partition("#")[0]:  # possibly a password, and therefore not repeated
        raise ValueError(
            f"the address of an endpoint must not contain a user or password; set its key in {KEY_VARIABLE}"
        )
    try:
        parts = urlsplit(text)
        has_host = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise ValueError(f"no endpoint {text!r}: {error}; allowed is {ALLOWED}") from error
    if parts.query:
        raise ValueError(f"the address of an endpoint must not contain a query; set its key in {KEY_VARIABLE}")
    if not has_host:
        raise ValueError(f"no endpoint {text!r}: the host is missing; allowed is {ALLOWED}")
    if not parts.fragment.strip(" /."):
        raise ValueError(f"no endpoint {text!r}: the name of the model is missing; allowed is {ALLOWED}")
    return EndpointName(_base(parts), parts.fragment)


def _base(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(_CHAT)}"
