"""The text of `metrics.slice`: named parts, such as `method=Ward/k=2`, formatted and parsed here alone."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import unquote

_ESCAPES = str.maketrans({"%": "%25", "/": "%2F"})


def format_slice(parts: Mapping[str, object]) -> str:
    """Format the named parts of a slice.

    Args:
        parts: values by name, in the order in which they are written. Numbers with a fraction have six digits at most.

    Returns:
        The text; empty without parts.

    Raises:
        ValueError: when a name is empty or has one of `=%/`.
    """
    for name in parts:
        if not name or set(name) & set("=%/"):
            raise ValueError(f"a part of a slice needs a name without '=', '%' and '/', got {name!r}")
    return "/".join(f"{name}={_format(value)}" for name, value in parts.items())


def _format(value: object) -> str:
    return (f"{value:g}" if isinstance(value, float) else str(value)).translate(_ESCAPES)


def parse_slice(text: str) -> dict[str, str]:
    """Parse what `format_slice` wrote: values by name, as text.

    Raises:
        ValueError: when the text has a part without a name.
    """
    parts = {}
    for part in text.split("/") if text else []:
        name, separator, value = part.partition("=")
        if not separator or not name:
            raise ValueError(f"a slice must be name=value/..., got {text!r}")
        parts[name] = unquote(value)
    return parts
