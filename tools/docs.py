"""`python -m tools.docs`: rewrites the parts of pages that are generated from the code."""

import re
from pathlib import Path

from pipelines.common.options import JobOptions, options_table
from pipelines.evaluate.job import EvaluateOptions
from pipelines.extract.job import ExtractOptions
from pipelines.interest.job import InterestOptions
from pipelines.name.job import NameOptions
from pipelines.salience.job import SalienceOptions
from pipelines.tune.job import TuneOptions

_ROOT = Path(__file__).parent.parent
README = _ROOT / "README.md"
PAGES = (
    README,
    *(_ROOT / "docs" / f"{name}.md" for name in ("evaluation", "salience", "interest", "naming", "tuning")),
)
_OPTIONS: dict[str, type[JobOptions]] = {
    "extract": ExtractOptions,
    "evaluate": EvaluateOptions,
    "salience": SalienceOptions,
    "interest": InterestOptions,
    "name": NameOptions,
    "tune": TuneOptions,
}
_TABLE = re.compile(rf"(<!-- options of ({'|'.join(_OPTIONS)}) -->\n).*?(\n<!-- end -->)", re.DOTALL)


def insert_options_table(text: str) -> str:
    """The text of a page with today's table of options between its marks.

    Raises:
        ValueError: when the marks are not there, or more than once.
    """
    rewritten, found = _TABLE.subn(lambda marks: f"{marks[1]}{options_table(_OPTIONS[marks[2]])}{marks[3]}", text)
    if found != 1:
        raise ValueError(f"a page must have the marks of an options table once, has them {found} times")
    return rewritten


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(insert_options_table(page.read_text(encoding="utf-8")), encoding="utf-8")
