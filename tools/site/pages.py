"""Pages of the site: the Markdown files of the repository, found by their links, each with its place in the site.

A page is the file in the repository, and its links are those that work there: `../schemas/README.md` from `docs`. Here
they become links between pages of the site. A linked file that is no page, such as a configuration, is a file of the
site as it is.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

DOCS = "docs"
"""Folder whose files keep their place below the root of the site."""
SEEDS = ("README.md", "CHANGELOG.md", "LICENSE")
"""Files of the site besides `docs`; the others are found by links."""
PACKAGES = ("schemas", "transforms")
"""Packages of which the site describes every public name."""
_LESS_OFTEN_FOUND = "---\nsearch:\n  boost: 0.0001\n---\n"
"""The beginning of a page that search lists after others with the same words."""
_NO_API = ("transforms/evaluation/experiments/",)
"""Folders of modules that only `evaluate` uses, one experiment each; docs/evaluation.md describes them."""

_LINK = re.compile(r"(?P<code>^```.*?^```$|`[^`\n]+`)|(?P<start>\]\()(?P<target>[^)\s]+)\)", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^```.*?^```$|^#+ +(?P<heading>.+?) *$", re.DOTALL | re.MULTILINE)
_OUTSIDE = re.compile(r"[a-z]+:|/")
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


class Link(NamedTuple):
    """A link of a page to a file of the repository.

    Attributes:
        path: of the file, relative to the repository; the page itself for a link such as `#options`.
        anchor: of the heading in it; empty: none.
    """

    path: str
    anchor: str


def links(path: str, text: str) -> Iterator[Link]:
    """Yield the links of a page to files of the repository; code is no link.

    Args:
        path: of the page, relative to the repository.
        text: its Markdown.
    """
    for match in _LINK.finditer(text):
        if match["target"] and not _OUTSIDE.match(match["target"]):
            target, _, anchor = match["target"].partition("#")
            yield Link(_resolve(path, target) if target else path, anchor)


def anchors(text: str) -> list[str]:
    """Return the anchors of the headings of a page, in order; equal ones are numbered, as code hosts do."""
    seen: Counter[str] = Counter()
    found = []
    for match in _HEADING.finditer(text):
        if match["heading"]:
            anchor = to_anchor(match["heading"])
            found.append(f"{anchor}-{seen[anchor]}" if seen[anchor] else anchor)
            seen[anchor] += 1
    return found


def to_anchor(heading: str, separator: str = "-") -> str:
    """Return the anchor of a heading: lower case, without punctuation, and a separator for each space."""
    return _NOT_IN_ANCHORS.sub("", heading.strip().lower()).replace(" ", separator)


def _resolve(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))


def site_path(path: str) -> str:
    """Return the place in the site of a file of the repository: the README is the first page."""
    if path == "README.md":
        return "index.md"
    return path.removeprefix(f"{DOCS}/")


def find_files(root: Path) -> list[str]:
    """Find the files of the site: those of `docs`, the seeds, and all that they link to.

    Args:
        root: the repository.

    Returns:
        paths relative to the repository, in order.

    Raises:
        FileNotFoundError: when a page links to a file that does not exist.
    """
    waiting = [*SEEDS, *(path.relative_to(root).as_posix() for path in root.glob(f"{DOCS}/**/*.*"))]
    found: set[str] = set()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        if path.endswith(".md"):
            waiting += _linked_files(root, path)
    return sorted(found)


def _linked_files(root: Path, path: str) -> Iterator[str]:
    for link in links(path, (root / path).read_text(encoding="utf-8")):
        if not (root / link.path).is_file():
            raise FileNotFoundError(f"{path} links to {link.path}, which is no file of the repository")
        yield link.path


def rewrite_links(path: str, text: str) -> str:
    """Return the text of a page with its relative links as they are in the site.

    Args:
        path: of the page, relative to the repository.
        text: its Markdown.
    """
    folder = posixpath.dirname(site_path(path)) or "."

    def rewrite(match: re.Match[str]) -> str:
        if match["code"] or match["target"].startswith("#") or _OUTSIDE.match(match["target"]):
            return match[0]
        target, mark, anchor = match["target"].partition("#")
        return f"]({posixpath.relpath(site_path(_resolve(path, target)), folder)}{mark}{anchor})"

    return _LINK.sub(rewrite, text)


def api_pages(root: Path) -> dict[str, str]:
    """Return the pages of the API reference: one for each package, with all its modules.

    Args:
        root: the repository.

    Returns:
        the Markdown of each page, by its place in the site.
    """
    modules: dict[str, list[str]] = {}
    for file in sorted(path for package in PACKAGES for path in root.glob(f"{package}/**/*.py")):
        path = file.relative_to(root).with_suffix("")
        if path.as_posix().startswith(_NO_API):
            continue
        if not any(part.startswith("_") for part in path.parts[:-1]) and path.name not in ("__init__", "__main__"):
            modules.setdefault(".".join(path.parts[:-1]), []).append(".".join(path.parts))
    return {f"api/{package}.md": _api_page(package, names) for package, names in modules.items()}


def _api_page(package: str, modules: Iterable[str]) -> str:
    options = "    options:\n      show_root_heading: true\n      show_root_toc_entry: true\n"
    parts = [
        _LESS_OFTEN_FOUND,
        f"# {package}\n",
        f"::: {package}\n    options:\n      members: false\n      show_root_toc_entry: false\n",
    ]
    return "\n".join([*parts, *(f"::: {module}\n{options}" for module in modules)])


def api_navigation(pages: Iterable[str]) -> list[dict[str, str]]:
    """Return the entries of the pages of the API reference for the navigation, in order of their names."""
    return sorted(({PurePosixPath(page).stem: page} for page in pages), key=lambda entry: next(iter(entry)))
