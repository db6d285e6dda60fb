"""Start and stop processes, each with a log."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil

_POLL_SECONDS = 0.2
_LOG_LINES = 25
_SECONDS_TO_END = 10.0


class NotReadyError(RuntimeError):
    """A process ended or did not become ready; the message contains the end of its log."""


@dataclasses.dataclass(frozen=True)
class ManagedProcess:
    """A process that was started as the leader of its own session.

    Attributes:
        name: name of the process and its log.
        pid: id of the process and of the session to which all its descendants belong.
        since: start time by the system's clock, which distinguishes the process from a later one with the same id.
        log: path of its output.
    """

    name: str
    pid: int
    since: float
    log: str

    @property
    def is_running(self) -> bool:
        """Whether the process is running and not a zombie."""
        try:
            process = psutil.Process(self.pid)
            return process.create_time() == self.since and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def session(self) -> list[psutil.Process]:
        """Return the process and its descendants that are running, even if the process itself has ended."""
        members = []
        for process in psutil.process_iter():
            try:
                if os.getsid(process.pid) == self.pid and process.create_time() >= self.since:
                    members.append(process)
            except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
                continue
        return members

    def log_tail(self) -> str:
        """Return the last lines of its output."""
        lines = Path(self.log).read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(lines[-_LOG_LINES:])


def start(
    name: str, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
) -> ManagedProcess:
    """Start a process in its own session; its output goes to `NAME.log` in `folder`."""
    log = folder / f"{name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | dict(environment or {}),
            cwd=folder,
            start_new_session=True,
        )
    return ManagedProcess(name, process.pid, psutil.Process(process.pid).create_time(), str(log))


def wait_until(ready: Callable[[], bool], what: str, needed: Sequence[ManagedProcess], seconds: float) -> None:
    """Wait for a condition while the processes that it needs are running.

    Raises:
        NotReadyError: if one of them ends or the time is over.
    """
    deadline = time.monotonic() + seconds
    while not ready():
        for process in needed:
            if not process.is_running:
                raise NotReadyError(f"{process.name} ended; the end of {process.log}:\n{process.log_tail()}")
        if time.monotonic() > deadline:
            ends = "\n".join(f"the end of {process.log}:\n{process.log_tail()}" for process in needed)
            raise NotReadyError(f"{what} was not ready within {seconds:g} s; {ends}")
        time.sleep(_POLL_SECONDS)


def stop(started: Sequence[ManagedProcess]) -> None:
    """End processes and their descendants: terminate first, then kill."""
    members = [process for each in started for process in each.session()]
    for process in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.terminate()
    _, left = psutil.wait_procs(members, timeout=_SECONDS_TO_END)
    for process in left:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(left, timeout=_SECONDS_TO_END)


def save_state(path: Path, started: Sequence[ManagedProcess]) -> None:
    """Writes down what was started."""
    path.write_text(json.dumps([dataclasses.asdict(each) for each in started], indent=1), encoding="utf-8")


def load_state(path: Path) -> list[ManagedProcess]:
    """Load the processes that `save_state` wrote; empty if there is no such file."""
    if not path.exists():
        return []
    return [ManagedProcess(**fields) for fields in json.loads(path.read_text(encoding="utf-8"))]
