"""The command `interest-journeys`, as it is installed."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from schemas import JOURNEYS
from tests.pipelines.logs import ITEMS, LOG, rows, write

PROGRAM = Path(sys.executable).with_name("interest-journeys")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder that has packages of the names of ours, with a log and its catalogue."""
    for name in ("pipelines", "transforms", "schemas"):
        write(tmp_path, {f"{name}/__init__.py": b"raise RuntimeError('a package of the working folder')"})
    return write(tmp_path, {"log.parquet": LOG, "items.parquet": ITEMS})


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(PROGRAM), *arguments], cwd=folder, capture_output=True, text=True, timeout=300)


def test_a_job_runs_in_a_folder_that_has_packages_of_the_same_names(folder: Path) -> None:
    workers = ("--direct_running_mode=multi_processing", "--direct_num_workers=2")
    ended = run(folder, "extract", "--interactions=log.parquet", "--items=items.parquet", "--workspace=out", *workers)
    assert ended.returncode == 0, ended.stderr
    assert rows(folder / "out", JOURNEYS)


def test_the_jobs_are_listed(folder: Path) -> None:
    assert "python -m pipelines.extract" in run(folder).stdout


def test_an_unknown_job_is_an_error_with_a_suggestion(folder: Path) -> None:
    ended = run(folder, "extrat")
    assert ended.returncode == 2
    assert ended.stderr == "interest-journeys: there is no job 'extrat'; did you mean extract?\n"


@pytest.mark.parametrize("arguments", [("--version",), ("extract", "--version")])
def test_the_version(folder: Path, arguments: tuple[str, ...]) -> None:
    ended = run(folder, *arguments)
    assert (ended.returncode, ended.stdout) == (0, f"interest-journeys {version('interest-journeys')}\n")
