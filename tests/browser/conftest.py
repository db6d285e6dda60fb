"""A browser for the tests of the page, and a page about small workspaces."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines.page_workspace import write_report, write_workspaces

_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_workspaces(tmp_path_factory.mktemp("report"))
    write_report(folder, folder / "page.html", "--users=60", "--map_journeys=200", f"--lifecycles={folder / 'lives'}")
    return folder / "page.html"


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless Chromium: that of $CHROMIUM or of the system, otherwise that of Playwright."""
    from playwright.sync_api import sync_playwright

    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def open_page(browser: Any, page_file: Path) -> Iterator[Any]:
    """Opens the page as a file, and checks at the end that it logged no error and requested nothing."""
    contexts, problems, requested = [], [], []

    def show(**settings: Any) -> Any:
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type != "log" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("dialog", lambda dialog: problems.append(dialog.message) or dialog.dismiss())
        page.on("request", lambda request: requested.append(request.url))
        page.goto(page_file.as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert problems == []
    assert {url for url in requested if not url.startswith("data:")} <= {page_file.as_uri()}
