"""Wall time, processor time and peak memory of a program, with all processes that it starts."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import psutil

_POLL_SECONDS = 0.1
_SHOWN_CHARACTERS = 2000
_ROOT = Path(__file__).parents[1]


class Usage(NamedTuple):
    """Time and memory of one run of a program.

    Attributes:
        seconds: from its start to its end, start-up included.
        cpu_seconds: CPU time of its processes, summed over all cores; hardly affected by other load of the machine.
        peak_bytes: maximum memory of all its processes together, by polling.
        output: its standard output.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


class ProgramError(RuntimeError):
    """A measured program failed."""


def measure(module: str, arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> Usage:
    """Run `python -m module` in the project's root and measure it.

    Raises:
        ProgramError: if it does not exit with 0, with the end of its output.
    """
    command = [sys.executable, "-m", module, *arguments]
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=output, stderr=errors, cwd=_ROOT, env={**os.environ, **(environment or {})}
        )
        peak = 0
        while True:
            ended, status, resources = os.wait4(process.pid, os.WNOHANG)
            if ended:
                break
            peak = max(peak, _tree_bytes(process.pid))
            time.sleep(_POLL_SECONDS)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            errors.seek(0)
            raise ProgramError(
                f"{' '.join(command)} exited with {process.returncode}:\n{errors.read().decode()[-2000:]}"
            )
        output.seek(0)
        return Usage(seconds, resources.ru_utime + resources.ru_stime, peak, output.read().decode())


def _tree_bytes(pid: int) -> int:
    """Return the resident memory of a process and its descendants at this moment."""
    try:
        root = psutil.Process(pid)
        return sum(_resident_bytes(process) for process in [root, *root.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def _resident_bytes(process: psutil.Process) -> int:
    try:
        resident: int = process.memory_info().rss
    except psutil.NoSuchProcess:
        return 0
    return resident
