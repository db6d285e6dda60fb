"""`python -m tools.docs`: rewrite the parts of pages that are generated from the code."""

import re
from pathlib import Path

from pipelines.common.command_line import options_table
from pipelines.registry import JOBS, load_job
from tools.input_docs import SECTIONS

_ROOT = Path(__file__).parent.parent
README = _ROOT / "README.md"
_MARK = re.compile(r"^<!-- options of (\w+) -->$", re.MULTILINE)
_TABLE = re.compile(rf"(^<!-- options of ({'|'.join(JOBS)}) -->\n).*?(\n<!-- end -->)", re.DOTALL | re.MULTILINE)


_SECTION = re.compile(rf"(^<!-- ({'|'.join(SECTIONS)}) -->\n).*?(^<!-- end -->)", re.DOTALL | re.MULTILINE)


def pages() -> list[Path]:
    """Return the pages with generated parts: the README and pages of `docs`."""
    candidates = [README, *sorted((_ROOT / "docs").glob("*.md"))]
    texts = {page: page.read_text(encoding="utf-8") for page in candidates}
    return [page for page, text in texts.items() if _MARK.search(text) or _SECTION.search(text)]


def insert_generated_parts(text: str) -> str:
    """Return the text of a page with the current content of all generated parts.

    Raises:
        ValueError: when the mark of an options table names no job, or has no end.
    """
    return _SECTION.sub(lambda marks: f"{marks[1]}{SECTIONS[marks[2]]()}\n{marks[3]}", insert_options_tables(text))


def insert_options_tables(text: str) -> str:
    """Return the text of a page with the current options between the marks of each table.

    Raises:
        ValueError: when a mark names no job, or has no end.
    """
    rewritten, replaced = _TABLE.subn(lambda marks: f"{marks[1]}{options_table(load_job(marks[2]))}{marks[3]}", text)
    if (marks := len(_MARK.findall(text))) != replaced:
        raise ValueError(f"{marks} marks of an options table, of which {replaced} name a job and have an end")
    return rewritten


if __name__ == "__main__":
    for page in pages():
        page.write_text(insert_generated_parts(page.read_text(encoding="utf-8")), encoding="utf-8")
