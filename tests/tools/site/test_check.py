from pathlib import Path

import pytest

from tools.site.check import find_problems


def write(site: Path, **pages: str) -> Path:
    for name, body in pages.items():
        (site / f"{name}.html").write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    return site


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="b.html#there">b</a>', ""),
        ('<a href="#here">a</a><h2 id="here">a</h2>', ""),
        ('<a href="https://a.org/c">elsewhere</a>', ""),
        ('<a href="mailto:a@b.org">write</a>', ""),
        ('<img src="data:image/png;base64,AA==">', ""),
        ('<a href="c.html">c</a>', "a.html: the link c.html has no page"),
        ('<a href="b.html#nowhere">b</a>', "a.html: the link b.html#nowhere has no such anchor"),
        ('<img src="c.png">', "a.html: c.png is no file of the site"),
        ('<script src="https://a.org/b.js"></script>', "a.html: requests https://a.org/b.js"),
        ('<link rel="stylesheet" href="//a.org/b.css">', "a.html: requests //a.org/b.css"),
        ('<link rel="canonical" href="https://a.org/b">', ""),
    ],
)
def test_broken_links_and_requests_are_found(tmp_path: Path, body: str, problem: str) -> None:
    site = write(tmp_path, a=body, b='<h2 id="there">b</h2>')
    assert find_problems(site) == ([problem] if problem else [])


def test_styles_request_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text('@import "https://a.org/b.css"; b { background: url(c.png) }', encoding="utf-8")
    assert find_problems(tmp_path) == ["a.css: requests https://a.org/b.css"]
