from pathlib import Path

import pytest

from pipelines.registry import JOBS
from schemas.docs import render_markdown
from tools.docs import insert_generated_parts, insert_options_tables, pages

ROOT = Path(__file__).parents[1]


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
