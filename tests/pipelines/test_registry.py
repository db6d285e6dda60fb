"""Each registered job has a package with a launcher, a description and options with help texts."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.common.command_line import Parser
from pipelines.common.job import Job
from pipelines.registry import JOBS, load_job

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", JOBS)
def test_a_job_has_its_name_a_description_and_options_with_help(name: str) -> None:
    job = load_job(name)
    assert issubclass(job, Job)
    assert job.name == name
    assert job.description.endswith(".")
    parser = Parser(add_help=False)
    job.add_options(parser)
    assert [action.dest for action in parser._actions if not action.help] == []
    assert "max_error_rate" in {action.dest for action in parser._actions} or name in ("tune", "report")


def test_every_package_with_a_launcher_is_registered() -> None:
    launchers = {path.parent.name for path in (ROOT / "pipelines").glob("*/__main__.py")}
    assert launchers == set(JOBS)


@pytest.mark.parametrize("name", JOBS)
def test_a_launcher_starts_its_own_job(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr("pipelines.launch.main", started.append)
    runpy.run_module(f"pipelines.{name}", run_name="__main__")
    assert started == [name]


def test_the_first_line_is_printed_before_beam_is_imported() -> None:
    program = """
import sys
sys.modules["apache_beam"] = None
from pipelines.launch import main
main("extract")
"""
    ended = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr.splitlines()[0] == "extract: starting"
    assert "import of apache_beam halted" in ended.stderr


def test_jobs_are_listed() -> None:
    done = subprocess.run([sys.executable, "-m", "pipelines"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in JOBS:
        assert f"python -m pipelines.{name} " in done.stdout
