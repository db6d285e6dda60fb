"""How a job ends: what a user can act upon is told in a line or two, anything else is raised as it is."""

import argparse
import dataclasses
from pathlib import Path

import apache_beam as beam
import pytest

from pipelines.common.run import execute
from pipelines.extract.job import ExtractOptions
from transforms.datasets.error_rate import DataError
from transforms.datasets.files import Source
from transforms.datasets.manifest import CommitError
from transforms.progress import Progress

IN_A_WORKER = """bundle inst001 failed:Traceback (most recent call last):
  File "writing.py", line 281, in process
transforms.datasets.writing.DataError: first words

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
transforms.datasets.writing.DataError: 3 of 4 rows of [items] cannot be used
  null_title: a.parquet, row 0: item_id=1 [while running 'CommitDatasets/Commit']

"""


@dataclasses.dataclass
class Job:
    workspace: str
    sources: dict[str, Source] = dataclasses.field(default_factory=dict)


def ended(workspace: Path, failure: BaseException) -> int:
    """The exit code of a job that fails."""

    def build(_: beam.Pipeline, job: Job, progress: Progress) -> None:
        progress.add("interactions", 1)
        raise failure

    def plan(_: argparse.Namespace) -> Job:
        return Job(str(workspace))

    return execute("extract", ["--runner=FnApiRunner"], ExtractOptions, plan, build)


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (
            DataError("too [/many] errors\n  in a.parquet: OSError: none"),
            "too [/many] errors\n  in a.parquet: OSError: none",
        ),
        (CommitError("a part is gone"), "a part is gone"),
        (OSError("cannot write 'x' [while running 'Write']"), "cannot write 'x'"),
        (FileNotFoundError(2, "No such file", "log.parquet"), "[Errno 2] No such file: 'log.parquet'"),
        (
            RuntimeError(IN_A_WORKER),
            "3 of 4 rows of [items] cannot be used\n  null_title: a.parquet, row 0: item_id=1",
        ),
        (RuntimeError("OSError: [Errno 28] No space left [while running 'Write']"), "[Errno 28] No space left"),
        (RuntimeError("PermissionError: [Errno 13] Denied: '/x'"), "[Errno 13] Denied: '/x'"),
    ],
)
def test_what_a_user_can_act_upon_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], failure: Exception, told: str
) -> None:
    assert ended(tmp_path, failure) == 1
    expected = f"extract failed: {told}\nWhat was in {tmp_path} before is unchanged.\n"
    assert capsys.readouterr().err.lstrip().endswith(expected)


@pytest.mark.parametrize("failure", [ZeroDivisionError("a mistake of ours"), RuntimeError("a mistake of ours")])
def test_anything_else_is_raised(tmp_path: Path, failure: Exception) -> None:
    with pytest.raises(type(failure), match="a mistake of ours"):
        ended(tmp_path, failure)
