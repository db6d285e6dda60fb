"""Logs of the processes of a cluster."""

import re
from pathlib import Path

from tools.flink.processes import ManagedProcess


def size_of_log(process: ManagedProcess) -> int:
    return Path(process.log).stat().st_size


def log_from(process: ManagedProcess, start: int) -> str:
    with Path(process.log).open("rb") as log:
        log.seek(start)
        return log.read().decode(errors="replace")


def extracting_workers(log: str) -> set[int]:
    """The processes that said, through their TaskManager, that they extract journeys."""
    return {int(pid) for pid in re.findall(r"process (\d+) extracts journeys", log)}
