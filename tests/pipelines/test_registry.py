"""Each registered job has a package with a launcher, a description and options with help texts."""

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
    assert "max_error_rate" in {action.dest for action in parser._actions} or name == "tune"


def test_every_package_with_a_launcher_is_registered() -> None:
    launchers = {path.parent.name for path in (ROOT / "pipelines").glob("*/__main__.py")}
    assert launchers == set(JOBS)


def test_jobs_are_listed() -> None:
    done = subprocess.run([sys.executable, "-m", "pipelines"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in JOBS:
        assert f"python -m pipelines.{name} " in done.stdout
