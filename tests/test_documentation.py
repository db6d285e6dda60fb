import re
from pathlib import Path

import pytest
import yaml

import schemas
from pipelines.registry import JOBS
from schemas.docs import render_markdown
from tests.documented_commands import PAGES, ROOT
from tools.docs import insert_generated_parts, insert_options_tables, pages
from tools.site.pages import Link, anchors, links, site_path


def test_the_page_about_datasets_is_up_to_date() -> None:
    assert (ROOT / "schemas" / "README.md").read_text(encoding="utf-8") == render_markdown(), "run `make docs`"


@pytest.mark.parametrize("path", pages(), ids=lambda path: path.name)
def test_the_generated_parts_of_pages_are_up_to_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert insert_generated_parts(text) == text, "run `make docs`"


def test_the_mark_of_an_options_table_names_a_job() -> None:
    with pytest.raises(ValueError, match="1 marks of an options table, of which 0 name a job"):
        insert_options_tables("<!-- options of nothing -->\n\n<!-- end -->")


def test_every_job_has_an_options_table() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in pages())
    assert [name for name in JOBS if f"<!-- options of {name} -->" not in text] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_link_to_a_file_of_the_repository_has_its_file_and_its_heading(page: str) -> None:
    """So pages work on a code host; `make site` checks the same links in the site."""
    found = list(links(page, (ROOT / page).read_text(encoding="utf-8")))
    assert [link.path for link in found if not (ROOT / link.path).is_file()] == []
    to_headings = [link for link in found if link.anchor and link.path.endswith(".md")]
    assert [link for link in to_headings if link.anchor not in anchors((ROOT / link.path).read_text("utf-8"))] == []


def test_every_page_is_in_the_navigation_of_the_site() -> None:
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    listed = [
        page
        for group in configuration["nav"]
        for entries in group.values()
        for entry in entries
        for page in entry.values()
    ]
    assert sorted({site_path(page) for page in PAGES} - set(listed)) == []
    assert len(set(listed)) == len(listed)


def words_of_diagram(name: str) -> set[str]:
    """Returns the words of all texts of a diagram."""
    picture = (ROOT / "docs" / name).read_text(encoding="utf-8")
    return set(re.findall(r"\w+", " ".join(re.findall(r">([^<>]+)</text>", picture))))


def test_the_diagram_of_packages_has_every_job_and_every_package() -> None:
    folder = ROOT / "transforms"
    packages = {path.parent.name for path in folder.glob("*/__init__.py")} | {path.stem for path in folder.glob("*.py")}
    assert {*JOBS, *packages} - {"__init__"} - words_of_diagram("architecture.svg") == set()


def test_the_diagram_of_datasets_has_every_job_and_every_output() -> None:
    outputs = {each.name for each in schemas.OUTPUTS}
    assert {*JOBS, *outputs} - words_of_diagram("datasets.svg") == set()


def sizing_rows() -> list[tuple[str, Link]]:
    """Returns what the page about sizing says was measured, each with the link to where it says so."""
    text = (ROOT / "docs" / "sizing.md").read_text(encoding="utf-8")
    rows = [line.strip("| \n").split(" | ") for line in text.splitlines() if line.count(" | ") == 2]
    return [(row[1], link) for row in rows for link in links("docs/sizing.md", row[2]) if re.search(r"\d", row[1])]


def test_values_of_the_page_about_sizing_stand_on_the_linked_pages() -> None:
    rows = sizing_rows()
    assert len(rows) > 10
    for measured, link in rows:
        text = (ROOT / link.path).read_text(encoding="utf-8")
        missing = [number for number in re.findall(r"\d[\d,.:]*\d|\d", measured) if number not in text]
        assert missing == [], f"{link.path} does not have {missing} of {measured!r}"
