"""The end of a job: errors that a user can act upon are printed in one or two lines, others are raised."""

import argparse
from pathlib import Path
from typing import Any, ClassVar

import apache_beam as beam
import pytest

from pipelines.common.job import Job
from pipelines.common.run import run_job
from schemas import DatasetSchema
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


class FailingJob(Job):
    """A job whose graph cannot be built."""

    name = "extract"
    description = "A job that fails."
    failure: ClassVar[BaseException]
    folder: ClassVar[Path]
    versions: ClassVar[dict[str, str | None]]

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        pass

    @classmethod
    def from_options(cls, args: argparse.Namespace) -> "FailingJob":
        return cls(workspace=str(cls.folder), expected_versions=cls.versions, max_error_rate=0.0)

    @property
    def outputs(self) -> tuple[DatasetSchema, ...]:
        return ()

    @property
    def inputs(self) -> dict[str, Source | None]:
        return {"interactions": None}

    @property
    def configuration(self) -> dict[str, Any]:
        return {}

    def build(self, root: beam.Pipeline, progress: Progress) -> None:
        progress.add("interactions", 1)
        raise self.failure


def ended(workspace: Path, failure: BaseException, version: str | None = "1") -> int:
    """Run the job that fails in this way, and return its exit code."""
    FailingJob.folder, FailingJob.failure, FailingJob.versions = workspace, failure, {"journeys": version}
    return run_job(FailingJob, ["--runner=FnApiRunner"])


@pytest.mark.parametrize(
    ("failure", "reported"),
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
def test_what_a_user_can_act_upon_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], failure: Exception, reported: str
) -> None:
    assert ended(tmp_path, failure) == 1
    expected = f"extract failed: {reported}\nThe previous content of {tmp_path} is unchanged.\n"
    assert capsys.readouterr().err.lstrip().endswith(expected)


def test_a_new_workspace_has_no_previous_content(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ended(tmp_path, CommitError("a part is gone"), version=None) == 1
    assert capsys.readouterr().err.endswith("extract failed: a part is gone\n")


@pytest.mark.parametrize("failure", [ZeroDivisionError("a mistake of ours"), RuntimeError("a mistake of ours")])
def test_anything_else_is_raised(tmp_path: Path, failure: Exception) -> None:
    with pytest.raises(type(failure), match="a mistake of ours"):
        ended(tmp_path, failure)
