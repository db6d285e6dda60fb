"""The page that follows one user shows the rows that the jobs write for the sample."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documented_commands import ROOT
from tools.queries import insert_rows

PAGE = ROOT / "docs" / "one_user.md"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_rows_of_the_page_are_those_of_the_sample(tmp_path: Path) -> None:
    (tmp_path / "samples").symlink_to(ROOT / "samples")
    command = [sys.executable, "-m", "pipelines.run_all", f"--workspace={tmp_path / 'workspace'}"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-5000:]
    text = PAGE.read_text(encoding="utf-8")
    assert insert_rows(text, tmp_path) == text, "its first lines have the commands that update it"


def test_the_page_has_rows_below_each_query() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("```sql") == text.count("```\n\n| ") > 5
