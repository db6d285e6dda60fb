"""Check of the built site: every link has its page and its anchor, and no page requests anything from another host."""

from __future__ import annotations

import dataclasses
import functools
import posixpath
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

_REQUESTED = {"script": "src", "img": "src", "source": "src", "iframe": "src", "object": "data"}
"""Elements whose address a browser requests by itself, with the attribute that has the address."""
_REQUESTED_LINKS = {
    "stylesheet",
    "icon",
    "preload",
    "prefetch",
    "preconnect",
    "dns-prefetch",
    "modulepreload",
    "manifest",
}
_OUTSIDE = re.compile(r"(?:https?:)?//")
_OTHER_SCHEME = re.compile(r"[a-z]+:")
_STYLE_ADDRESS = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""")


@dataclasses.dataclass
class _Page(HTMLParser):
    """The anchors and the addresses of a page of HTML."""

    anchors: set[str] = dataclasses.field(default_factory=set)
    links: list[str] = dataclasses.field(default_factory=list)
    requests: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and _REQUESTED_LINKS.intersection(values.get("rel", "").split()):
            self.requests.append(values.get("href", ""))
        if tag in _REQUESTED and _REQUESTED[tag] in values:
            self.requests.append(values[_REQUESTED[tag]])


def find_problems(site: Path) -> list[str]:
    """Find broken links, and addresses of other hosts that a browser would request.

    Args:
        site: folder of the built site.

    Returns:
        one line for each problem.
    """
    read = functools.cache(_read)
    problems = []
    for file in sorted(site.rglob("*.html")):
        page = read(file)
        where = file.relative_to(site).as_posix()
        for address in page.requests:
            if _OUTSIDE.match(address):
                problems.append(f"{where}: requests {address}")
            elif not _OTHER_SCHEME.match(address) and not _target(site, file, address).is_file():
                problems.append(f"{where}: {address} is no file of the site")
        for address in page.links:
            if not _OUTSIDE.match(address) and not _OTHER_SCHEME.match(address):
                problems += _problems_of_link(site, file, address, read)
    for style in sorted(site.rglob("*.css")):
        for address in _STYLE_ADDRESS.findall(style.read_text(encoding="utf-8")):
            problems.append(f"{style.relative_to(site).as_posix()}: requests {address}")
    return problems


def _read(file: Path) -> _Page:
    page = _Page()
    page.feed(file.read_text(encoding="utf-8"))
    return page


def _target(site: Path, file: Path, address: str) -> Path:
    path = unquote(re.split(r"[?#]", address, maxsplit=1)[0])
    folder = file.relative_to(site).parent.as_posix()
    target = site / (path.lstrip("/") if path.startswith("/") else posixpath.normpath(posixpath.join(folder, path)))
    return target / "index.html" if target.is_dir() else target


def _problems_of_link(site: Path, file: Path, address: str, read: functools._lru_cache_wrapper[_Page]) -> list[str]:
    where = file.relative_to(site).as_posix()
    path, _, anchor = address.partition("#")
    target = _target(site, file, path) if path else file
    if not target.is_file():
        return [f"{where}: the link {address} has no page"]
    if anchor and target.suffix == ".html" and unquote(anchor) not in read(target).anchors:
        return [f"{where}: the link {address} has no such anchor"]
    return []
