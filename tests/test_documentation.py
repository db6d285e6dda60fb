from pathlib import Path

from pipelines.documentation import README, with_options
from schemas.page import page

ROOT = Path(__file__).parents[1]


def test_the_page_about_datasets_is_up_to_date() -> None:
    assert (ROOT / "schemas" / "README.md").read_text(encoding="utf-8") == page(), "run `make docs`"


def test_the_options_in_the_readme_are_up_to_date() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_options(text) == text, "run `make docs`"
