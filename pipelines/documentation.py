"""`python -m pipelines.documentation`: rewrites the parts of README.md that are generated from the code."""

import re
from pathlib import Path

from pipelines.extract_job import ExtractOptions
from pipelines.options import options_table

README = Path(__file__).parent.parent / "README.md"
_OPTIONS = re.compile(r"(<!-- options of extract -->\n).*?(\n<!-- end -->)", re.DOTALL)


def with_options(text: str) -> str:
    """The text of the README with today's table of options between its marks.

    Raises:
        ValueError: when the marks are not there.
    """
    rewritten, found = _OPTIONS.subn(lambda marks: f"{marks[1]}{options_table(ExtractOptions)}{marks[2]}", text)
    if found != 1:
        raise ValueError(f"{README} must have the marks of the options table once, has them {found} times")
    return rewritten


if __name__ == "__main__":
    README.write_text(with_options(README.read_text(encoding="utf-8")), encoding="utf-8")
