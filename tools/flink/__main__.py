"""`python -m tools.flink up`: start a local Flink cluster; `down` stops it."""

from __future__ import annotations

import argparse
import sys

from tools.flink import toolchain
from tools.flink.cluster import HOST, LocalCluster
from tools.flink.processes import NotReadyError

_FOLDER = toolchain.ENGINES / "flink"


def main() -> int:
    """Run one command and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tools.flink", description=__doc__)
    parser.add_argument("command", choices=("install", "up", "down", "checksums"))
    parser.add_argument("--task_managers", type=int, default=2)
    arguments = parser.parse_args()
    cluster = LocalCluster(_FOLDER)
    try:
        if arguments.command == "install":
            toolchain.install()
        elif arguments.command == "checksums":
            toolchain.write_checksums()
        elif arguments.command == "down":
            cluster.down()
        else:
            cluster.up(arguments.task_managers)
            print(f"Flink: http://{HOST}:{cluster.ports.rest}, jobs: {HOST}:{cluster.ports.job}, logs: {_FOLDER}")
    except (toolchain.MissingProgramError, NotReadyError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
