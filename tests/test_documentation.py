from pathlib import Path

import pytest

from schemas.docs import render_markdown
from tools.docs import PAGES, insert_options_table

ROOT = Path(__file__).parents[1]


def test_the_page_about_datasets_is_up_to_date() -> None:
    assert (ROOT / "schemas" / "README.md").read_text(encoding="utf-8") == render_markdown(), "run `make docs`"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_the_options_in_pages_are_up_to_date(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert insert_options_table(text) == text, "run `make docs`"


def test_a_page_has_the_marks_of_one_table() -> None:
    with pytest.raises(ValueError, match="has them 0 times"):
        insert_options_table("<!-- options of nothing -->\n\n<!-- end -->")
