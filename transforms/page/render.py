"""The page as HTML: one file that loads nothing, in which everything from data is escaped."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from transforms.page.content import MapPoint, Page
from transforms.page.text import compact_number, exact_number, format_decimal, format_number, shorten
from transforms.report import html

_TEMPLATES = Path(__file__).parent / "templates"
_ESCAPES = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def render(page: Page) -> str:
    """Render the page.

    Returns:
        The text of one HTML file. Equal content gives equal text.
    """
    style, script = (_read(name) for name in ("page.css", "page.js"))
    template = _environment().get_template("page.html")
    return template.render(
        page=page,
        style=Markup(style),
        script=Markup(script),
        script_hash=_source_hash(script),
        search=search_entries(page),
    )


def script_data(value: Any) -> Markup:
    """Convert a value to JSON that is safe inside of a script element: no text can close it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.translate(_ESCAPES))


def search_entries(page: Page) -> list[tuple[str, str, str]]:
    """Return the entries of the search: kind, text, and the id of the element to go to."""
    users = [("user", shorten(user.user_id), f"user-{user.number}") for user in page.users]
    journeys = [
        ("journey", f"{journey.name} · {shorten(user.user_id, 40)}", f"journey-{user.number}-{journey.rank}")
        for user in page.users
        for journey in user.journeys
    ]
    clusters = [
        ("cluster", f"{box.cluster.description} · {box.cluster.cluster_id}", f"cluster-{box.cluster.cluster_id}")
        for box in (page.tree.boxes if page.tree else ())
    ]
    return [*users, *journeys, *clusters]


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": _number,
        "decimal": lambda value, digits: _number(value, format_decimal(value, digits)),
        "compact": compact_number,
        "short": shorten,
        "script_data": script_data,
        "table": lambda table: Markup(html.render_table(table)),
        "percent": lambda value: f"{100 * value:.4g}",
        "details": _details,
        "bytes": _bytes,
    }
    return environment


def _number(value: float, text: str = "") -> Markup:
    """Show a number for reading, with its exact value in an attribute."""
    return Markup('<data value="{}">{}</data>').format(exact_number(value), text or format_number(value))


def _bytes(count: int) -> str:
    """Format a size for reading."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{size:.3g} {unit}"


def _details(points: tuple[MapPoint, ...]) -> list[list[Any]]:
    return [[point.x, point.y, *point.details] for point in points]


def _read(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _source_hash(script: str) -> str:
    """Return the hash by which a browser runs this script alone, and none that came with the data."""
    digest = hashlib.sha256(f"\n{script}".encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
