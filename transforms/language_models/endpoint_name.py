"""The name of a model behind an endpoint: `http://host:8000/v1#name-of-model`."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

ALLOWED = "http://host:port/v1#name-of-model for an endpoint that is compatible with OpenAI's"
KEY_VARIABLE = "ENDPOINT_API_KEY"
"""The environment variable of workers with the key that an endpoint wants."""

_SCHEMES = ("http://", "https://")
_CHAT = "/chat/completions"


class EndpointName(NamedTuple):
    """Where a model is asked, and which.

    Attributes:
        url: what stands before `/chat/completions`.
        model: the model's name there.
    """

    url: str
    model: str


def is_endpoint(text: str) -> bool:
    """Whether a model's name is meant to be that of an endpoint."""
    return text.lower().startswith(_SCHEMES)


def parse_endpoint(text: str) -> EndpointName:
    """Reads the name of a model behind an endpoint; nothing is asked.

    Raises:
        ValueError: naming what was given and what is allowed.
    """
    if "@" in text.partition("#")[0]:  # a password, perhaps, and therefore not repeated
        raise ValueError(f"an endpoint's address holds no user or password; its key goes into {KEY_VARIABLE}")
    try:
        parts = urlsplit(text)
        named = parts.hostname and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise ValueError(f"no endpoint {text!r}: {error}; allowed is {ALLOWED}") from error
    if parts.query:
        raise ValueError(f"an endpoint's address holds no question mark; its key goes into {KEY_VARIABLE}")
    if not named:
        raise ValueError(f"no endpoint {text!r}: a host is missing; allowed is {ALLOWED}")
    if not parts.fragment.strip(" /."):
        raise ValueError(f"no endpoint {text!r}: the model's name is missing; allowed is {ALLOWED}")
    return EndpointName(_base(parts), parts.fragment)


def _base(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix(_CHAT)}"
