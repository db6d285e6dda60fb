"""Hooks of MkDocs, which it calls while it builds the site (`hooks` in `mkdocs.yml`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File

from tools.site.check import find_problems
from tools.site.pages import api_navigation, api_pages, find_files, rewrite_links, site_path, to_anchor

_ROOT = Path(__file__).parents[2]
_SOURCE = "source_in_repository"
_ASSETS = ("iframe-worker.js", "style.css")


def on_config(config: Any) -> Any:
    """Add the pages of the API reference to the navigation, and give headings the anchors that code hosts give."""
    config.mdx_configs.setdefault("toc", {})["slugify"] = to_anchor
    config.nav.append({"API": api_navigation(api_pages(_ROOT))})
    return config


def on_files(files: Any, config: Any) -> Any:
    """Add the files outside of `docs` that are part of the site, and the pages of the API reference."""
    for path in find_files(_ROOT):
        place = site_path(path)
        file = files.get_file_from_path(place)
        if file is None:
            file = File.generated(config, place, abs_src_path=str(_ROOT / path))
            files.append(file)
        setattr(file, _SOURCE, path)
    for name in _ASSETS:
        files.append(File.generated(config, f"assets/{name}", abs_src_path=str(Path(__file__).with_name(name))))
    for place, text in api_pages(_ROOT).items():
        files.append(File.generated(config, place, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Rewrite the links of a page, which are those of the repository, to links within the site."""
    path = getattr(page.file, _SOURCE, None)
    return markdown if path is None else rewrite_links(path, markdown)


def on_post_build(config: Any) -> None:
    """Check the built pages.

    Raises:
        PluginError: with a line for each broken link and for each request to another host.
    """
    problems = find_problems(Path(config.site_dir))
    if problems:
        raise PluginError("\n".join(problems))
