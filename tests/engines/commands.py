"""The real command in a process of its own or in this one, and what it wrote."""

import contextlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from pipelines.common.run import run_job
from pipelines.registry import load_job
from transforms.datasets.manifest import read_manifest

ROOT = Path(__file__).parents[2]
DATASETS = ("salient_terms", "histories", "journeys", "metrics", "errors")


class Ended(NamedTuple):
    """Result of a command: its exit code, its output, and its duration in seconds."""

    code: int
    said: str
    seconds: float


def extract_command(*options: str) -> list[str]:
    return command_of("extract", *options)


def command_of(job: str, *options: str) -> list[str]:
    return [sys.executable, "-m", f"pipelines.{job}", *options]


def extract(
    *options: str, folder: Path = ROOT, environment: Mapping[str, str] | None = None, seconds: float = 250
) -> Ended:
    """Runs `python -m pipelines.extract`, as a user would, in some folder."""
    return run_command("extract", *options, folder=folder, environment=environment, seconds=seconds)


def run_command(
    job: str, *options: str, folder: Path = ROOT, environment: Mapping[str, str] | None = None, seconds: float = 250
) -> Ended:
    """Runs `python -m pipelines.<job>`, as a user would, in some folder."""
    started = time.monotonic()
    done = subprocess.run(
        command_of(job, *options),
        cwd=folder,
        env=os.environ | dict(environment or {}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=seconds,
    )
    return Ended(done.returncode, done.stdout, time.monotonic() - started)


def run_direct(job: str, *options: str) -> float:
    """Runs a job on the FnApiRunner in this process, which has imported everything already; gives its seconds."""
    started = time.monotonic()
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.redirect_stderr(printed):
        code = run_job(load_job(job), ["--runner=FnApiRunner", *options])
    assert code == 0, printed.getvalue()
    return time.monotonic() - started


def log_of(sample: str) -> list[str]:
    folder = ROOT / "samples" / sample
    return [f"--interactions={folder / 'interactions.parquet'}", f"--items={folder / 'items.parquet'}"]


def parts(workspace: Path, datasets: Sequence[str] = DATASETS) -> dict[str, dict[str, bytes]]:
    """The parts that the manifests list, by dataset and name."""
    found = {}
    for dataset in datasets:
        manifest = read_manifest(str(workspace / dataset))
        assert manifest is not None, f"{workspace} has no {dataset}"
        found[dataset] = {part.name: (workspace / dataset / part.name).read_bytes() for part in manifest.parts}
    return found
